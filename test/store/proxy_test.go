//go:build linux

package store_test

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between the store and a server, and can stop forwarding: then
// connections stay open, new ones are taken, and nothing is answered.
type proxy struct {
	listener net.Listener
	to       string
	wg       sync.WaitGroup

	mu      sync.Mutex // guards the following
	flows   *sync.Cond
	stalled bool
	closed  bool
	conns   []net.Conn
}

// newProxy forwards to an address until the test ends.
func newProxy(tb testing.TB, to string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: l, to: to}
	p.flows = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

func (p *proxy) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.flows.Broadcast()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// stall stops forwarding, or goes on with it.
func (p *proxy) stall(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = yes
	p.flows.Broadcast()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(client) {
			return
		}
		p.wg.Go(func() { p.forward(client) })
	}
}

// keep has a connection closed with the proxy.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.conns = append(p.conns, c)
	return true
}

func (p *proxy) forward(client net.Conn) {
	defer client.Close()
	if !p.flow() {
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil || !p.keep(server) {
		return
	}
	defer server.Close()
	p.wg.Go(func() { p.copy(server, client) })
	p.copy(client, server)
}

// copy forwards what comes from one side.
func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !p.flow() {
			return
		}
		if _, wrong := to.Write(buf[:n]); wrong != nil || err != nil {
			return
		}
	}
}

// flow waits while nothing is forwarded, and reports false at the end.
func (p *proxy) flow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.stalled && !p.closed {
		p.flows.Wait()
	}
	return !p.closed
}
