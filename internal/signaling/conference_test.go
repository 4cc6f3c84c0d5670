package signaling_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/signaling"
)

// An improvement is a way in which this server answers otherwise than the original
// one did, on purpose and without the client minding.
type improvement struct {
	what string
	// better returns what this server sends instead of the lines of one step, all
	// of them of one client, and whether that is something else.
	better func(lines []string) ([]string, bool)
}

// improvements are all that a conference of three shows; whatever else differs from
// the recording is a fault.
func improvements() []improvement {
	return []improvement{
		{"who leaves is announced once, not twice", once("user-disconnected")},
		{"extra data that changed is announced once, not twice", once("extra-data-updated")},
		{"a connect is answered with a pid too, which proves a resume", func(lines []string) ([]string, bool) {
			i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, `0{"sid":`) })
			if i < 0 {
				return lines, false
			}
			lines = slices.Clone(lines)
			lines[i] = strings.TrimSuffix(lines[i], "}") + `,"pid":"a secret"}`
			return lines, true
		}},
	}
}

// once drops the repetition of an event that came twice in one step.
func once(event string) func([]string) ([]string, bool) {
	return func(lines []string) ([]string, bool) {
		var all []string
		for _, l := range lines {
			if !strings.HasPrefix(l, `2["`+event+`"`) || !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
		return all, len(all) < len(lines)
	}
}

// TestConference replays what three tabs with the page of a conference sent to the
// original server: opened and joined by polling, upgraded, talked each with each,
// and left one after the other. Each has to get what it got there, in that order
// and nothing besides, but for the improvements; and each of those shows.
//
// W-03, W-06: messages have their sender, and reach those they are for.
func TestConference(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	r := replay{t: t, web: web, clients: map[string]*testClient{}, deaf: map[string]bool{}}
	_, steps := readSteps(t, "testdata/conference.txt")
	shown := map[string]int{}
	for _, s := range steps {
		got := r.run(s.command)
		for i := range got {
			got[i] = madeUp(got[i])
		}
		want := improved(recorded(s.lines), shown)
		if !same(got, want) {
			t.Fatalf("%s:\n got %s\nwant %s", s.command, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	for _, better := range improvements() {
		if shown[better.what] == 0 {
			t.Errorf("not to be seen: %s", better.what)
		}
	}
	if len(steps) < 70 {
		t.Errorf("only %d steps", len(steps))
	}
}

// improved makes of what the clients got in one step what they get from this
// server, and counts which improvement it took.
func improved(lines []string, shown map[string]int) []string {
	var names []string
	of := map[string][]string{}
	for _, line := range lines {
		name, packet, _ := strings.Cut(line, " ")
		if of[name] == nil {
			names = append(names, name)
		}
		of[name] = append(of[name], packet)
	}
	var all []string
	for _, name := range names {
		packets := of[name]
		for _, better := range improvements() {
			var differs bool
			if packets, differs = better.better(packets); differs {
				shown[better.what]++
			}
		}
		for _, p := range packets {
			all = append(all, name+" "+p)
		}
	}
	return all
}

// madeUp replaces the secrets that a server makes up, if there are some.
func madeUp(line string) string {
	at := strings.IndexByte(line, '{')
	var v struct{ SID, PID string }
	if !sessionID.MatchString(line) || json.Unmarshal([]byte(line[at:]), &v) != nil {
		return line
	}
	line = strings.Replace(line, v.SID, "SID", 1)
	if v.PID != "" {
		line = strings.Replace(line, v.PID, "a secret", 1)
	}
	return line
}
