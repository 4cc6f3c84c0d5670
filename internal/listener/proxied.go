package listener

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	// proxyBuffer is what is read at a time while a PROXY header comes, in bytes:
	// several times the header of any load balancer without certificates in it. The
	// library reads on to 4 KiB of such extras and takes no header with more.
	proxyBuffer = 512
	// proxyNews is how often it is told at most that a port was used wrongly.
	proxyNews = time.Minute
)

// errNoClient is a PROXY header that names nobody who could have connected.
var errNoClient = errors.New("listener: the PROXY header names no address of a client")

// proxies are the load balancers that may say who their clients are.
type proxies struct {
	sources []netip.Prefix
	told    atomic.Int64 // when something was told last, in seconds since 1970
}

// trusts says whether who connects from client to the address server of ours may
// speak the PROXY protocol. Unless sources are named it has to be on this very
// machine. Private networks are no such default: behind the address translation of
// containers and clouds the whole world comes from a private address.
func (p *proxies) trusts(client, server netip.Addr) bool {
	client = client.WithZone("")
	if len(p.sources) == 0 {
		// Nobody elsewhere can hold a connection in which both ends are ours.
		return client.IsLoopback() || client == server.WithZone("")
	}
	return slices.ContainsFunc(p.sources, func(s netip.Prefix) bool { return s.Contains(client) })
}

// due says whether something may be told again: a port that is used wrongly is
// so with every connection.
func (p *proxies) due(now time.Time) bool {
	last := p.told.Load()
	return now.Unix()-last >= int64(proxyNews/time.Second) && p.told.CompareAndSwap(last, now.Unix())
}

// admitProxied is admit for connections that begin with a PROXY header. Until that
// has come they have a place that counts for no source.
//
// H-18: whose word is not to be taken is not even read.
func (l *Listener) admitProxied(ctx context.Context, tcp *net.TCPConn) {
	c := l.connection(tcp)
	if !l.proxies.trusts(c.client.Addr(), c.server.Addr()) {
		l.counts.add(proxyStranger)
		tcp.Close()
		if l.proxies.due(c.since) {
			l.log.Warn("a connection to tcp-proxy-port was closed: if it was the load balancer's, name it in tcp-proxy-source", "source", c.client.Addr())
		}
		return
	}
	if l.place(c, netip.Addr{}) {
		l.start(ctx, c, l.serveProxied)
	}
}

// serveProxied reads the header and serves the client that it names, as one that
// had connected by itself.
func (l *Listener) serveProxied(ctx context.Context, c *conn) {
	_ = c.SetReadDeadline(c.since.Add(l.limits.Message))
	client, head, err := readProxyHeader(c)
	if err != nil {
		l.countProxied(c, err)
		c.Close()
		return
	}
	if !client.IsValid() {
		client = c.client
	}
	d := &conn{
		TCPConn: c.TCPConn, client: client, server: c.server, since: c.since,
		conns: c.conns, proxied: true, head: head,
	}
	// The place is given back before the client's own is taken, or a full house
	// would turn away who is in already.
	c.conns.Delete(c)
	c.leave()
	if l.enter(d) && l.hold(ctx, d) {
		l.serve(ctx, d)
	}
}

// countProxied counts a connection whose header did not come. One that ends before
// its first byte is how simple load balancers look whether somebody is there.
func (l *Listener) countProxied(c *conn, err error) {
	switch {
	case errors.Is(err, io.EOF):
	case timedOut(err):
		l.counts.add(proxyLate)
	default:
		l.counts.add(proxyHeader)
		if l.proxies.due(time.Now()) {
			l.log.Warn("a connection to tcp-proxy-port was closed: it did not begin with a PROXY header (haproxy: send-proxy-v2)", "source", c.client.Addr(), "error", err)
		}
	}
}

// readProxyHeader reads a header of version 1 or 2 and returns the client that it
// names and what was read behind it. The client is invalid where the load balancer
// speaks for itself, as it does to find out whether this server is well, or does
// not know its client's address. The error is io.EOF where nothing came at all.
func readProxyHeader(r io.Reader) (client netip.AddrPort, head []byte, err error) {
	in := bufio.NewReaderSize(r, proxyBuffer)
	if _, err := in.Peek(1); err != nil {
		return client, nil, err
	}
	h, err := proxyproto.Read(in)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return client, nil, err
	}
	if client, err = claimed(h); err != nil {
		return client, nil, err
	}
	head = make([]byte, in.Buffered())
	_, err = io.ReadFull(in, head)
	return client, head, err
}

// claimed is the client that a header names, if it does.
func claimed(h *proxyproto.Header) (client netip.AddrPort, err error) {
	if h.Command.IsLocal() {
		return client, nil // whatever addresses follow
	}
	switch a := h.SourceAddr.(type) {
	case *net.UnixAddr:
		return client, nil
	case *net.TCPAddr:
		if client = addrPort(a); client.IsValid() && !client.Addr().IsUnspecified() && !client.Addr().IsMulticast() {
			return client, nil
		}
	}
	return netip.AddrPort{}, errNoClient
}

// Read returns what came behind a PROXY header before anything else.
func (c *conn) Read(b []byte) (int, error) {
	if len(c.head) > 0 {
		return cut(b, &c.head), nil
	}
	return c.TCPConn.Read(b)
}

// RemoteAddr is who requests of HTTP come from.
//
// H-18: who comes by a load balancer is never taken for this machine, which may see
// more, wherever the connection to the load balancer has come from.
func (c *conn) RemoteAddr() net.Addr {
	switch a := c.client.Addr(); {
	case !c.proxied:
		return c.TCPConn.RemoteAddr()
	case a.IsLoopback(), a == c.server.Addr():
		return unnamed{}
	}
	return net.TCPAddrFromAddrPort(c.client)
}

// unnamed is the address of somebody of whom nothing is known.
type unnamed struct{}

// Network is that of the connection.
func (unnamed) Network() string { return "tcp" }

// String is empty.
func (unnamed) String() string { return "" }
