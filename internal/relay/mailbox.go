package relay

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"

	"iceserver/internal/turn"
)

// ErrClosed is returned for a link or a relay that has been closed.
var ErrClosed = errors.New("relay: closed")

// A mailbox holds at most so many messages and bytes. Those that may be dropped
// get half of it, so that a flood of them cannot lock stream clients out.
const (
	mailboxMessages = 2048
	mailboxBytes    = 1 << 20
)

// mailbox is how other goroutines reach a worker. Messages are copied into one
// piece of memory that the worker takes as a whole, so a message costs no
// allocation of its own.
type mailbox struct {
	// wake is called with the lock held, so that none comes after close: the
	// engine may be gone by then.
	wake func()

	// waiting lets the worker see without the lock that there is nothing.
	waiting atomic.Bool

	mu     sync.Mutex // guards the following
	room   sync.Cond  // broadcast when the worker has taken everything, and by close
	in     mail
	closed bool
}

// mail is what a mailbox holds. Replies, departures and orders are not bounded
// here: the look-up queue, the number of links and the operator bound them.
type mail struct {
	memory   []byte
	messages []message
	replies  []turn.KeyReply
	departed []*Link
	orders   []order
}

// order is something to do between two packets.
type order func(now turn.Now)

// message is one packet for the worker. It lies in mail.memory as the core
// wants it: scratch before it, capacity behind it.
type message struct {
	link     *Link          // who sent it; nil: handed over by another worker
	from, to netip.AddrPort // handed over: the relayed addresses
	start    int            // of the scratch bytes
	length   int            // of the payload
}

func newMailbox(wake func()) *mailbox {
	m := &mailbox{wake: wake}
	m.room.L = &m.mu
	return m
}

// put copies a packet into the mailbox. When that is full, it waits if asked to
// (backpressure for streams), or else reports false: the packet is lost.
func (m *mailbox) put(msg message, payload []byte, wait bool) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.closed && !m.fits(len(payload), wait) {
		if !wait {
			return false, nil
		}
		m.room.Wait()
	}
	if m.closed {
		return false, ErrClosed
	}
	msg.start, msg.length = len(m.in.memory), len(payload)
	var scratch [turn.Headroom]byte
	m.in.memory = append(m.in.memory, scratch[:]...)
	m.in.memory = append(m.in.memory, payload...)
	m.in.memory = append(m.in.memory, scratch[:turn.Tailroom]...)
	m.in.messages = append(m.in.messages, msg)
	m.notify()
	return true, nil
}

// fits says whether a message of n bytes finds room. An empty mailbox takes
// every message, however long.
func (m *mailbox) fits(n int, wait bool) bool {
	messages, bytes := mailboxMessages, mailboxBytes
	if !wait {
		messages, bytes = messages/2, bytes/2
	}
	return len(m.in.messages) == 0 ||
		len(m.in.messages) < messages && len(m.in.memory)+turn.Headroom+n+turn.Tailroom <= bytes
}

// reply delivers the answer to a look-up. It is never lost while the worker
// lives.
func (m *mailbox) reply(k turn.KeyReply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.in.replies = append(m.in.replies, k)
		m.notify()
	}
}

// depart tells the worker that a link is closed, after the link's messages. It
// reports false when the worker has ended.
func (m *mailbox) depart(l *Link) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.in.departed = append(m.in.departed, l)
	m.notify()
	return true
}

// order hands the worker something to do. It reports false when the worker has
// ended.
func (m *mailbox) order(do order) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.in.orders = append(m.in.orders, do)
	m.notify()
	return true
}

// nudge makes the worker look up without telling it anything.
func (m *mailbox) nudge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.notify()
	}
}

// notify wakes the worker only for the first message since it looked: it then
// takes all that have come. The lock is held.
func (m *mailbox) notify() {
	if !m.waiting.Swap(true) {
		m.wake()
	}
}

// take exchanges what has come against out, whose memory is used again. It
// reports false, without the lock, if nothing has come.
func (m *mailbox) take(out *mail) bool {
	if !m.waiting.Load() {
		return false
	}
	out.reset()
	m.mu.Lock()
	m.in, *out = *out, m.in
	m.waiting.Store(false)
	m.mu.Unlock()
	m.room.Broadcast()
	return true
}

// close turns away everybody who waits or comes later.
func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.room.Broadcast()
}

func (b *mail) reset() {
	clear(b.messages) // lets go of the links
	clear(b.replies)
	clear(b.departed)
	clear(b.orders)
	b.memory, b.messages = b.memory[:0], b.messages[:0]
	b.replies, b.departed, b.orders = b.replies[:0], b.departed[:0], b.orders[:0]
}

// buffer returns a message as turn.Server wants it.
func (b *mail) buffer(m *message) []byte {
	end := m.start + turn.Headroom + m.length
	return b.memory[m.start : end : end+turn.Tailroom]
}
