//go:build !linux

package load

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// newUDPWire returns a wire of connected UDP sockets.
func newUDPWire(c clock, server netip.AddrPort, from netip.Prefix, _ int) (wire, error) {
	return newConnWire(c, "udp", server, from, nil), nil
}

// stdFarEnd is the socket of all peers, read by a goroutine.
type stdFarEnd struct {
	clock  clock
	conn   *net.UDPConn
	at     netip.AddrPort
	inbox  inbox
	reader sync.WaitGroup

	mu   sync.Mutex // guards from
	from []netip.AddrPort
}

// newFarEnd binds the peers' socket; port 0 takes a free one.
func newFarEnd(c clock, at netip.AddrPort, _ int) (farEnd, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("load: peer: %w", err)
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	f := &stdFarEnd{
		clock: c, conn: conn, at: netip.AddrPortFrom(at.Addr(), uint16(port)),
		inbox: inbox{more: make(chan struct{}, 1)},
	}
	f.reader.Go(f.read)
	return f, nil
}

// read puts every datagram into the inbox; its client field is the index of the
// address it came from.
func (f *stdFarEnd) read() {
	buf := make([]byte, maxMessage)
	index := make(map[netip.AddrPort]int)
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		i, ok := index[from]
		if !ok {
			i = len(index)
			index[from] = i
			f.mu.Lock()
			f.from = append(f.from, from)
			f.mu.Unlock()
		}
		f.inbox.put(letter{client: i, at: f.clock.now(), msg: append([]byte(nil), buf[:n]...)})
	}
}

func (f *stdFarEnd) addr() netip.AddrPort { return f.at }

func (f *stdFarEnd) send(to []netip.AddrPort, msgs [][]byte) int {
	for i, m := range msgs {
		if _, err := f.conn.WriteToUDPAddrPort(m, to[i]); err != nil {
			return i
		}
	}
	return len(msgs)
}

func (f *stdFarEnd) receive(deliver func(netip.AddrPort, []byte, time.Duration)) error {
	for _, l := range f.inbox.take() {
		f.mu.Lock()
		from := f.from[l.client]
		f.mu.Unlock()
		deliver(from, l.msg, l.at)
	}
	return nil
}

func (f *stdFarEnd) close() {
	_ = f.conn.Close()
	f.reader.Wait()
}

// sharpenTimers has nothing to ask of these systems.
func sharpenTimers() {}
