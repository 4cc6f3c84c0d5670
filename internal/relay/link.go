package relay

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"

	"iceserver/internal/turn"
)

const (
	// linkVia marks the Via of a link; the numbers of UDP listeners, which are
	// socket ids, never reach it. The generation of the link's number and the
	// number itself stand behind it.
	linkVia = turn.Via(1 << 31)
	// maxLinks is how many links one worker serves at a time.
	maxLinks = 1 << linkNumberBits
	// linkNumberBits is how many bits of a Via are the number.
	linkNumberBits = 16
	// linkGenerations is how often a number can be given out before the Via of
	// its first holder comes again. What is under way for a client that has gone
	// is answered within seconds, and nobody connects so often in that time.
	linkGenerations = 1 << (31 - linkNumberBits)
	// linkQueue is how many bytes wait for one connection's writer, those it
	// is writing included: about a quarter of a second of video at 8 Mbit/s.
	linkQueue = 256 << 10
	// linkIdle is how much memory of its queue a link without traffic keeps.
	linkIdle = 4 << 10
	// maxMessage is the longest framed message: a STUN header and the longest
	// multiple of four that its length field can say. The longest ChannelData, a
	// header of 4 bytes and 65535 bytes with their padding, is shorter.
	maxMessage = 20 + 65532
)

// ErrBusy is returned by Relay.Link when there are too many links.
var ErrBusy = errors.New("relay: too many connections")

// Link is one client that does not speak UDP: a TCP or TLS connection, or a
// DTLS association. One goroutine calls Deliver and another Next; the other
// methods may be called from anywhere.
type Link struct {
	tuple         turn.FiveTuple
	worker        *worker
	authenticated atomic.Bool
	holds         atomic.Bool
	queue         queue
	forgotten     bool // the worker's: it has handled the departure
}

// Link registers a client. The server address is the one it has connected to.
// The error is ErrBusy or ErrClosed.
func (r *Relay) Link(p turn.Proto, client, server netip.AddrPort) (*Link, error) {
	// In turn, so that every worker gets its share whatever the addresses are.
	w := r.workers[int(r.nextLink.Add(1)%uint32(len(r.workers)))]
	l := &Link{
		tuple:  turn.FiveTuple{Client: canonical(client), Server: canonical(server), Proto: p},
		worker: w,
	}
	l.queue.ready.L = &l.queue.mu
	via, err := w.links.add(l)
	if err != nil {
		return nil, err
	}
	l.tuple.Via = via
	return l, nil
}

// canonical writes an IPv4 address in its four bytes, as the core compares them.
func canonical(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Deliver hands one whole message to the server: a framed message of a stream,
// padding included, or a DTLS datagram. It is copied. While the worker is busy
// a stream's Deliver waits, so that TCP slows the client down; a datagram is
// lost and counted. The error is ErrClosed, or about a message too long.
func (l *Link) Deliver(msg []byte) error {
	if len(msg) > maxMessage {
		return fmt.Errorf("relay: message of %d bytes, more than %d", len(msg), maxMessage)
	}
	if l.queue.isClosed() {
		return ErrClosed
	}
	took, err := l.worker.mailbox.put(message{link: l}, msg, l.tuple.Proto.Stream())
	if err == nil && !took {
		l.worker.lostDTLS.Add(1)
	}
	return err
}

// Next waits for messages to write to the client and returns those queued, in
// order and one slice for each, appended to block[:0]. They are valid until the
// next call. After Close, or when the server ends, it returns what is still
// queued and then io.EOF.
func (l *Link) Next(block [][]byte) ([][]byte, error) {
	return l.queue.next(block)
}

// Authenticated tells whether the client has, or has had, an allocation.
func (l *Link) Authenticated() bool { return l.authenticated.Load() }

// Holds tells whether the client has an allocation now.
func (l *Link) Holds() bool { return l.holds.Load() }

// Close ends the link: its allocation is deleted and Next returns io.EOF.
// Closing again does nothing.
func (l *Link) Close() {
	if !l.queue.close() {
		return
	}
	// The number is used again only after the worker has forgotten the client,
	// or a newcomer would be taken for it.
	if !l.worker.mailbox.depart(l) {
		l.worker.links.remove(l)
	}
}

// number is the link's place in its worker's table.
func (l *Link) number() int { return linkNumber(l.tuple.Via) }

// linkNumber is the number in the Via of a link.
func linkNumber(v turn.Via) int { return int(v % maxLinks) }

// linkTable numbers the links of one worker. Numbers are used again, as they
// index tables, but each time with another generation: an answer that was under
// way to a client that has gone finds nobody, instead of whoever came next.
type linkTable struct {
	mu          sync.Mutex // guards the following
	links       []*Link
	generations []uint16 // by number: how often it was given back
	unused      []int
	closed      bool
}

// add returns the Via of a new link.
func (t *linkTable) add(l *Link) (turn.Via, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, ErrClosed
	}
	if n := len(t.unused); n > 0 {
		number := t.unused[n-1]
		t.unused = t.unused[:n-1]
		t.links[number] = l
		return t.via(number), nil
	}
	if len(t.links) == maxLinks {
		return 0, ErrBusy
	}
	t.links = append(t.links, l)
	t.generations = append(t.generations, 0)
	return t.via(len(t.links) - 1), nil
}

// via puts a number and its generation together. The lock is held.
func (t *linkTable) via(number int) turn.Via {
	generation := turn.Via(t.generations[number] % linkGenerations)
	return linkVia | generation<<linkNumberBits | turn.Via(number)
}

func (t *linkTable) remove(l *Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := l.number(); t.links[n] == l {
		t.links[n] = nil
		t.generations[n]++
		t.unused = append(t.unused, n)
	}
}

// count returns how many links there are.
func (t *linkTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.links) - len(t.unused)
}

// close turns newcomers away and ends the queues of all links.
func (t *linkTable) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, l := range t.links {
		if l != nil {
			l.queue.close()
		}
	}
}

// queue holds what a connection's writer has to write. Messages are copied into
// one piece of memory, and the writer takes them all at once; meanwhile the
// next ones go into the other piece.
type queue struct {
	mu     sync.Mutex // guards the following
	ready  sync.Cond
	in     pieces
	out    pieces // the writer's, until it asks for more
	closed bool
}

// pieces are messages behind one another.
type pieces struct {
	memory []byte
	ends   []int // of each message in memory
}

// queueResult says what became of a message.
type queueResult uint8

const (
	queued queueResult = iota
	queueFull
	queueClosed
)

// put queues a message. When the writer is too slow the message is lost, and
// nobody waits (A-X10).
func (q *queue) put(msg []byte) queueResult {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return queueClosed
	case len(q.in.memory)+len(q.out.memory)+len(msg) > linkQueue:
		return queueFull
	}
	q.in.memory = append(q.in.memory, msg...)
	q.in.ends = append(q.in.ends, len(q.in.memory))
	if len(q.in.ends) == 1 {
		q.ready.Signal()
	}
	return queued
}

func (q *queue) next(block [][]byte) ([][]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.reset()
	for len(q.in.ends) == 0 {
		if q.closed {
			return block[:0], io.EOF
		}
		// Nothing to do: thousands of quiet connections must not keep the
		// memory of their busiest moment.
		q.in.shrink()
		q.out.shrink()
		q.ready.Wait()
	}
	q.in, q.out = q.out, q.in
	block = block[:0]
	start := 0
	for _, end := range q.out.ends {
		block = append(block, q.out.memory[start:end:end])
		start = end
	}
	return block, nil
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// close reports whether the queue was open.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := !q.closed
	q.closed = true
	q.ready.Broadcast()
	return was
}

func (p *pieces) reset() { p.memory, p.ends = p.memory[:0], p.ends[:0] }

func (p *pieces) shrink() {
	if cap(p.memory) > linkIdle {
		*p = pieces{}
	}
}
