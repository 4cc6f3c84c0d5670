package rooms

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// H-18: the list of public rooms has a bound, and whoever fills it with rooms of
// long descriptions hides no one else's.
func TestListOfPublicRooms(t *testing.T) {
	r, now := New(Options{RoomRate: -1}), time.Unix(1_000_000, 0)
	open := func(id, from, extra string) {
		socket := SocketID(len(r.users) + 1)
		var out Outbox
		if err := r.Connect(now, Hello{Socket: socket, From: from, Fresh: "u" + id, Query: url.Values{}}, &out); err != nil {
			t.Fatal(err)
		}
		arg := fmt.Sprintf(`{"sessionid":%q,"identifier":"pub","extra":{"p":%q}}`, id, extra)
		r.Event(now, socket, Prepare(Event{Name: "open-room", Args: []json.RawMessage{json.RawMessage(arg)}}), &out)
	}
	for i := range 40 {
		open(fmt.Sprint("hog", i), "192.0.2.1", strings.Repeat("x", 16_000))
	}
	for i := range 5 {
		open(fmt.Sprint("small", i), "198.51.100.1", "")
	}
	var out Outbox
	r.Event(now, 1, Prepare(Event{Name: "get-public-rooms", Args: []json.RawMessage{json.RawMessage(`"pub"`)}}), &out)
	text := string(out[0].Event.Args[0])
	if n := strings.Count(text, `"sessionid":"small`); n != 5 || len(text) > (256<<10)+1000 {
		t.Errorf("%d rooms of others in %d bytes, want 5", n, len(text))
	}
	if n := strings.Count(text, `"sessionid":"hog`); n < 7 {
		t.Errorf("only %d rooms of who has many", n)
	}
}
