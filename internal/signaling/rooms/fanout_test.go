package rooms

import (
	"encoding/json"
	"net/url"
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

// What goes to all in a room is written once, whoever of them is there.
func TestFanoutIsOneEvent(t *testing.T) {
	s := newScript(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		s.step("connect " + name)
		s.step(name + map[bool]string{true: ` open-room {"sessionid":"r"}`, false: ` join-room {"sessionid":"r"}`}[name == "a"])
	}
	s.step("lose b")
	var out Outbox
	s.rooms.Event(s.now, s.sockets["a"], Prepare(Event{Name: "custom-message", Args: []json.RawMessage{json.RawMessage("1")}, Ack: -1}), &out)
	if len(out) != 2 || out[0].Again || !out[1].Again || out[0].Mark == "" || out[0].Mark == out[1].Mark {
		t.Errorf("%+v", out)
	}
}

// W-10, W-S5: whatever an event is called and brings, the state holds together.
func FuzzEvent(f *testing.F) {
	for name := range handlers() {
		f.Add(name, []byte(`{"sessionid":"r","broadcastId":"live","userid":"a"}`), []byte("null"))
	}
	f.Add("msg", []byte(`{"remoteUserId":"b","message":{"newParticipationRequest":true},"sender":"a"}`), []byte("1"))
	f.Add("msg", []byte(`{"remoteUserId":"system","message":{"detectPresence":true,"userid":{}}}`), []byte("[]"))
	f.Fuzz(func(t *testing.T, name string, first, second []byte) {
		if !json.Valid(first) || !json.Valid(second) {
			return // does not get here
		}
		m := monkey{t: t, rooms: New(Options{Rooms: 5, Participants: 4, RoomRate: -1}), now: time.Unix(1_000_000, 0)}
		for i, user := range []string{"a", "b"} {
			h := Hello{Socket: SocketID(i + 1), Fresh: user, NewPID: "p" + user, Query: url.Values{"userid": {user}, "msgEvent": {"msg"}}}
			var out Outbox
			if err := m.rooms.Connect(m.now, h, &out); err != nil {
				t.Fatal(err)
			}
		}
		for _, socket := range []SocketID{1, 2, 1} {
			var out Outbox
			m.rooms.Event(m.now, socket, Prepare(Event{Name: name, Args: []json.RawMessage{first, second}, Ack: 1}), &out)
			m.check(name)
			for _, e := range out {
				for _, a := range e.Event.Args {
					if !json.Valid(a) {
						t.Fatalf("%s: %q is sent", name, a)
					}
				}
			}
		}
	})
}
