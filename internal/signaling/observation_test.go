package signaling_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"iceserver/internal/signaling"
)

var rewrite = flag.Bool("rewrite", false, "write the differences in testdata/observations.txt anew")

const observations = "testdata/observations.txt"

// step is one thing that a client did, what the original server sent then, and
// what this server does otherwise.
type step struct {
	comments []string
	command  string
	lines    []string // "< name frame": both; "- ...": the original alone; "+ ...": this server alone
}

func readSteps(t *testing.T, file string) (head []string, all []step) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var comments []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			head, comments = append(head, comments...), nil
		case line[0] == '#':
			comments = append(comments, line)
		case line[0] == '<' || line[0] == '-' || line[0] == '+':
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		default:
			all = append(all, step{comments: comments, command: line})
			comments = nil
		}
	}
	return head, all
}

// TestObservations replays what clients did to the original server, and holds
// what this one does against what that one did. Each difference has its reason
// above it.
//
// W-01, W-03, W-04, W-06, W-12: those attempts are among them.
func TestObservations(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	head, steps := readSteps(t, observations)
	r := replay{t: t, web: web, clients: map[string]*testClient{}, deaf: map[string]bool{}}
	for i := range steps {
		s := &steps[i]
		got := r.run(s.command)
		if *rewrite {
			s.lines = difference(recorded(s.lines), got)
			continue
		}
		if want := expected(s.lines); !same(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", s.command, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
		if differs := slices.ContainsFunc(s.lines, func(l string) bool { return l[0] != '<' }); differs && len(s.comments) == 0 {
			t.Errorf("%s: differs from the original without a reason", s.command)
		}
	}
	if *rewrite {
		writeSteps(t, head, steps)
	}
}

// recorded are the lines of the original, expected those of this server.
func recorded(lines []string) []string { return without(lines, '+') }
func expected(lines []string) []string { return without(lines, '-') }

func without(lines []string, mark byte) []string {
	var all []string
	for _, l := range lines {
		if l[0] != mark {
			all = append(all, l[2:])
		}
	}
	return all
}

// replay holds the clients of a recording.
type replay struct {
	t       *testing.T
	web     *httptest.Server
	clients map[string]*testClient
	deaf    map[string]bool // clients that are not heard, or gone
}

// run does one step and returns what all clients got from it.
func (r *replay) run(command string) []string {
	r.t.Helper()
	verb, rest, _ := strings.Cut(command, " ")
	name, rest, _ := strings.Cut(rest, " ")
	var got []string
	switch verb {
	case "connect":
		c := dial(r.t, r.web, rest)
		r.clients[name] = c
		c.welcome()
		// Two kinds of clients get an answer and are not heard afterwards.
		if r.deaf[name] = name == "bob2" || name == "admin" || name == "admin2"; r.deaf[name] {
			got = append(got, name+" "+strings.TrimPrefix(c.read(), "4"))
		}
		if strings.HasPrefix(name, "admin") {
			got = append(got, name+" "+strings.TrimPrefix(c.read(), "4"))
		}
	case ">":
		r.clients[name].write("4" + rest)
		r.settle(name)
	case "leave":
		r.clients[name].leave()
		delete(r.clients, name)
	case "poll":
		c, open := r.openPolling(rest)
		r.clients[name] = c
		r.deaf[name] = true // until it has joined
		got = append(got, name+" "+open)
	case "join":
		r.clients[name].write("40")
		got = append(got, name+" "+strings.TrimPrefix(r.clients[name].read(), "4"))
		r.deaf[name] = false
	case "probe":
		r.clients[name].probe()
	case "upgrade":
		r.clients[name].upgrade()
	case "go":
		_ = r.clients[name].conn.Close(websocket.StatusGoingAway, "")
		delete(r.clients, name)
	default:
		r.t.Fatalf("no such step: %s", command)
	}
	return append(got, r.collect()...)
}

// settle waits until the server has taken all that a client sent.
func (r *replay) settle(name string) {
	if !r.deaf[name] {
		c := r.clients[name]
		c.kept = append(c.kept, c.sync()...)
	}
}

// collect returns what every client got, in the order of their names.
func (r *replay) collect() []string {
	r.t.Helper()
	var got []string
	names := make([]string, 0, len(r.clients))
	for name := range r.clients {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.settle(name)
		c := r.clients[name]
		for _, text := range c.kept {
			got = append(got, name+" "+text)
		}
		c.kept = nil
	}
	return got
}

// same compares lines; keys of objects may have any order, and the id that a
// server makes up for a client is its own.
func same(got, want []string) bool {
	return slices.EqualFunc(got, want, func(a, b string) bool { return reflect.DeepEqual(canonical(a), canonical(b)) })
}

func canonical(line string) any {
	at := strings.IndexByte(line, '[')
	if at < 0 {
		return line
	}
	var v []any
	if json.Unmarshal([]byte(line[at:]), &v) != nil {
		return line
	}
	if len(v) == 3 && v[0] == "userid-already-taken" {
		v[2] = "made up"
	}
	return []any{line[:at], v}
}

// difference marks the lines of two lists: in both, in the first alone, in the
// second alone.
func difference(original, ours []string) []string {
	var all []string
	for len(original) > 0 || len(ours) > 0 {
		switch {
		case len(original) > 0 && len(ours) > 0 && same(original[:1], ours[:1]):
			all, original, ours = append(all, "< "+original[0]), original[1:], ours[1:]
		case len(original) > 0 && !slices.ContainsFunc(ours, func(l string) bool { return same(original[:1], []string{l}) }):
			all, original = append(all, "- "+original[0]), original[1:]
		case len(ours) > 0:
			all, ours = append(all, "+ "+ours[0]), ours[1:]
		default:
			all, original = append(all, "- "+original[0]), original[1:]
		}
	}
	return all
}

func writeSteps(t *testing.T, head []string, all []step) {
	t.Helper()
	var b strings.Builder
	for _, line := range head {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintln(&b)
	for _, s := range all {
		for _, line := range slices.Concat(s.comments, []string{s.command}, s.lines) {
			fmt.Fprintln(&b, line)
		}
	}
	if err := os.WriteFile(observations, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
