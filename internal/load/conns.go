package load

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"iceserver/internal/stun"
)

// inboxSize bounds the messages that wait for the generator, so that a server
// that sends without end cannot fill its memory.
const inboxSize = 1 << 16

// dialTimeout bounds the connection, with its TLS handshake, of one client.
const dialTimeout = 10 * time.Second

// stallTimeout bounds one write to a connection whose server does not read.
const stallTimeout = 2 * time.Second

// connWire is one net.Conn for each client with a goroutine that reads it: the
// way for TCP and TLS, and for UDP where there is no recvmmsg.
type connWire struct {
	clock   clock
	network string // "udp" or "tcp"
	server  netip.AddrPort
	source  netip.Prefix
	tls     *tls.Config // nil: in the clear
	conns   []net.Conn
	inbox   inbox
	readers sync.WaitGroup
	joined  []byte // scratch: the messages of one send, padded
}

// newConnWire returns a wire over network ("udp" or "tcp"), in TLS if config is
// not nil.
func newConnWire(c clock, network string, server netip.AddrPort, from netip.Prefix, config *tls.Config) *connWire {
	return &connWire{
		clock: c, network: network, server: server, source: from, tls: config,
		inbox: inbox{more: make(chan struct{}, 1)},
	}
}

func (w *connWire) open() error {
	i := len(w.conns)
	d := net.Dialer{Timeout: dialTimeout, LocalAddr: w.local(i)}
	conn, err := d.Dial(w.network, w.server.String())
	if err != nil {
		return fmt.Errorf("load: client %d: %w", i, err)
	}
	if w.tls != nil {
		secure := tls.Client(conn, w.tls)
		_ = conn.SetDeadline(time.Now().Add(dialTimeout))
		if err := secure.Handshake(); err != nil {
			_ = conn.Close()
			return fmt.Errorf("load: client %d: TLS: %w", i, err)
		}
		_ = conn.SetDeadline(time.Time{})
		conn = secure
	}
	w.conns = append(w.conns, conn)
	w.readers.Go(func() { w.read(i, conn) })
	return nil
}

// local is the address that client i sends from; nil lets the system choose.
func (w *connWire) local(i int) net.Addr {
	from := source(w.source, i)
	if !from.IsValid() {
		return nil
	}
	if w.network == "udp" {
		return &net.UDPAddr{IP: from.AsSlice()}
	}
	return &net.TCPAddr{IP: from.AsSlice()}
}

// read puts what one connection brings into the inbox until it ends.
func (w *connWire) read(client int, conn net.Conn) {
	next := datagrams(conn)
	if w.network == "tcp" {
		next = frames(conn)
	}
	for {
		msg, err := next()
		if err != nil {
			return // closed by close, or by the server: its clients then lose packets
		}
		w.inbox.put(letter{client: client, at: w.clock.now(), msg: append([]byte(nil), msg...)})
	}
}

// datagrams returns a function that reads one datagram after the other.
func datagrams(r io.Reader) func() ([]byte, error) {
	buf := make([]byte, maxMessage)
	return func() ([]byte, error) {
		n, err := r.Read(buf)
		return buf[:n], err
	}
}

// frames returns a function that reads one framed message after the other.
func frames(r io.Reader) func() ([]byte, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	buf := make([]byte, 1<<17)
	return func() ([]byte, error) {
		head, err := in.Peek(stun.ChannelHeaderSize)
		if err != nil {
			return nil, err
		}
		size, err := stun.FrameSize(head)
		if err != nil {
			return nil, err
		}
		_, err = io.ReadFull(in, buf[:size])
		return buf[:size], err
	}
}

func (w *connWire) send(client int, msgs [][]byte) int {
	conn := w.conns[client]
	if w.network == "udp" {
		for i, m := range msgs {
			if _, err := conn.Write(m); err != nil {
				return i
			}
		}
		return len(msgs)
	}
	w.joined = w.joined[:0]
	for _, m := range msgs {
		w.joined = append(w.joined, m...)
		// Over a stream a ChannelData message is filled up to 4 bytes (RFC 8656, 12.5).
		for len(w.joined)%4 != 0 {
			w.joined = append(w.joined, 0)
		}
	}
	_ = conn.SetWriteDeadline(time.Now().Add(stallTimeout))
	if _, err := conn.Write(w.joined); err != nil {
		return 0
	}
	return len(msgs)
}

func (w *connWire) receive(wait time.Duration, deliver func(int, []byte, time.Duration)) error {
	letters := w.inbox.take()
	if len(letters) == 0 && wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-w.inbox.more:
			letters = w.inbox.take()
		case <-timer.C:
		}
	}
	for _, l := range letters {
		deliver(l.client, l.msg, l.at)
	}
	return nil
}

// pause lets the readers run.
func (w *connWire) pause(d time.Duration) { time.Sleep(d) }

func (w *connWire) close() {
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.readers.Wait()
}

// A letter is one message with the time it was read.
type letter struct {
	client int
	at     time.Duration
	msg    []byte
}

// An inbox hands messages from the readers to the generator's one goroutine.
type inbox struct {
	more chan struct{} // capacity 1: something was put since the last look

	mu      sync.Mutex // guards the following
	letters []letter
}

// put adds a message, or loses it when inboxSize are waiting.
func (b *inbox) put(l letter) {
	b.mu.Lock()
	if len(b.letters) < inboxSize {
		b.letters = append(b.letters, l)
	}
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// take empties the inbox.
func (b *inbox) take() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	letters := b.letters
	b.letters = nil
	return letters
}
