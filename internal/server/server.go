// Package server puts the parts together: it is the process as a package.
//
// Knows: all parts, the order in which they start and stop, where things are
// kept, what to tell the operator. Does not know: flags, signals. Owns: the data
// directory and the life of everything else.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"iceserver/internal/config"
	"iceserver/internal/listener"
	"iceserver/internal/relay"
	"iceserver/internal/store"
)

// Options are what the caller decides, beside the configuration.
type Options struct {
	// Stdout gets what is to be pasted or parsed, Stderr the log unless the
	// configuration sends it elsewhere.
	Stdout, Stderr io.Writer
	JSON           bool   // print the greeting as JSON
	ConfigFile     string // the file that the configuration came from, or empty
	Version        string // for the log and the status
	Commit         string // of this program, for the status
	// Metadata is where the metadata service of a cloud is, as http://host:port;
	// empty: where the clouds have it.
	Metadata string
	// Syslog is the socket of syslog; empty: where systems have it.
	Syslog string
	// Load reads the configuration anew, for Reload; nil: it cannot be.
	Load func() (*config.Config, error)
}

// Server is one server. New opens everything, Run serves once.
type Server struct {
	setup      atomic.Pointer[setup]
	o          Options
	log        *slog.Logger
	outlet     outlet // where log goes
	accounting *accounting
	keys       *testKeys
	database   store.Database // nil: there is none
	answers    *store.Keys    // of the database, for every configuration
	realms     *realmReader   // nil: there is no database
	stats      *store.Stats   // nil: sessions are reported nowhere
	control    net.Listener   // for commands; nil: they cannot reach this server
	second     bool           // another server has the data directory
	changing   sync.Mutex     // held while the setup is changed
	draining   atomic.Bool
	hung       atomic.Bool // a worker has not answered for long
	relay      *relay.Relay
	listener   *listener.Listener
	certs      *listener.Certificates // nil: no TLS
	certFile   string                 // the first one's; empty: it was issued by ACME
	acme       acmeSide
	web        webSide
	metrics    metricsSide
	tested     atomic.Value // string: what the test of the own relay found
	life       life
	found      []local  // this machine's addresses at the start
	external   external // what is known of external addresses
	running    bool
	cleanup    []func() // what to undo, the last first
}

// Addrs are the addresses that a server listens on, by transport.
type Addrs struct {
	UDP  []netip.AddrPort `json:"udp,omitempty"`
	TCP  []netip.AddrPort `json:"tcp,omitempty"`
	TLS  []netip.AddrPort `json:"tls,omitempty"`
	DTLS []netip.AddrPort `json:"dtls,omitempty"`
	Web  []netip.AddrPort `json:"web,omitempty"` // the pages' own port
	// TCPProxy is where load balancers bring clients.
	TCPProxy []netip.AddrPort `json:"tcpProxy,omitempty"`
	// Metrics is the port of the metrics.
	Metrics []netip.AddrPort `json:"metrics,omitempty"`
}

// New opens the data directory, the database and every socket. The error is one
// line that says what to do; then nothing stays open.
func New(cfg *config.Config, o Options) (*Server, error) {
	s := newServer(cfg, nil, nil)
	s.o = o
	s.life.begin(o.ConfigFile, time.Now())
	// The order is that of blame: what a step says about a mistake assumes that
	// those before it found none. The relay comes before the listener, which
	// hands connections to it.
	for _, step := range []func() error{
		s.openLog, s.openAccess, s.openAccounting, s.locate, s.openCertificates, s.openACME, s.openStats, s.openRelay, s.openMetrics, s.openPages, s.openListener, s.openWebPort, s.openPrometheus, s.openControl, s.keepStart, s.openPIDFile, s.become,
	} {
		if err := step(); err != nil {
			s.unwind()
			return nil, err
		}
	}
	return s, nil
}

// defers adds what to undo at the end, or when the start fails later on.
func (s *Server) defers(undo func()) { s.cleanup = append(s.cleanup, undo) }

// unwind undoes what was done, the last first.
func (s *Server) unwind() {
	for i := len(s.cleanup) - 1; i >= 0; i-- {
		s.cleanup[i]()
	}
	s.cleanup = nil
}

func (s *Server) openLog() error {
	l, err := openLog(s.cfg(), s.o)
	s.outlet.turn(l)
	s.log = slog.New(switched{outlet: &s.outlet})
	s.defers(s.outlet.close)
	if err != nil {
		// Coturn goes on too, and under its unit no server may make a file right in
		// /var/log, where guides everywhere have it.
		s.log.Warn("the log goes to standard error until log-file is another one", "error", err)
	}
	return nil
}

func (s *Server) openAccess() error {
	a, err := openAccess(s.cfg(), s.log)
	if err != nil {
		return err
	}
	s.adopt(func(x *setup) { x.access = a })
	if a.own && s.o.ConfigFile != "" {
		a.tellOwn(s.log, s.o.ConfigFile)
	}
	db, err := a.openDatabase()
	if err != nil {
		return err
	}
	if db != nil {
		s.warnReadable()
		s.warnSilent(db)
		s.database = db
		s.defers(func() { db.Close() })
		s.openRealms(db)
	}
	if err := s.openLinks(); err != nil {
		return err
	}
	s.keys, err = newTestKeys(s.letIn(s.setup.Load()), a.realm)
	s.adopt(func(x *setup) { x.keys = s.keys })
	return err
}

// letIn is who is let in by a setup: its users and secrets, those of the database,
// and the holders of links.
func (s *Server) letIn(x *setup) relay.Keys {
	a := x.access
	o := store.KeysOptions{Users: a.users, Secrets: a.secrets, REST: a.rest, Log: s.log}
	if s.database != nil {
		o.Database = s.database
	}
	if s.answers == nil {
		s.answers = store.NewKeys(o)
	}
	keys := s.answers.Configure(o)
	if x.web.on() {
		return holderKeys{keys, x.web.holders}
	}
	return keys
}

// silentWithin is how long a start waits for a database elsewhere.
const silentWithin = 2 * time.Second

// warnSilent tells at the start of a database elsewhere that cannot be used, so
// that nobody has to wait for the first client to find out. It is no reason not
// to serve: the database may be the one that comes up last.
func (s *Server) warnSilent(db store.Database) {
	if s.access().place.file() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), silentWithin)
	defer cancel()
	if _, err := db.Version(ctx); err != nil {
		s.log.Warn("the user database does not answer yet; it is asked again when a client comes", "error", err)
	}
}

// warnReadable tells of a shared database that everybody on this machine can
// read; coturn's own tool makes it so.
func (s *Server) warnReadable() {
	if !s.access().place.file() {
		return
	}
	info, err := os.Stat(s.access().place.where)
	if err == nil && info.Mode().Perm()&0o004 != 0 && runtime.GOOS != "windows" {
		s.log.Warn("everybody on this machine can read the users' keys: run chmod o-r", "file", s.access().database)
	}
}

func (s *Server) locate() error {
	found, err := discover()
	if err != nil {
		return err
	}
	s.found = found
	p, err := locate(s.cfg(), found, s.resolver(s.cfg()))
	s.adopt(func(x *setup) { x.place = p })
	return err
}

// at returns every listening address with a port, or nothing where it is off.
func (s *Server) at(on bool, port uint16) []netip.AddrPort {
	var out []netip.AddrPort
	if on {
		for _, a := range s.place().listen {
			out = append(out, netip.AddrPortFrom(a, port))
		}
	}
	return out
}

// listeners are where clients come without TLS, or nothing where that is off.
func (s *Server) listeners(on bool) []netip.AddrPort {
	out := s.at(on, s.cfg().ListeningPort)
	if !on {
		return out
	}
	for _, a := range s.cfg().AuxServers {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// listening are the addresses that must never be a peer: this server's own, as
// bound and as the world sees them.
func (s *Server) listening() []netip.AddrPort {
	out := slices.Clone(s.cfg().AuxServers)
	ports := []uint16{s.cfg().ListeningPort, s.cfg().TLSListeningPort}
	if s.cfg().WebPort != 0 {
		ports = append(ports, s.cfg().WebPort)
	}
	if s.cfg().TCPProxyPort != 0 {
		ports = append(ports, s.cfg().TCPProxyPort)
	}
	if s.acme.listener != nil {
		ports = append(ports, s.cfg().ACMEHTTPPort)
	}
	if s.cfg().Prometheus {
		ports = append(ports, s.cfg().PrometheusPort)
	}
	for _, port := range ports {
		out = append(out, s.at(true, port)...)
		for _, r := range s.place().relays {
			out = append(out, netip.AddrPortFrom(seen(r), port))
		}
	}
	return out
}

// helloLimit is how many ClientHellos of one source are answered a second before
// it has shown that it is there: as many as requests over UDP.
func (s *Server) helloLimit() int {
	if !s.cfg().UnauthorizedRateLimit {
		return -1
	}
	return s.cfg().UnauthorizedRateLimitRPS
}

// challengeBurst is how many seconds' worth of answers a stranger may have at
// once: an office behind one address opens its calls at the full hour.
const challengeBurst = 5

// pagesPerSource is how many connections one address may hold where pages and
// signaling are: every browser keeps one for as long as its page is open, and
// some more while it loads.
const pagesPerSource = 256

// R-8656-5-g (RFC 8656, 5): clients come over UDP, which is the relay's own, TCP
// and TLS unless they are switched off, and DTLS where it is switched on.
func (s *Server) openListener() error {
	c := s.cfg()
	o := listener.Options{
		TCP: s.listeners(!c.NoTCP), TLS: s.at(!c.NoTLS, c.TLSListeningPort),
		DTLS: s.at(c.DTLS, c.TLSListeningPort), Relay: s.relay, Log: s.log,
		Proxied: s.at(c.TCPProxyPort != 0, c.TCPProxyPort), ProxySources: c.TCPProxySources,
		TLS13Only: c.TLS13Only, CipherSuites: c.CipherSuites,
		Challenges: s.challenges(), ChallengeCertificate: s.challengeCertificate(),
	}
	if !c.NoTLS || c.DTLS {
		o.Certificates = s.certs
	}
	o.Limits.Hellos, o.Limits.Authenticate = s.helloLimit(), c.AllocateTimeout
	s.serveOn(s.setup.Load())(&o)
	l, err := listener.New(o)
	if err != nil {
		return advise(err)
	}
	s.listener = l
	s.defers(func() {
		if !s.running {
			l.Close()
		}
	})
	return nil
}

// advise adds what to do to the errors of a socket that every operator meets.
func advise(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w (another server, coturn perhaps, runs there: stop it or choose another port)", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w (a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE)", err)
	}
	return err
}

// Addrs returns the addresses that clients can talk to, with their ports.
func (s *Server) Addrs() Addrs {
	a := Addrs{UDP: s.relay.Addrs()}
	a.TCP, a.TLS, a.DTLS = s.listener.Addrs()
	a.TCPProxy = s.listener.Proxied()
	if port := s.served().port; port != nil {
		a.Web, _, _ = port.Addrs()
	}
	if s.metrics.listener != nil {
		a.Metrics, _, _ = s.metrics.listener.Addrs()
	}
	return a
}

// Run serves until ctx ends, then ends every allocation and closes everything.
// It tests the relay once and greets the operator as soon as it serves. The
// error is nil when ctx ended. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	s.running = true
	defer s.unwind()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// The listener ends before the relay, so that no connection finds the relay
	// gone; the database is closed after both.
	relaying, stopRelay := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRelay()
	endStats := s.runStats(ctx)
	var relayed, listened sync.WaitGroup
	var relayErr, listenErr error
	relayed.Go(func() {
		relayErr = s.relay.Run(relaying)
		stop(relayErr)
	})
	listened.Go(func() {
		listenErr = s.listener.Run(ctx)
		stop(listenErr)
	})
	listened.Go(func() { s.web.parts.run(ctx) })
	s.runPrometheus(ctx, &listened)
	listened.Go(func() { s.accounting.run(ctx, s.relay) })
	listened.Go(func() { s.runRealms(ctx) })
	listened.Go(func() { s.runExternal(ctx) })
	listened.Go(func() { s.runDrain(ctx, func() { stop(nil) }) })
	listened.Go(func() { s.runNotify(ctx) })
	s.runControl(ctx, &listened)
	s.runCertificates(ctx, &listened)
	// While this tests and prints, clients are served already.
	s.announce(ctx)
	<-ctx.Done()
	s.notify(daemon.SdNotifyStopping, "STATUS=Stopping")
	s.log.Info("stopping")
	listened.Wait()
	stopRelay()
	relayed.Wait()
	endStats()
	s.accounting.last(context.WithoutCancel(ctx), s.relay)
	s.log.Info("stopped")
	return errors.Join(relayErr, listenErr)
}

// welcome prints the greeting. It holds credentials, and the journal of a service is
// for more eyes than those.
func (s *Server) welcome() {
	if toJournal(s.o.Stdout) {
		if line := s.credentialsCommand(); line != "" {
			s.log.Info("credentials to paste are not for the journal; get some by a command", "command", line)
		}
		return
	}
	if err := s.greet(time.Now()).print(s.o.Stdout, s.o.JSON); err != nil {
		s.log.Warn("cannot print the greeting", "error", err)
	}
}

// announce tests the relay, greets, and says that everything serves.
func (s *Server) announce(ctx context.Context) {
	for _, n := range s.place().lan {
		s.log.Info("peers of this network are allowed, since the relay address is a private one in it", "network", n)
	}
	err := s.selfTest(ctx)
	if ctx.Err() != nil {
		return
	}
	if s.noteTest(err); err != nil {
		s.log.Error("the test of the own relay failed: clients will probably fail too", "error", err)
	}
	s.welcome()
	a := s.Addrs()
	s.log.Info("ready", "version", s.o.Version, "realm", s.access().realm, "udp", join(a.UDP), "tcp", join(a.TCP),
		"tls", join(a.TLS), "dtls", join(a.DTLS), "tcp_proxy", join(a.TCPProxy), "web", s.served().mode, "metrics", join(a.Metrics), "relay", s.place().relayNames(), "self_test", err == nil)
	s.notify(daemon.SdNotifyReady, s.statusLine())
}
