package rooms

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestInvariants does random things, many of them nonsense, and looks after each
// whether the state still fits together.
func TestInvariants(t *testing.T) {
	for seed := range uint64(60) {
		m := monkey{t: t, r: rand.New(rand.NewPCG(seed, 1)), rooms: New(Options{Rooms: 5, Participants: 4, RoomRate: -1, Backlog: 4000}), now: time.Unix(1_000_000, 0)}
		for range 400 {
			what := m.act()
			m.check(fmt.Sprintf("seed %d: %s", seed, what))
		}
		// In the end everybody goes, and nothing is left.
		var out Outbox
		for socket := range m.last + 1 {
			m.rooms.Disconnect(m.now, socket, true, &out)
		}
		m.rooms.Expire(m.now.Add(time.Hour), &out)
		if s := m.rooms.Stats(); s.Users+s.Away+s.Rooms+s.Broadcasts+len(m.rooms.sockets)+len(m.rooms.pids)+len(m.rooms.public) != 0 {
			t.Fatalf("seed %d leaves %+v", seed, s)
		}
	}
}

type monkey struct {
	t     *testing.T
	r     *rand.Rand
	rooms *Rooms
	now   time.Time
	last  SocketID
}

func (m *monkey) name() string { return "u" + strconv.Itoa(m.r.IntN(8)) }
func (m *monkey) room() string { return "r" + strconv.Itoa(m.r.IntN(4)) }

func (m *monkey) act() string {
	var out Outbox
	socket := m.last - SocketID(m.r.IntN(int(min(m.last, 12))+1)) // those of long ago are gone
	m.now = m.now.Add(time.Duration(m.r.IntN(2000)) * time.Millisecond)
	switch m.r.IntN(12) {
	case 0, 1:
		m.last++
		h := Hello{Socket: m.last, Fresh: "f" + strconv.Itoa(int(m.last)), NewPID: "p" + strconv.Itoa(int(m.last)), PID: "p" + strconv.Itoa(m.r.IntN(int(m.last)+20)),
			Query: url.Values{"userid": {m.name()}, "msgEvent": {"msg"}}}
		if m.r.IntN(2) == 0 {
			h.Query.Set("enableScalableBroadcast", "true")
		}
		if m.r.IntN(4) == 0 {
			h.Query.Set("autoCloseEntireSession", "true")
		}
		return fmt.Sprint("connect ", h, m.rooms.Connect(m.now, h, &out))
	case 2:
		m.rooms.Disconnect(m.now, socket, m.r.IntN(2) == 0, &out)
		return "disconnect"
	case 3:
		m.rooms.Expire(m.now, &out)
		return "expire"
	}
	e := m.event()
	m.rooms.Event(m.now, socket, Prepare(e), &out)
	return fmt.Sprintf("%d %s %s", socket, e.Name, e.Args)
}

func (m *monkey) event() Event {
	name, room := m.name(), m.room()
	all := [][2]string{
		{"open-room", `{"sessionid":"` + room + `","identifier":"pub","password":"x"}`}, {"open-room", `{"sessionid":"` + room + `","session":{"oneway":true}}`},
		{"join-room", `{"sessionid":"` + room + `","password":"x"}`}, {"join-room", `{"sessionid":"` + room + `"}`},
		{"changed-uuid", `"` + name + `"`}, {"close-entire-session", `null`}, {"disconnect-with", `"` + name + `"`}, {"get-public-rooms", `"pub"`},
		{"msg", `{"remoteUserId":"` + name + `","message":{"a":1}}`}, {"msg", `{"remoteUserId":"` + room + `","message":{"newParticipationRequest":true}}`},
		{"join-broadcast", `{"broadcastId":"live","userid":"live"}`}, {"join-broadcast", `{"broadcastId":"live"}`}, {"join-broadcast", `{"broadcastId":"` + name + `"}`},
		{"can-relay-broadcast", `null`}, {"extra-data-updated", `{"n":"` + name + `"}`}, {"custom-message", `{}`}, {"set-password", `""`},
	}
	pick := all[m.r.IntN(len(all))]
	return Event{Name: pick[0], Args: []json.RawMessage{json.RawMessage(pick[1])}, Ack: 1}
}

// check holds the parts of the state against each other.
func (m *monkey) check(after string) {
	m.t.Helper()
	fail := func(format string, args ...any) { m.t.Fatalf(after+": "+format, args...) }
	kept := 0
	for id, u := range m.rooms.users {
		kept += u.backlog.size
		if u.id != id || u.socket != 0 && m.rooms.sockets[u.socket] != u {
			fail("user %s is listed as %s, or its socket is another's", u.id, id)
		}
		if _, away := m.rooms.away[u]; away != (u.socket == 0) {
			fail("%s: away %v, socket %d", id, away, u.socket)
		}
		if u.room != nil && (m.rooms.rooms[u.room.id] != u.room || !slices.Contains(u.room.participants, u)) {
			fail("%s is in a room that does not know it", id)
		}
		for _, l := range u.links {
			if l == u || m.rooms.users[l.id] != l || !l.linked(u) {
				fail("the link of %s to %s is one-sided", id, l.id)
			}
		}
	}
	if kept != m.rooms.stats.Kept {
		fail("%d bytes are kept, %d counted", kept, m.rooms.stats.Kept)
	}
	for id, r := range m.rooms.rooms {
		if r.id != id || len(r.participants) == 0 || len(r.participants) > 4 || !slices.Contains(r.participants, r.owner) {
			fail("room %s has %d participants and a strange owner", id, len(r.participants))
		}
		for i, p := range r.participants {
			if p.room != r || slices.Contains(r.participants[i+1:], p) {
				fail("room %s has a participant twice, or one of another room", id)
			}
		}
		if (r.identifier != "") != slices.Contains(m.rooms.public[r.identifier], r) {
			fail("room %s is not listed as it should", id)
		}
	}
	for id, b := range m.rooms.casts {
		if len(b.viewers) == 0 || b.last != nil && !slices.Contains(b.viewers, b.last) {
			fail("broadcast %s has nobody, or a relay that has gone", id)
		}
		for _, v := range b.viewers {
			if v.in != b || v.user.cast != v || v.from != nil && (!slices.Contains(v.from.receivers, v) || v.from.in != b) {
				fail("broadcast %s: the place of %s is wrong", id, v.user.id)
			}
			for i, o := range v.receivers {
				if slices.Contains(v.receivers[i+1:], o) || o.from != v || !slices.Contains(b.viewers, o) {
					fail("broadcast %s: %s serves %s, who does not know it", id, v.user.id, o.user.id)
				}
			}
		}
	}
}

// The package is pure: no sockets, clocks, locks, randomness or logs.
func TestPure(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	forbidden := []string{"net", "net/http", "os", "sync", "sync/atomic", "context", "log", "log/slog", "crypto/rand", "math/rand", "math/rand/v2", "runtime"}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); slices.Contains(forbidden, path) || strings.HasPrefix(path, "iceserver/") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
