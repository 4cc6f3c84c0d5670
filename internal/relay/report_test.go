package relay

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// An operator reads in the log what was lost and refused, when there is more of
// it, and everything at the end; nothing is said about what did not happen.
func TestReport(t *testing.T) {
	var text bytes.Buffer
	o := testOptions(t)
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	h := newHandRelay(t, o)
	alice := h.client("alice")
	alice.allocate()
	text.Reset()
	h.r.tell(false)
	if text.Len() > 0 {
		t.Errorf("nothing was lost, yet: %s", &text)
	}
	alice.mustRefuse(alice.request(stun.MethodAllocate, func(b *stun.Builder) {
		udpTransport(b)
		b.AddUint32(stun.AttrLifetime, 700)
	}), 437)
	newUDPWire(t, serverIP).send(h.r.Addrs()[0], []byte("noise"))
	h.turn()
	h.r.tell(false)
	first := text.String()
	if !strings.Contains(first, "level=INFO") || !strings.Contains(first, " refused.437=1") ||
		!strings.Contains(first, " drops.") || strings.Contains(first, "=0") {
		t.Errorf("got %q", first)
	}
	h.r.tell(false)
	if text.String() != first {
		t.Errorf("nothing has changed, yet: %s", text.String()[len(first):])
	}
	h.end()
	text.Reset()
	h.r.tell(true)
	for _, want := range []string{" packets_in=", " allocated=1", " refused.437=1", " drops."} {
		if n := strings.Count(text.String(), want); n != 1 {
			t.Errorf("%q is there %d times: %s", want, n, &text)
		}
	}
	if strings.Contains(text.String(), "=0") || strings.Count(text.String(), "\n") != 1 {
		t.Errorf("at the end: %s", &text)
	}
}

// The journal asks for the counters as long as it runs.
func TestReportPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(slog.New(slog.DiscardHandler), nil)
		reports := 0
		j.report = func() { reports++ }
		done := make(chan struct{})
		go func() {
			defer close(done)
			j.run()
		}()
		time.Sleep(3*reportEvery + time.Second)
		close(j.events)
		<-done
		if reports != 3 {
			t.Errorf("%d reports in 30 minutes", reports)
		}
	})
}

// Run ends with the totals.
func TestRunTellsTotals(t *testing.T) {
	var text bytes.Buffer
	o := testOptions(t)
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	r, stop := serve(t, o)
	newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "alice").allocate()
	stop()
	if n := strings.Count(text.String(), "relayed since the start"); n != 1 {
		t.Errorf("%d lines with the totals:\n%s", n, &text)
	}
}

// A-X20: a user who allocates and releases in a loop costs some lines and their
// sum, and what was carried is not lost from the log.
func TestJournalFloodOfSessions(t *testing.T) {
	const flood = 10_000
	lines := runJournal(t, slog.LevelInfo, func(j *journal) {
		for i := range flood {
			j.put(sampleEvent(turn.Allocated), nil)
			deleted := sampleEvent(turn.Deleted)
			deleted.Cause = turn.CauseReleased
			j.put(deleted, nil)
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		time.Sleep(refusalWindow)
		synctest.Wait()
		j.put(sampleEvent(turn.Allocated), nil) // the next window begins with lines again
	})
	if len(lines) != sessionsLogged+2 {
		t.Fatalf("%d lines, want %d", len(lines), sessionsLogged+2)
	}
	sum, rest := lines[sessionsLogged], float64(flood-sessionsLogged/2)
	for k, want := range map[string]any{
		"level": "INFO", "allocated": rest, "deleted": rest, "client_packets": rest, "client_bytes": 2 * rest,
		"peer_packets": 3 * rest, "peer_bytes": 4 * rest, "last_user": "alice",
	} {
		if sum[k] != want {
			t.Errorf("%s is %v, want %v", k, sum[k], want)
		}
	}
	if lines[sessionsLogged+1]["msg"] != "allocated" {
		t.Errorf("the next window: %v", lines[sessionsLogged+1])
	}
}

// At the end of the server every allocation gets its line.
func TestJournalEnd(t *testing.T) {
	lines := runJournal(t, slog.LevelInfo, func(j *journal) {
		for range 3 * sessionsLogged {
			e := sampleEvent(turn.Deleted)
			e.Cause = turn.CauseShutdown
			j.put(e, nil)
		}
	})
	if len(lines) != 3*sessionsLogged {
		t.Errorf("%d lines for %d allocations", len(lines), 3*sessionsLogged)
	}
}
