package rooms

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write the scenarios anew")

// TestScenarios runs the scripts in testdata/scenarios. A line that is not
// indented does something; the indented lines below it are all that came of it.
//
//	connect NAME [KEY=VALUE ...]     a client connects; "grant=", "from=" and "old=" are not of the query
//	NAME EVENT [JSON ...]            it emits an event and waits for an answer
//	NAME ! EVENT [JSON ...]          it waits for none
//	leave NAME | lose NAME           it says good-bye; its connection breaks
//	resume NAME                      it comes back with the pid it was given
//	advance DURATION                 time goes by
//	stats                            the counts that are not zero
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newScript(t).run(string(want))
			switch {
			case *rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			case got != string(want):
				t.Errorf("differs; run with -rewrite and look at the difference:\n%s", got)
			}
		})
	}
}

// script is one scenario being run.
type script struct {
	t       *testing.T
	rooms   *Rooms
	now     time.Time
	sockets map[string]SocketID
	names   map[SocketID]string
	last    SocketID
	pids    map[string]string
	marks   map[string]string // of the last event that each got
	ack     int64
}

func newScript(t *testing.T) *script {
	t.Helper()
	return &script{
		t: t, now: time.Unix(1_000_000, 0), sockets: map[string]SocketID{}, names: map[SocketID]string{}, pids: map[string]string{}, marks: map[string]string{},
		rooms: New(Options{Rooms: 20, Participants: 4, Backlog: 2000, Extra: 200, Fanout: 300}),
	}
}

func (s *script) run(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		b.WriteString(line)
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			for _, effect := range s.step(line) {
				fmt.Fprintf(&b, "  %s\n", effect)
			}
		}
	}
	return b.String()
}

func (s *script) step(line string) []string {
	verb, rest, _ := strings.Cut(line, " ")
	var out Outbox
	var said []string
	switch verb {
	case "connect":
		if err := s.connect(rest, &out); err != nil {
			said = []string{"refused: " + err.Error()}
		}
	case "resume":
		s.last++
		s.sockets[rest], s.names[s.last] = s.last, rest
		h := Hello{Socket: s.last, PID: s.pids[rest], Offset: s.marks[rest], Fresh: "fresh" + strconv.Itoa(int(s.last)), NewPID: "new", Query: url.Values{"userid": {rest}}}
		if err := s.rooms.Connect(s.now, h, &out); err != nil {
			said = []string{"refused: " + err.Error()}
		}
	case "leave", "lose":
		s.rooms.Disconnect(s.now, s.sockets[rest], verb == "leave", &out)
	case "advance":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(d)
		s.rooms.Expire(s.now, &out)
	case "stats":
		said = []string{counts(s.rooms.Stats())}
	default:
		s.emit(verb, rest, &out)
	}
	for _, e := range out {
		said = append(said, s.tell(e))
	}
	return said
}

func counts(s Stats) string {
	var v map[string]any
	if err := json.Unmarshal(marshal(s), &v); err != nil {
		panic(err)
	}
	maps.DeleteFunc(v, func(_ string, n any) bool { return n == 0.0 })
	return string(marshal(v))
}

func (s *script) connect(rest string, out *Outbox) error {
	f := strings.Fields(rest)
	s.last++
	s.sockets[f[0]], s.names[s.last] = s.last, f[0]
	n := strconv.Itoa(int(s.last))
	h := Hello{Socket: s.last, From: "198.51.100.1", Fresh: "fresh" + n, NewPID: "pid" + n, Query: url.Values{"userid": {f[0]}, "msgEvent": {"msg"}}}
	s.pids[f[0]] = h.NewPID
	for _, pair := range f[1:] {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "grant":
			h.Grant = &Grant{Open: []string{value}, Join: []string{value}, Expires: s.now.Add(time.Hour)}
		case "holder":
			h.Grant.User = value
		case "from":
			h.From = value
		case "old":
			h.NewPID = ""
		default:
			h.Query.Set(key, value)
		}
	}
	return s.rooms.Connect(s.now, h, out)
}

// emit reads "[!] EVENT JSON...", where each JSON is one word or quoted.
func (s *script) emit(name, rest string, out *Outbox) {
	s.t.Helper()
	socket, ok := s.sockets[name]
	if !ok {
		s.t.Fatalf("nobody is called %s", name)
	}
	s.ack++
	e := Event{Ack: s.ack}
	if after, silent := strings.CutPrefix(rest, "! "); silent {
		e.Ack, rest = -1, after
	}
	e.Name, rest, _ = strings.Cut(rest, " ")
	for d := json.NewDecoder(strings.NewReader(rest)); d.More(); {
		var arg json.RawMessage
		if err := d.Decode(&arg); err != nil {
			s.t.Fatalf("%s: %v", rest, err)
		}
		e.Args = append(e.Args, arg)
	}
	s.rooms.Event(s.now, socket, Prepare(e), out)
}

func (s *script) tell(e Effect) string {
	name := s.names[e.Socket]
	args := make([]string, len(e.Event.Args))
	for i, a := range e.Event.Args {
		args[i] = string(a)
	}
	switch e.Kind {
	case Welcome:
		return name + " welcome " + e.PID
	case Ack:
		return name + " answer " + strings.Join(args, " ")
	case Disconnect:
		return name + " put out"
	case Joined:
		return e.User + " is in " + e.Room
	case Limited:
		return e.User + " met a limit: " + e.Why
	}
	if e.Mark != "" {
		s.marks[name] = e.Mark
	}
	return name + " gets " + strings.Join(slices.Insert(args, 0, e.Event.Name), " ")
}
