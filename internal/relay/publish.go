package relay

import (
	"sync/atomic"
	"time"

	"iceserver/internal/netio"
	"iceserver/internal/turn"
)

// publishPatience is how long whoever asks for counters waits for a worker. One
// that hangs keeps nobody waiting for longer: what it told last counts then.
const publishPatience = 100 * time.Millisecond

// askCounters has every worker publish what it has counted, at the end of the batch
// that it is at. Nobody asks more than about once a second, while to publish after
// each batch would cost every packet that comes alone.
func (r *Relay) askCounters() {
	if !r.serving.Load() {
		return
	}
	told := make(chan struct{}, len(r.workers))
	for _, w := range r.workers {
		ask := func(turn.Now) { w.asked = append(w.asked, told) }
		if !w.mailbox.order(ask) {
			told <- struct{}{} // it has ended, and told everything then
		}
	}
	over := time.NewTimer(publishPatience)
	defer over.Stop()
	for range r.workers {
		select {
		case <-told:
		case <-over.C:
			return
		}
	}
}

// tellCounters publishes for those who have asked.
func (w *worker) tellCounters() {
	w.publish()
	for i, told := range w.asked {
		told <- struct{}{} // each has room for all workers
		w.asked[i] = nil
	}
	w.asked = w.asked[:0]
}

// publish makes everything known that was counted until now.
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
	w.strangers.used.Store(int64(used))
	w.strangers.until.Store(int64(until))
	w.strangers.buckets.Store(int64(buckets))
}

// strangers is how full the table of the limit on answers to strangers is.
type strangers struct{ used, until, buckets atomic.Int64 }

func (s *strangers) load(now turn.Now) (used, buckets int) {
	if int64(now) < s.until.Load() {
		used = int(s.used.Load())
	}
	return used, int(s.buckets.Load())
}
