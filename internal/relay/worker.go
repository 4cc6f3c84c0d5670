package relay

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"iceserver/internal/netio"
	"iceserver/internal/turn"
)

// pollBatch is how many datagrams are taken from the kernel at a time: enough
// to share the cost of a system call, few enough that the first one's answer
// does not wait for long.
const pollBatch = 64

// worker is one goroutine with its sockets, its clients and their allocations.
// Only the first block is for other goroutines.
type worker struct {
	index          int
	mailbox        *mailbox
	links          linkTable
	published      published
	refused        refusals
	strangers      strangers
	lostDTLS       atomic.Uint64
	lookupsRefused atomic.Uint64
	rest           atomic.Pointer[map[turn.Account]turn.Tally] // at the end, of users

	relay  *Relay
	engine netio.Engine
	server *turn.Server

	// Tables instead of maps: ids are small and dense, and a packet then finds
	// its socket without hashing anything.
	sockets []socket // by netio.SocketID
	clients []*Link  // by Link.number: those that have sent something
	in      []netio.Datagram
	batch   []netio.Datagram // on the way out
	mail    mail
	count   counters
	carried carriers

	// The core writes into filling; acting is what is being acted on, from
	// done on. Both are the worker's all the time.
	filling, acting *turn.Outbox
	done, read      progress // of the Outbox and of the mail
	cursor          int      // in the batch of packets or messages being handled

	asked        []chan<- struct{} // by those who wait for the counters
	patience     <-chan struct{}   // nil while serving; at the end, how long the log may take
	lastPanic    time.Time         // when a stack was last logged
	lastBindFail time.Time
}

// progress says how much of an Outbox or of the mail has been acted on, so that
// the rest goes on after a panic.
type progress struct{ sends, closes, lookups, opens, events, orders int }

// socket is what a worker knows about one of its sockets.
type socket struct {
	at   netip.AddrPort // listener: the address that clients talk to
	from *portRange     // relayed: the pool that the port belongs to; nil: a listener
	port uint16
	seat *seat
}

// seat is the charge of an allocation, shared by its one or two sockets.
type seat struct {
	charge  charge
	sockets int
}

func newWorker(r *Relay, index int, e netio.Engine, o turn.Options) *worker {
	w := &worker{
		index: index, relay: r, engine: e, server: turn.NewServer(o),
		mailbox: newMailbox(e.Wake),
		in:      make([]netio.Datagram, pollBatch),
		batch:   make([]netio.Datagram, 0, 2*pollBatch),
		filling: new(turn.Outbox), acting: new(turn.Outbox),
		carried: carriers{byName: make(map[turn.Account]*carried)},
	}
	return w
}

// run serves until stop is set. The error says that the engine broke down.
func (w *worker) run(stop *atomic.Bool) error {
	defer w.end()
	for !stop.Load() {
		n, err := w.engine.Poll(w.in, w.wait())
		if err != nil {
			return fmt.Errorf("relay: worker %d: receive: %w", w.index, err)
		}
		w.round(time.Since(w.relay.start), n)
	}
	return nil
}

// wait returns how long Poll may wait.
func (w *worker) wait() time.Duration {
	at := w.server.Deadline()
	if at == turn.Never {
		return -1
	}
	return max(0, at-time.Since(w.relay.start))
}

// round handles n datagrams and whatever else is due at now. All of it is sent
// before it returns, since packets on their way out lie in the memory of those
// that came in.
func (w *worker) round(now turn.Now, n int) {
	for i := 0; i < n; {
		i = w.receive(now, w.in[:n], i)
	}
	for _, e := range w.engine.ICMP() {
		w.fault(now, &e)
	}
	if w.mailbox.take(&w.mail) {
		for i := 0; i < len(w.mail.messages); {
			i = w.open(now, i)
		}
		w.read = progress{}
		for !w.answer(now) {
		}
	}
	if w.server.Deadline() <= now {
		w.expire(now)
	}
	w.settle(now)
	if len(w.asked) > 0 {
		w.tellCounters()
	}
}

// receive hands datagrams from i on to the core and returns where to go on: the
// end, or behind a packet that made the core panic.
//
// F-21: one packet cannot end the server.
func (w *worker) receive(now turn.Now, in []netio.Datagram, i int) (next int) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(p)
			next = w.cursor + 1
		}
	}()
	for ; i < len(in); i++ {
		w.cursor = i
		d := &in[i]
		buf := d.Buf[netio.Headroom-turn.Headroom:]
		w.count[packetsIn]++
		w.count[bytesIn] += uint64(len(buf) - turn.Headroom)
		if s := &w.sockets[d.Socket]; s.from != nil {
			w.server.Peer(now, turn.RelayID(d.Socket), d.Peer, buf, w.filling)
		} else {
			from := turn.FiveTuple{Client: d.Peer, Server: s.at, Via: turn.Via(d.Socket)}
			if w.shutOut(from) {
				continue
			}
			w.server.Client(now, from, buf, w.filling)
		}
	}
	return i
}

// shutOut drops what a banned source sends, unless it is for an allocation: those
// behind the same address who are let in have done nothing wrong. As long as
// nobody is banned it costs one look at a number.
func (w *worker) shutOut(from turn.FiveTuple) bool {
	if w.relay.bans.count.Load() == 0 || w.server.Holds(from) || !w.relay.Banned(from.Client.Addr()) {
		return false
	}
	w.count[dropBanned]++
	return true
}

// fault hands an ICMP error about a packet to a peer on to the core.
func (w *worker) fault(now turn.Now, e *netio.ICMP) {
	defer w.guard()
	w.server.ICMP(now, turn.RelayID(e.Socket), turn.ICMP{Peer: e.Peer, Type: e.Type, Code: e.Code, MTU: e.Info}, w.filling)
}

// open does for the mail what receive does for datagrams.
func (w *worker) open(now turn.Now, i int) (next int) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(p)
			next = w.cursor + 1
		}
	}()
	for ; i < len(w.mail.messages); i++ {
		w.cursor = i
		m := &w.mail.messages[i]
		buf := w.mail.buffer(m)
		if m.link == nil {
			w.handOver(now, m.to, m.from, buf)
			continue
		}
		w.count[packetsIn]++
		w.count[bytesIn] += uint64(m.length)
		if m.link.forgotten {
			// Its number may be another's by now.
			w.count[dropLinkGone]++
			continue
		}
		w.remember(m.link)
		if w.shutOut(m.link.tuple) {
			continue
		}
		w.server.Client(now, m.link.tuple, buf, w.filling)
	}
	return i
}

// remember makes the way back to a link known.
func (w *worker) remember(l *Link) {
	n := l.number()
	for n >= len(w.clients) {
		w.clients = append(w.clients, nil)
	}
	w.clients[n] = l
}

// answer handles the rest of the mail, as act does the Outbox. Links leave
// behind their messages.
func (w *worker) answer(now turn.Now) (finished bool) {
	defer w.guard()
	for w.read.lookups < len(w.mail.replies) {
		w.read.lookups++
		w.server.Key(now, w.mail.replies[w.read.lookups-1], w.filling)
	}
	for w.read.closes < len(w.mail.departed) {
		w.read.closes++
		w.forget(now, w.mail.departed[w.read.closes-1])
	}
	for w.read.orders < len(w.mail.orders) {
		w.read.orders++
		w.mail.orders[w.read.orders-1](now)
	}
	return true
}

// obey carries out the orders that came too late for the last round: somebody
// waits for them.
func (w *worker) obey(now turn.Now) {
	if !w.mailbox.take(&w.mail) {
		return
	}
	w.read = progress{}
	for !w.answer(now) {
	}
}

// link returns whom a Via stands for, or nil if that client has gone: its number
// may be another's by now.
func (w *worker) link(v turn.Via) *Link {
	if v&linkVia == 0 {
		return nil
	}
	if n := linkNumber(v); n < len(w.clients) && w.clients[n] != nil && w.clients[n].tuple.Via == v {
		return w.clients[n]
	}
	return nil
}

// forget ends a link; only then may its number be given to another.
func (w *worker) forget(now turn.Now, l *Link) {
	defer w.links.remove(l)
	l.forgotten = true
	if n := l.number(); n < len(w.clients) {
		w.clients[n] = nil
	}
	w.server.Disconnect(now, l.tuple, w.filling)
}

// expire ends in the core what is due. It may be called too early or too late
// without harm: the core looks at the time again for every packet.
func (w *worker) expire(now turn.Now) {
	defer w.guard()
	w.server.Expire(now, w.filling)
}

// settle acts on what the core asked for, and on what follows from that, until
// nothing is left, and sends everything.
func (w *worker) settle(now turn.Now) {
	for w.pending() {
		w.filling, w.acting = w.acting, w.filling
		w.done = progress{}
		for !w.act(now) {
		}
		w.acting.Reset()
	}
	w.flush()
}

// pending says whether the core has asked for anything. Drops are only counted.
func (w *worker) pending() bool {
	o := w.filling
	return len(o.Sends)+len(o.Opens)+len(o.Closes)+len(o.Lookups)+len(o.Events) > 0
}

// act goes through the Outbox. It reports false when something panicked: what
// that was about is lost, and the next call goes on behind it.
func (w *worker) act(now turn.Now) (finished bool) {
	defer w.guard()
	o, done := w.acting, &w.done
	// A link is authenticated before its client can know.
	for done.events < len(o.Events) {
		done.events++
		w.event(&o.Events[done.events-1])
	}
	for done.sends < len(o.Sends) {
		done.sends++
		w.send(now, &o.Sends[done.sends-1])
	}
	if len(o.Closes) > 0 {
		// What is still to go out by these sockets goes first. They are closed
		// before new ones are opened, so that a freed port can be had at once.
		w.flush()
	}
	for done.closes < len(o.Closes) {
		done.closes++
		w.closeRelay(o.Closes[done.closes-1])
	}
	for done.lookups < len(o.Lookups) {
		done.lookups++
		w.lookup(now, &o.Lookups[done.lookups-1])
	}
	for done.opens < len(o.Opens) {
		done.opens++
		w.server.Port(now, w.answerOpen(now, &o.Opens[done.opens-1]), w.filling)
	}
	return true
}

// send puts one packet on its way.
func (w *worker) send(now turn.Now, s *turn.Send) {
	switch s.Kind {
	case turn.ToPeer:
		w.post(netio.Datagram{Buf: s.Buf, Peer: s.To, Socket: netio.SocketID(s.Relay), DF: s.DF})
	case turn.ToRelay:
		w.toRelay(now, s)
	case turn.ToClient:
		if s.Via&linkVia == 0 {
			w.post(netio.Datagram{Buf: s.Buf, Peer: s.To, Socket: netio.SocketID(s.Via)})
		} else {
			w.toLink(s)
		}
	}
}

// post adds a datagram to the batch. It is counted here, since what becomes of it
// in the kernel is in the engine's own numbers.
func (w *worker) post(d netio.Datagram) {
	w.batch = append(w.batch, d)
	w.count[packetsOut]++
	w.count[bytesOut] += uint64(len(d.Buf))
	if len(w.batch) == cap(w.batch) {
		w.flush()
	}
}

// flush sends the batch. What the kernel does not take is lost, and counted by
// the engine.
func (w *worker) flush() {
	if len(w.batch) > 0 {
		_, _ = w.engine.Send(w.batch)
		w.batch = w.batch[:0]
	}
}

// toLink queues a message for a connection's writer. A client that does not read
// loses it, and the worker goes on (A-X10).
func (w *worker) toLink(s *turn.Send) {
	l := w.link(s.Via)
	if l == nil {
		w.count[dropLinkGone]++
		return
	}
	switch l.queue.put(s.Buf) {
	case queued:
		w.count[packetsOut]++
		w.count[bytesOut] += uint64(len(s.Buf))
	case queueFull:
		w.count[dropSlowReader]++
	case queueClosed:
		w.count[dropLinkGone]++
	}
}

// toRelay hands a packet to another relayed address of this server.
func (w *worker) toRelay(now turn.Now, s *turn.Send) {
	owner, _, ok := w.relay.ports.owner(s.To)
	switch {
	case ok && owner == w.index:
		w.handOver(now, s.To, s.From, s.Buf)
	case ok:
		other := w.relay.workers[owner].mailbox
		took, err := other.put(message{from: s.From, to: s.To}, s.Buf[turn.Headroom:], false)
		if err != nil || !took {
			w.count[dropMailbox]++
		}
	case s.Direct || w.relay.exempts(s.From, s.To):
		// Nobody holds that port, and the operator allowed the address: another
		// program of this machine may have it.
		w.post(netio.Datagram{Buf: s.Buf[turn.Headroom:], Peer: s.To, Socket: netio.SocketID(s.Relay), DF: s.DF})
	default:
		w.filling.Drops[turn.DropNoRelay]++
	}
}

// handOver gives a packet to the allocation that holds the relayed address to.
// The address is looked up again, as its owner may have gone on the way.
func (w *worker) handOver(now turn.Now, to, from netip.AddrPort, buf []byte) {
	owner, id, ok := w.relay.ports.owner(to)
	if !ok || owner != w.index {
		w.filling.Drops[turn.DropNoRelay]++
		return
	}
	w.count[handedOver]++
	w.server.Peer(now, id, from, buf, w.filling)
}

// event accounts for an event and passes it to the log.
func (w *worker) event(ev *turn.Event) {
	switch ev.Kind {
	case turn.Allocated:
		w.count[allocated]++
		w.count[begun+counter(ev.From.Proto)]++
		if l := w.link(ev.From.Via); l != nil {
			l.authenticated.Store(true)
			l.holds.Store(true)
		}
	case turn.Deleted:
		w.count[deleted]++
		w.count[ended+counter(ev.From.Proto)]++
		if l := w.link(ev.From.Via); l != nil {
			l.holds.Store(false)
		}
	case turn.Refused:
		w.refused.add(ev.Code, ev.Cause)
		if ev.Guessed {
			w.relay.bans.failed(ev.From.Client.Addr())
		}
	}
	w.relay.journal.put(ev, w.patience)
}

// guard is deferred around what must not end the server.
func (w *worker) guard() {
	if p := recover(); p != nil {
		w.panicked(p)
	}
}

// panicked counts a panic and logs it, once a minute at most: a packet that can
// be sent once can be sent a million times.
func (w *worker) panicked(p any) {
	w.count[panics]++
	if now := time.Now(); now.Sub(w.lastPanic) >= time.Minute {
		w.lastPanic = now
		w.relay.log.Error("panic while serving; the packet is lost, the server goes on",
			"worker", w.index, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

// end deletes every allocation, with its events, and closes the sockets.
func (w *worker) end() {
	w.mailbox.close()
	w.obey(time.Since(w.relay.start))
	// Now there is time for every line about what ends, but not for ever.
	ctx, cancel := context.WithTimeout(context.Background(), journalPatience)
	defer cancel()
	w.patience = ctx.Done()
	func() {
		defer w.guard()
		w.server.CloseAll(time.Since(w.relay.start), w.filling)
	}()
	w.settle(time.Since(w.relay.start))
	rest := w.server.Tallies(time.Since(w.relay.start))
	w.rest.Store(&rest)
	w.tellCounters()
	w.links.close()
	if err := w.engine.Close(); err != nil {
		w.relay.log.Error("cannot close the sockets", slog.Int("worker", w.index), slog.Any("error", err))
	}
}
