// Package listener is the server's side towards clients that do not speak plain
// UDP: TCP, TLS and DTLS.
//
// Knows: sockets, TLS and DTLS handshakes, certificates, how to tell what a new
// connection speaks, where a message in a stream ends, who may hold how many
// connections for how long. Does not know: what a message says, users,
// configuration. Owns: every connection it has accepted, until it closes it or
// hands it to the HTTP server.
package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"iceserver/internal/relay"
)

// Options say where to listen and what stands behind. Log is needed, Relay or
// HTTP, and Certificates wherever TLS or DTLS is.
type Options struct {
	TCP  []netip.AddrPort // TURN, TLS and HTTP are told apart by their first bytes,
	TLS  []netip.AddrPort // here as there; two lists because the ports differ
	DTLS []netip.AddrPort // UDP addresses, none of them a wildcard

	// Proxied is as TCP, but that a load balancer sends a PROXY header first. It has
	// to be one of ProxySources; without any it has to be on this machine.
	Proxied      []netip.AddrPort
	ProxySources []netip.Prefix

	Relay        *relay.Relay  // nil: HTTP alone is served, with TLS and without
	Certificates *Certificates // nil: whoever begins TLS is turned away
	HTTP         http.Handler  // nil: a short 404
	TLS13Only    bool          // turns away TLS 1.2; DTLS has no later version than that
	// CipherSuites are those of TLS and DTLS 1.2, by their IANA numbers, the
	// preferred first; none: all that are good (RFC 9325, 4.2). Others than those
	// are left out.
	CipherSuites []uint16
	// Challenges answers what a certificate authority asks for below
	// /.well-known/acme-challenge/ (RFC 8555, 8.3), and ChallengeCertificate is
	// what it is shown when it asks for that by ALPN (RFC 8737, 3). nil: such
	// clients are like all others.
	Challenges           http.Handler
	ChallengeCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	Limits Limits
	Log    *slog.Logger

	banned func(netip.Addr) bool // who is shut out: New asks Relay
}

// Listener serves stream and DTLS clients.
type Listener struct {
	open   opener
	banned func(netip.Addr) bool // whether a source is shut out
	limits Limits
	log    *slog.Logger
	counts counters

	tcp, tls, proxied []*net.TCPListener
	dtls              []*dtlsSocket
	proxies           proxies

	changing sync.Mutex                 // held while the options change; guards options
	options  Options                    // as they are now
	config   atomic.Pointer[tls.Config] // nil without certificates
	suites   []uint16
	gate     gate
	// streams and associations are the places of connections and of DTLS.
	streams, associations *admission

	conns   sync.Map // the open TCP connections, keyed by *conn
	http    *httpServer
	corks   corks
	secured sync.Map // how connections of TURN are protected: *encryption by ends

	// tasks are all goroutines of this package; Run waits for them.
	tasks sync.WaitGroup
}

// New opens the sockets. The error names the address that could not be had.
func New(o Options) (*Listener, error) {
	switch {
	case o.Relay != nil:
		o.banned = o.Relay.Banned
		return listen(o, relayOpener(o.Relay))
	case o.HTTP == nil && o.Challenges == nil || len(o.DTLS) > 0:
		return nil, errors.New("listener: no relay")
	}
	return listen(o, nil)
}

// listen is New behind any opener of links; without one nobody speaks TURN.
func listen(o Options, open opener) (*Listener, error) {
	if o.Certificates == nil && len(o.TLS)+len(o.DTLS) > 0 {
		return nil, errors.New("listener: TLS and DTLS need a certificate and its key")
	}
	limits := o.Limits.withDefaults()
	l := &Listener{
		open:    open,
		banned:  o.banned,
		limits:  limits,
		log:     o.Log,
		suites:  offered(o.CipherSuites),
		proxies: proxies{sources: o.ProxySources},
		gate:    make(gate, limits.Handshakes),
		streams: newAdmission(limits),
		options: o,

		associations: newAdmission(limits),
	}
	if l.banned == nil {
		l.banned = func(netip.Addr) bool { return false }
	}
	l.http = newHTTPServer(limits, o.Log)
	l.secure(o)
	l.http.answer(o)
	if err := l.bind(o); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Reconfigure changes options while the listener runs: HTTP, Certificates as far as
// TLS goes, and of Limits PerSource and Proxies; others stay as they were. What is
// open stays open, and a connection that has sent HTTP is answered by the new handler.
func (l *Listener) Reconfigure(edit func(*Options)) {
	l.changing.Lock()
	defer l.changing.Unlock()
	before := l.options
	edit(&l.options)
	if now := l.options; (before.HTTP == nil) != (now.HTTP == nil) || before.Certificates != now.Certificates {
		l.secure(now) // else clients keep their session tickets
	}
	l.http.answer(l.options)
	limits := l.options.Limits.withDefaults()
	l.streams.limit(limits)
	l.associations.limit(limits)
}

// secure has TLS be as options want it.
func (l *Listener) secure(o Options) {
	var config *tls.Config
	if o.Certificates != nil {
		config = l.tlsConfig(o)
	}
	l.config.Store(config)
}

func (l *Listener) bind(o Options) (err error) {
	if l.tcp, err = bindTCP(o.TCP, l.tcp); err != nil {
		return err
	}
	if l.tls, err = bindTCP(o.TLS, l.tls); err != nil {
		return err
	}
	if l.proxied, err = bindTCP(o.Proxied, l.proxied); err != nil {
		return err
	}
	for _, at := range o.DTLS {
		s, err := bindDTLS(at, l, o.Certificates, l.associations)
		if err != nil {
			return err
		}
		l.dtls = append(l.dtls, s)
	}
	return nil
}

// bindTCP appends the listeners it could open even when it fails, so that they
// can be closed.
func bindTCP(addrs []netip.AddrPort, to []*net.TCPListener) ([]*net.TCPListener, error) {
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		// A client that has vanished without a word is found out after two
		// minutes; half of that keeps most NATs open.
		Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4,
	}}
	for _, at := range addrs {
		network := "tcp4"
		if at.Addr().Is6() && !at.Addr().Is4In6() {
			network = "tcp6"
		}
		ln, err := config.Listen(context.Background(), network, at.String())
		if err != nil {
			return to, fmt.Errorf("listener: TCP %v: %w", at, err)
		}
		to = append(to, ln.(*net.TCPListener))
	}
	return to, nil
}

// Run serves until ctx ends, then closes every socket and connection and waits
// for its goroutines. It is called once, and returns nil.
func (l *Listener) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, l.closeTCP)
	defer stop()
	l.tasks.Go(func() { l.http.serve(ctx) })
	for _, ln := range slices.Concat(l.tcp, l.tls) {
		l.tasks.Go(func() { l.accept(ctx, ln, l.admit) })
	}
	for _, ln := range l.proxied {
		l.tasks.Go(func() { l.accept(ctx, ln, l.admitProxied) })
	}
	for _, s := range l.dtls {
		l.tasks.Go(func() { s.serve(ctx) })
	}
	l.report(ctx)
	l.conns.Range(func(c, _ any) bool {
		c.(*conn).Close()
		return true
	})
	l.tasks.Wait()
	l.tell()
	return nil
}

// Close closes the sockets that listen. Run does so by itself: this is for a
// start that fails between New and Run.
func (l *Listener) Close() {
	l.closeTCP()
	for _, s := range l.dtls {
		s.socket.Close()
	}
}

func (l *Listener) closeTCP() {
	for _, ln := range slices.Concat(l.tcp, l.tls, l.proxied) {
		ln.Close()
	}
}

// Addrs returns the addresses it listens on, ports filled in, in the order of
// Options.
func (l *Listener) Addrs() (tcp, tls, dtls []netip.AddrPort) {
	for _, ln := range l.tcp {
		tcp = append(tcp, addrPort(ln.Addr()))
	}
	for _, ln := range l.tls {
		tls = append(tls, addrPort(ln.Addr()))
	}
	for _, s := range l.dtls {
		dtls = append(dtls, s.local)
	}
	return tcp, tls, dtls
}

// Proxied returns the addresses that load balancers connect to, ports filled in.
func (l *Listener) Proxied() (at []netip.AddrPort) {
	for _, ln := range l.proxied {
		at = append(at, addrPort(ln.Addr()))
	}
	return at
}

// addrPort is the address of a TCP or UDP socket, IPv4 in its own form.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
