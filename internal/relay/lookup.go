package relay

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/turn"
)

// Keys knows the long-term keys of users. It is called from several goroutines
// at a time.
type Keys interface {
	// Known returns the keys of a user as far as memory tells; it never waits.
	// With ok false only Find can tell. None with ok true: no such user.
	Known(now time.Time, realm, username string) (c auth.Candidates, ok bool)
	// Find asks wherever users are kept and may take its time, but returns
	// soon after ctx ends. None and no error: no such user.
	Find(ctx context.Context, realm, username string) (auth.Candidates, error)
}

const (
	lookupTimeout = 2 * time.Second // from the request to its answer
	lookupQueue   = 1024            // requests that wait for a goroutine
	lookupWorkers = 8               // requests under way
)

// lookups asks Keys.Find beside the workers, so that a slow database delays
// only those whose key it holds.
type lookups struct {
	keys   atomic.Pointer[Keys]
	jobs   chan lookup
	log    *slog.Logger
	panics atomic.Uint64
	counts *lookupCounts
}

type lookup struct {
	turn.Lookup
	answer   *mailbox
	deadline time.Time
}

func newLookups(k Keys, log *slog.Logger) *lookups {
	l := &lookups{jobs: make(chan lookup, lookupQueue), log: log, counts: newLookupCounts()}
	l.keys.Store(&k)
	return l
}

// ask queues a look-up whose answer goes to a mailbox. It reports false at once
// when too many wait.
func (l *lookups) ask(q turn.Lookup, answer *mailbox) bool {
	select {
	case l.jobs <- lookup{Lookup: q, answer: answer, deadline: time.Now().Add(lookupTimeout)}:
		return true
	default:
		return false
	}
}

// run answers look-ups until ctx ends. Several goroutines run it.
func (l *lookups) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-l.jobs:
			reply := l.find(ctx, job)
			l.counts.answered(fromFind, &reply)
			l.counts.lasted(lookupTimeout - time.Until(job.deadline))
			job.answer.reply(reply)
		}
	}
}

// known answers from memory if that can tell.
func (l *lookups) known(q *turn.Lookup) (reply turn.KeyReply, ok bool) {
	defer func() {
		if l.recovered(recover()) {
			reply, ok = turn.KeyReply{ID: q.ID, Unavailable: true}, true
		}
	}()
	c, ok := (*l.keys.Load()).Known(time.Now(), q.Realm, q.Username)
	return turn.KeyReply{ID: q.ID, Candidates: c}, ok
}

func (l *lookups) find(ctx context.Context, job lookup) (reply turn.KeyReply) {
	unavailable := turn.KeyReply{ID: job.ID, Unavailable: true}
	defer func() {
		if l.recovered(recover()) {
			reply = unavailable
		}
	}()
	ctx, cancel := context.WithDeadline(ctx, job.deadline)
	defer cancel()
	// One that has waited too long is not worth asking for: its client has
	// sent the request again by now.
	if ctx.Err() != nil {
		return unavailable
	}
	c, err := (*l.keys.Load()).Find(ctx, job.Realm, job.Username)
	if err != nil {
		return unavailable
	}
	return turn.KeyReply{ID: job.ID, Candidates: c}
}

// recovered says whether there was a panic. The first is logged.
//
// F-21: a database driver that panics fails one look-up, not the server.
func (l *lookups) recovered(p any) bool {
	if p != nil && l.panics.Add(1) == 1 {
		l.log.Error("panic while looking up a key; the request is refused",
			"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
	return p != nil
}

// lookup answers a question for keys from memory, or passes it on. Every
// question gets an answer, as the core holds the request until then.
func (w *worker) lookup(now turn.Now, q *turn.Lookup) {
	reply, ok := w.relay.lookups.known(q)
	if ok {
		w.relay.lookups.counts.answered(fromMemory, &reply)
	} else {
		if w.relay.lookups.ask(*q, w.mailbox) {
			return
		}
		w.lookupsRefused.Add(1)
		reply = turn.KeyReply{ID: q.ID, Unavailable: true}
	}
	w.server.Key(now, reply, w.filling)
}
