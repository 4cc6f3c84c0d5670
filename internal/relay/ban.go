package relay

import (
	"container/list"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxOffenders is how many sources that failed are remembered, and as many again
// that are banned; the oldest makes room for a new one. So neither a flood nor
// somebody with a large network makes the tables grow.
const maxOffenders = 4096

// banNews is how many beginnings and ends of bans wait to be logged.
const banNews = 256

// Ban says when a source that guesses credentials is shut out. A source is one
// IPv4 address or one IPv6 /64.
type Ban struct {
	// After is how many wrong credentials within Window, counted from the first
	// one, shut their source out for as long as Time; 0: nobody is ever.
	After        int
	Window, Time time.Duration
	// Ignore are never banned, and neither is loopback: proxies, behind which there
	// are many clients.
	Ignore []netip.Prefix
}

// bans knows who is shut out. Only what shows where it comes from is counted
// here, so that nobody can have somebody else banned.
type bans struct {
	log   *slog.Logger
	count atomic.Int32 // of those banned: the packet path looks no further while it is 0
	news  chan banNotice
	lost  atomic.Uint64 // lines that there was no time for

	mu      sync.RWMutex // guards the following
	rules   Ban
	failing offenders
	banned  offenders
}

// banNotice is a line for the log.
type banNotice struct {
	source   netip.Prefix
	failures int           // of a ban that begins
	lasts    time.Duration // of a ban that begins
	reason   string        // of one that ends
}

// offence is what is known about a source: until when it counts, and how often
// it failed.
type offence struct {
	source   netip.Prefix
	until    time.Time
	failures int
}

func newBans(b Ban, log *slog.Logger) *bans {
	return &bans{log: log, news: make(chan banNotice, banNews), rules: b, failing: newOffenders(), banned: newOffenders()}
}

// configure puts other rules in force. Who is banned stays so until it is over,
// unless there are to be no bans or not for that source.
func (b *bans) configure(rules Ban) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = rules
	b.endLocked("rules", func(o *offence) bool { return rules.After == 0 || rules.ignores(o.source.Addr()) })
}

// ignores says whether an address is never banned.
func (b *Ban) ignores(a netip.Addr) bool {
	return a.IsLoopback() || slices.ContainsFunc(b.Ignore, func(p netip.Prefix) bool { return p.Contains(a) })
}

// failed counts a wrong credential against its source, and bans it if that was
// one too many.
//
// A-X05: who guesses passwords gets no further than a few.
func (b *bans) failed(client netip.Addr) {
	client = client.Unmap().WithZone("")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rules.After == 0 || b.rules.ignores(client) {
		return
	}
	now, source := time.Now(), sourceOf(client)
	o := b.failing.find(source)
	if o == nil || !now.Before(o.until) {
		b.failing.remove(source)
		o, _ = b.failing.add(offence{source: source, until: now.Add(b.rules.Window)})
	}
	if o.failures++; o.failures < b.rules.After {
		return
	}
	b.failing.remove(source)
	if b.banned.find(source) != nil {
		return // what it had sent before
	}
	_, gone := b.banned.add(offence{source: source, until: now.Add(b.rules.Time), failures: o.failures})
	if gone != nil {
		b.tell(banNotice{source: gone.source, reason: "too-many-bans"})
	}
	b.count.Store(int32(b.banned.len()))
	b.tell(banNotice{source: source, failures: o.failures, lasts: b.rules.Time})
}

// sourceOf is what counts as one source: in IPv6 a site has a whole /64 to choose
// from.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}

// Banned tells whether a source is shut out for now. It may be called from any
// goroutine.
func (r *Relay) Banned(client netip.Addr) bool {
	b := r.bans
	if b.count.Load() == 0 {
		return false
	}
	client = client.Unmap().WithZone("")
	b.mu.RLock()
	defer b.mu.RUnlock()
	o := b.banned.find(sourceOf(client))
	// Somebody else in the /64 of one that is never banned may have guessed.
	return o != nil && time.Now().Before(o.until) && !b.rules.ignores(client)
}

// tell queues a line. Nobody waits for the log.
func (b *bans) tell(n banNotice) {
	select {
	case b.news <- n:
	default:
		b.lost.Add(1)
	}
}

// run logs bans, and ends those that are over, until ctx ends.
func (b *bans) run(ctx context.Context) {
	over := time.NewTimer(banSweep)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-b.news:
			b.record(n)
		case <-over.C:
			b.sweep(time.Now())
		}
		over.Reset(b.next())
	}
}

// banSweep is how long nobody looks for bans that are over while there are none.
const banSweep = time.Hour

// next is how long it takes until the first ban is over.
func (b *bans) next() time.Duration {
	b.mu.RLock()
	defer b.mu.RUnlock()
	wait := banSweep
	for o := range b.banned.all {
		wait = min(wait, time.Until(o.until))
	}
	return max(wait, 0)
}

// sweep ends the bans that are over.
func (b *bans) sweep(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endLocked("time", func(o *offence) bool { return !now.Before(o.until) })
}

// endLocked ends those bans that over says so of.
func (b *bans) endLocked(reason string, over func(*offence) bool) {
	for o := range b.banned.all {
		if over(o) {
			b.banned.remove(o.source)
			b.tell(banNotice{source: o.source, reason: reason})
		}
	}
	b.count.Store(int32(b.banned.len()))
}

func (b *bans) record(n banNotice) {
	if n.reason != "" {
		b.log.Info("ban over", "client", n.source, "reason", n.reason)
		return
	}
	b.log.Warn("banned", "client", n.source, "failures", n.failures, "lasts", n.lasts, "reason", "wrong-credentials")
}

// offenders are sources in the order in which they came in, a bounded number.
type offenders struct {
	order    *list.List // of *offence, the oldest in front
	bySource map[netip.Prefix]*list.Element
}

func newOffenders() offenders {
	return offenders{list.New(), make(map[netip.Prefix]*list.Element)}
}

func (s *offenders) len() int { return s.order.Len() }

// find returns nil for a source that is not there.
func (s *offenders) find(source netip.Prefix) *offence {
	if e := s.bySource[source]; e != nil {
		return e.Value.(*offence)
	}
	return nil
}

// add returns the new one, and the one that had to go for it, or nil.
func (s *offenders) add(o offence) (added, gone *offence) {
	if s.len() >= maxOffenders {
		gone = s.order.Front().Value.(*offence)
		s.remove(gone.source)
	}
	s.bySource[o.source] = s.order.PushBack(&o)
	return &o, gone
}

func (s *offenders) remove(source netip.Prefix) {
	if e := s.bySource[source]; e != nil {
		s.order.Remove(e)
		delete(s.bySource, source)
	}
}

// all yields every one; the one at hand may be removed.
func (s *offenders) all(yield func(*offence) bool) {
	for e := s.order.Front(); e != nil; {
		next := e.Next()
		if !yield(e.Value.(*offence)) {
			return
		}
		e = next
	}
}
