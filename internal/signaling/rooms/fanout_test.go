package rooms

import (
	"encoding/json"
	"testing"
	"time"
)

// H-18, W-08: what goes to a whole room has one bound for its text and its
// attachments together, whichever event carries it.
func TestAttachmentsCountForRooms(t *testing.T) {
	for name, arg := range map[string]string{
		"custom-message":             `{"_placeholder":true,"num":0}`,
		"scalable-broadcast-message": `{"_placeholder":true,"num":0}`,
		"msg":                        `{"remoteUserId":"live","message":{"newParticipationRequest":true,"a":{"_placeholder":true,"num":0}}}`,
	} {
		for size, want := range map[int]int{100: 1, 400: 0} {
			s := newScript(t) // its limit is 300 bytes
			scalable := " enableScalableBroadcast=true"
			if name == "msg" {
				scalable = ""
			}
			s.step("connect a" + scalable)
			s.step("connect b" + scalable)
			s.step(`a open-room {"sessionid":"live"}`)
			s.step(`b join-room {"sessionid":"live"}`)
			s.step(`a join-broadcast {"broadcastId":"live"}`)
			s.step(`b join-broadcast {"broadcastId":"live"}`)
			var out Outbox
			e := Event{Name: name, Args: []json.RawMessage{json.RawMessage(arg)}, Attachments: [][]byte{make([]byte, size/2), make([]byte, size/2)}, Ack: -1}
			s.rooms.Event(time.Unix(1_000_000, 0), s.sockets["a"], Prepare(e), &out)
			sent := 0
			for _, effect := range out {
				if effect.Kind == Emit {
					sent++
				}
			}
			if sent != want {
				t.Errorf("%s with %d bytes went to %d others, want %d", name, size, sent, want)
			}
		}
	}
}
