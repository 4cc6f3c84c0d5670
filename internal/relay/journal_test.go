package relay

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"iceserver/internal/turn"
)

// runJournal logs what the function puts and returns the lines.
func runJournal(t *testing.T, level slog.Level, put func(*journal)) []map[string]any {
	t.Helper()
	var text bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: level})), nil)
		var wg sync.WaitGroup
		wg.Go(j.run)
		put(j)
		close(j.events)
		wg.Wait()
	})
	var lines []map[string]any
	for line := range strings.Lines(text.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, m)
	}
	return lines
}

func sampleEvent(k turn.EventKind) *turn.Event {
	return &turn.Event{
		Kind: k, Session: 3*sessionsPerWorker + 17, Username: "alice", Realm: "example.org",
		From:    turn.FiveTuple{Client: netip.MustParseAddrPort("198.18.0.5:4000"), Proto: turn.TLS},
		Relayed: netip.MustParseAddrPort("198.18.0.1:50000"), Lifetime: 600 * time.Second,
		Usage: turn.Usage{ClientPackets: 1, ClientBytes: 2, PeerPackets: 3, PeerBytes: 4},
	}
}

func TestJournalLines(t *testing.T) {
	refused := sampleEvent(turn.Refused)
	refused.Method, refused.Code, refused.Cause, refused.Rule = "CreatePermission", 403, turn.CausePolicy, "10.0.0.0/8"
	refused.Peer = netip.MustParseAddrPort("10.0.0.1:0")
	deleted := sampleEvent(turn.Deleted)
	deleted.Cause = turn.CauseExpired
	lines := runJournal(t, slog.LevelInfo, func(j *journal) {
		for _, e := range []*turn.Event{
			sampleEvent(turn.Allocated), sampleEvent(turn.Permitted), sampleEvent(turn.Refreshed), deleted, refused,
		} {
			j.put(e, nil)
		}
	})
	want := []map[string]any{
		{"level": "INFO", "msg": "allocated", "relayed": "198.18.0.1:50000", "lifetime": 600e9},
		{"level": "INFO", "msg": "deleted", "reason": "expired", "client_packets": 1.0, "client_bytes": 2.0,
			"peer_packets": 3.0, "peer_bytes": 4.0},
		{"level": "WARN", "msg": "refused", "code": 403.0, "method": "CreatePermission", "reason": "peer-policy",
			"rule": "10.0.0.0/8", "peer": "10.0.0.1:0"},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(lines), len(want), lines)
	}
	for i, w := range want {
		w["client"], w["transport"], w["user"], w["realm"] = "198.18.0.5:4000", "TLS", "alice", "example.org"
		w["session"] = "003000000000000017"
		for k, v := range w {
			if lines[i][k] != v {
				t.Errorf("line %d: %s is %v, want %v", i, k, lines[i][k], v)
			}
		}
	}
}

func TestJournalDebug(t *testing.T) {
	lines := runJournal(t, slog.LevelDebug, func(j *journal) {
		j.put(sampleEvent(turn.Permitted), nil)
		j.put(sampleEvent(turn.Unpermitted), nil)
		j.put(sampleEvent(turn.Refreshed), nil)
	})
	if len(lines) != 3 || lines[0]["level"] != "DEBUG" {
		t.Fatalf("got %v", lines)
	}
}

// A-X20: what anybody can provoke in anybody's name uses up none of the lines about
// wrong credentials, which others read to find who guesses.
func TestJournalFloodHidesNoGuess(t *testing.T) {
	lines := runJournal(t, slog.LevelInfo, func(j *journal) {
		for range 10 * refusalsLogged {
			e := sampleEvent(turn.Refused)
			e.Method, e.Code, e.Cause = "Allocate", 438, turn.CauseNonce
			j.put(e, nil)
		}
		e := sampleEvent(turn.Refused)
		e.Method, e.Code, e.Cause, e.Guessed = "Allocate", 401, turn.CauseIntegrity, true
		for range 10 * refusalsLogged {
			j.put(e, nil)
		}
		synctest.Wait()
	})
	logged := map[any]int{}
	for _, l := range lines {
		if l["msg"] == "refused" {
			logged[l["reason"]]++
		}
	}
	if logged["nonce"] != refusalsLogged || logged["wrong-password"] != refusalsLogged {
		t.Errorf("lines by reason: %v, want %d each", logged, refusalsLogged)
	}
}

// A-X20: a flood of refusals are some lines and their number.
func TestJournalFloodOfRefusals(t *testing.T) {
	const flood = 100_000
	lines := runJournal(t, slog.LevelInfo, func(j *journal) {
		e := sampleEvent(turn.Refused)
		e.Method, e.Code, e.Cause = "Allocate", 401, turn.CauseIntegrity
		for i := range flood {
			j.put(e, nil)
			if i%1000 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		time.Sleep(refusalWindow)
		synctest.Wait()
		j.put(e, nil) // the next window begins with lines again
	})
	if len(lines) != refusalsLogged+2 {
		t.Fatalf("%d lines, want %d", len(lines), refusalsLogged+2)
	}
	sum := lines[refusalsLogged]
	if sum["count"] != float64(flood-refusalsLogged) || sum["code"] != 401.0 || sum["reason"] != "wrong-password" {
		t.Errorf("the others: %v", sum)
	}
	if lines[refusalsLogged+1]["msg"] != "refused" {
		t.Errorf("the next window: %v", lines[refusalsLogged+1])
	}
}

// A log that stands still costs lines, never a worker's time.
func TestJournalSlowLog(t *testing.T) {
	var text bytes.Buffer
	j := newJournal(slog.New(slog.NewTextHandler(&text, nil)), nil)
	for range journalQueue + 100 { // nothing is written meanwhile
		j.put(sampleEvent(turn.Allocated), nil)
	}
	if n := j.lost.Load(); n != 100 {
		t.Errorf("%d lines lost, want 100", n)
	}
	close(j.events)
	j.run()
	if !strings.Contains(text.String(), "lost_lines=100") {
		t.Error("nobody is told of the lost lines")
	}
}

// A-D15, A-C17, A-L01: a name is data, one line whatever it holds, and not longer than is good.
func TestJournalNames(t *testing.T) {
	var text bytes.Buffer
	j := newJournal(slog.New(slog.NewTextHandler(&text, nil)), nil)
	e := sampleEvent(turn.Allocated)
	e.Username = "eve\nlevel=ERROR msg=\"all is lost\"%s%n%!d(string=x)" + strings.Repeat("\u00e9", 500)
	j.record(e)
	if n := strings.Count(text.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, text.String())
	}
	if got := clip(e.Username); len(got) > maxLoggedName+3 || !utf8.ValidString(got) {
		t.Errorf("clipped to %d bytes, %q", len(got), got)
	}
}

// Who watches sees what the log leaves out, and the log stays as it is.
func TestJournalWatched(t *testing.T) {
	var text bytes.Buffer
	var seen []turn.EventKind
	j := newJournal(slog.New(slog.NewTextHandler(&text, nil)), func(e turn.Event) { seen = append(seen, e.Kind) })
	for _, k := range []turn.EventKind{turn.Permitted, turn.Unpermitted, turn.Refreshed, turn.Refused} {
		j.put(sampleEvent(k), nil)
	}
	close(j.events)
	j.run()
	if !slices.Equal(seen, []turn.EventKind{turn.Permitted, turn.Refreshed, turn.Refused}) {
		t.Errorf("seen %v", seen)
	}
	if n := strings.Count(text.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, &text)
	}
}
