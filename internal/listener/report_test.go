package listener

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An operator reads in the log who was turned away, when there is more of it, and
// everything at the end.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := &Listener{log: slog.New(slog.NewTextHandler(&text, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.report(ctx)
		}()
		lines := func(want int, when string) {
			t.Helper()
			time.Sleep(reportEvery)
			synctest.Wait()
			if n := strings.Count(text.String(), "\n"); n != want {
				t.Errorf("%s: %d lines:\n%s", when, n, &text)
			}
		}
		time.Sleep(time.Second) // between two reports
		lines(0, "nothing has happened")
		l.counts.add(accepted)
		lines(0, "a client has come")
		l.counts.add(overSource)
		l.counts.add(dtlsStranger)
		lines(1, "one was turned away")
		lines(1, "nothing has changed")
		l.counts.add(dtlsStranger)
		lines(2, "something was dropped")
		for _, want := range []string{"level=INFO", " accepted=1", " over-source=1", " dtls-stranger=2"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("no %q in %s", want, &text)
			}
		}
		if strings.Contains(text.String(), "=0") {
			t.Errorf("zeros: %s", &text)
		}
		cancel()
		<-done
	})
}

// Run ends with the totals.
func TestRunTellsTotals(t *testing.T) {
	var text bytes.Buffer
	s := serve(t, func(o *Options, _ *linkKind) { o.Log = slog.New(slog.NewTextHandler(&text, nil)) })
	dial(t, s.tcp).Close()
	s.counted(t, accepted, 1)
	s.stop()
	if n := strings.Count(text.String(), " accepted=1"); n != 1 {
		t.Errorf("the totals are there %d times:\n%s", n, &text)
	}
}
