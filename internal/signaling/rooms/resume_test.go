package rooms

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Who has missed more than is kept does not come back as if nothing had been: it
// gets a new pid, by which its client knows, and the others hear that it had gone.
func TestResumeAfterTooMuch(t *testing.T) {
	s := newScript(t) // keeps 2000 bytes
	for _, line := range []string{"connect a", "connect b", `a open-room {"sessionid":"r"}`, `b join-room {"sessionid":"r"}`, `a msg {"remoteUserId":"b","message":{"x":1}}`, "lose b"} {
		s.step(line)
	}
	for range 3 {
		s.step(`a msg {"remoteUserId":"b","message":{"x":"` + strings.Repeat("x", 900) + `"}}`)
	}
	got := strings.Join(s.step("resume b"), "|")
	if want := `a gets user-disconnected "b"|b welcome new`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A connection that is taken up again has the rights of the token that it brings,
// not those of the one that it once had, and it cannot bring another user's.
func TestResumeTakesTheNewToken(t *testing.T) {
	s := newScript(t)
	s.step("connect a grant=r")
	s.step("lose a")
	s.now = s.now.Add(2 * time.Hour) // the token has ended; nobody has looked yet
	again := func(user string) (string, error) {
		var out Outbox
		s.last++
		s.sockets["a"], s.names[s.last] = s.last, "a"
		grant := &Grant{User: user, Open: []string{"other"}, Expires: s.now.Add(time.Hour)}
		err := s.rooms.Connect(s.now, Hello{Socket: s.last, PID: s.pids["a"], Fresh: "f", NewPID: "new", Grant: grant}, &out)
		var said []string
		for _, e := range out {
			said = append(said, s.tell(e))
		}
		return strings.Join(said, "|"), err
	}
	if said, err := again("mallory"); err != ErrGrant || said != "" {
		t.Errorf("with another's token: %s, %v", said, err)
	}
	if said, err := again("a"); err != nil || said != "a welcome pid1" {
		t.Errorf("%s, %v", said, err)
	}
	for room, want := range map[string]string{"r": `a answer false "Room permission denied"`, "other": "a answer true"} {
		if got := strings.Join(s.step(`a open-room {"sessionid":"`+room+`"}`), "|"); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want %s", room, got, want)
		}
	}
}

// pair is a room with a and b, who have met; b has marked how far it has come.
func pair(t *testing.T) *script {
	s := newScript(t)
	for _, line := range []string{"connect a", "connect b", `a open-room {"sessionid":"r"}`, `b join-room {"sessionid":"r"}`, `a msg {"remoteUserId":"b","message":{"x":0}}`} {
		s.step(line)
	}
	return s
}

// What was sent into a connection that was lost already comes again, in its order;
// what the client has got does not, wherever the connection broke.
func TestResumeFromTheOffset(t *testing.T) {
	const one, two = `b gets custom-message 1`, `b gets custom-message "two"`
	for name, tt := range map[string]struct {
		offset func(had, first, second string) string
		want   string
	}{
		"nothing since":             {func(had, _, _ string) string { return had }, one + "|" + two},
		"the first":                 {func(_, first, _ string) string { return first }, two},
		"both":                      {func(_, _, second string) string { return second }, ""},
		"both, without the mark":    {func(_, _, _ string) string { return "two" }, ""},
		"nothing ever":              {func(_, _, _ string) string { return "" }, "b gets user-connected \"a\"|b gets msg {\"remoteUserId\":\"b\",\"message\":{\"x\":0},\"sender\":\"a\",\"extra\":{}}|" + one + "|" + two},
		"more than there ever was":  {func(_, _, _ string) string { return "#999" }, ""},
		"a number that is too long": {func(_, _, _ string) string { return "#99999999999999999999" }, "new"},
		"a text of nobody's":        {func(_, _, _ string) string { return "nobody's" }, "new"},
	} {
		for _, noticed := range []bool{true, false} {
			s := pair(t)
			had := s.marks["b"]
			s.step("a ! custom-message 1")
			first := s.marks["b"]
			s.step(`a ! custom-message "two"`)
			s.marks["b"] = tt.offset(had, first, s.marks["b"])
			if noticed {
				s.step("lose b")
			}
			got := strings.Join(s.step("resume b"), "|")
			want := strings.TrimSuffix("b welcome pid2|"+tt.want, "|")
			switch {
			case tt.want == "new":
				if !strings.HasSuffix(got, "b welcome new") {
					t.Errorf("%s, noticed %v: %s, want a new pid", name, noticed, got)
				}
				continue
			case !noticed:
				want = "b put out|" + want
			}
			if got != want {
				t.Errorf("%s, noticed %v:\n got %s\nwant %s", name, noticed, got, want)
			}
			// A second loss at once finds the same.
			s.step("lose b")
			if again := strings.Join(s.step("resume b"), "|"); again != "b welcome pid2" {
				t.Errorf("%s, the second time: %s", name, again)
			}
		}
	}
}

// What is kept is forgotten with time, with too much of it and with the user; who
// asks for what is forgotten comes in anew.
func TestBacklogIsBounded(t *testing.T) {
	s := pair(t)
	had := s.marks["b"]
	for range 40 {
		s.step(`a ! custom-message "` + strings.Repeat("x", 200) + `"`) // together more than the 2000 of a backlog
	}
	b := &s.rooms.users["b"].backlog
	if b.size > 2000 || len(b.sent) < 4 {
		t.Errorf("%d bytes of %d events are kept", b.size, len(b.sent))
	}
	latest := s.marks["b"]
	if missed, ok := b.after(latest); !ok || len(missed) != 0 {
		t.Errorf("who has got all would be sent %d events, %v", len(missed), ok)
	}
	if _, ok := b.after(had); ok {
		t.Error("who misses what is kept no more would not know")
	}
	s.step("advance 61s")
	if kept := s.rooms.Stats().Kept; kept != 0 || b.sent != nil {
		t.Errorf("%d bytes are kept for a minute and more", kept)
	}
	if _, ok := b.after(latest); !ok {
		t.Error("an old mark is none")
	}
	s.step("a ! custom-message 1")
	s.step("leave b")
	s.step("leave a")
	if kept := s.rooms.Stats().Kept; kept != 0 {
		t.Errorf("%d bytes are kept of users who left", kept)
	}
}

// H-18: what is kept for all together has a bound, however many they are.
func TestBacklogsAreBounded(t *testing.T) {
	s := newScript(t)
	s.rooms = New(Options{Kept: 100_000, RoomRate: -1})
	s.step("connect a")
	s.step(`a open-room {"sessionid":"r"}`)
	const members = 3
	for i := range members {
		name := "m" + strconv.Itoa(i)
		s.step("connect " + name)
		s.step(name + ` join-room {"sessionid":"r"}`)
	}
	for range 100 {
		s.step(`a ! custom-message "` + strings.Repeat("x", 5000) + `"`)
	}
	if kept := s.rooms.Stats().Kept; kept > 100_000+members*backlogShare || kept < members*backlogShare/2 {
		t.Errorf("%d bytes are kept", kept)
	}
}
