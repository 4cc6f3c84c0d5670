package listener

import (
	"context"
	"log/slog"
	"time"
)

// reportEvery is how often the counters are logged while the listener runs.
const reportEvery = 10 * time.Minute

// report logs the counters from time to time, until ctx ends, if somebody has been
// turned away or something was lost since the last time.
func (l *Listener) report(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	var told uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if n := l.counts.troubles(); n != told {
				told = n
				l.tell()
			}
		}
	}
}

// tell logs the counters that are not zero, if there are any.
func (l *Listener) tell() {
	var attrs []slog.Attr
	for i := range l.counts {
		if n := l.counts[i].Load(); n > 0 {
			attrs = append(attrs, slog.Uint64(count(i).String(), n))
		}
	}
	if len(attrs) > 0 {
		l.log.LogAttrs(context.Background(), slog.LevelInfo, "connections since the start", attrs...)
	}
}

// troubles adds up what is not the ordinary course of a client.
func (c *counters) troubles() (sum uint64) {
	for i := range c {
		switch count(i) {
		case accepted, toHTTP, tls12, tls13, dtlsStarted, dtlsEstablished, dtlsChallenged:
		default:
			sum += c[i].Load()
		}
	}
	return sum
}
