package relay

import (
	"sync/atomic"

	"iceserver/internal/netio"
	"iceserver/internal/turn"
)

// publish makes the counters of this batch known.
func (w *worker) publish() {
	for i := range w.filling.Drops {
		w.count[dropCore+counter(i)] = w.filling.Drops[i] + w.acting.Drops[i]
	}
	lost := w.engine.Stats()
	w.count[dropSendFull] = lost.SendFull
	w.count[dropSendError] = lost.SendError
	w.count[dropTruncated] = lost.Truncated
	w.publishCore(lost)
	w.published.update(&w.count)
}

// publishCore makes known what the core and the engine have counted beside drops.
func (w *worker) publishCore(moved netio.Stats) {
	for i := range w.filling.Counts {
		w.count[countCore+counter(i)] = w.filling.Counts[i] + w.acting.Counts[i]
	}
	w.count[receiveCalls], w.count[received] = moved.ReceiveCalls, moved.Received
	w.count[sendCalls], w.count[sentTogether] = moved.SendCalls, moved.Sent
	for _, c := range w.server.Moving() {
		w.carried.byID[c.ID].publish()
	}
	used, until, buckets := w.server.Strangers()
	publishOne(&w.strangers.used, int64(used))
	publishOne(&w.strangers.until, int64(until))
	publishOne(&w.strangers.buckets, int64(buckets))
}

// publishOne writes only what is new, as published.update does.
func publishOne(at *atomic.Int64, n int64) {
	if at.Load() != n {
		at.Store(n)
	}
}

// strangers is how full the table of the limit on answers to strangers is.
type strangers struct{ used, until, buckets atomic.Int64 }

func (s *strangers) load(now turn.Now) (used, buckets int) {
	if int64(now) < s.until.Load() {
		used = int(s.used.Load())
	}
	return used, int(s.buckets.Load())
}
