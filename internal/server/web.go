package server

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/config"
	"iceserver/internal/listener"
	"iceserver/internal/signaling"
	"iceserver/internal/web"
)

// webOff, webLocal and webOn say who gets the pages.
const (
	webOff   = "off"
	webLocal = "local"
	webOn    = "on"
)

// webMode is what the configuration asks for. A file that says nothing of the
// web comes from coturn, or from somebody who does not know of it.
func webMode(cfg *config.Config, file string) string {
	switch {
	case cfg.Web != "":
		return cfg.Web
	case file != "":
		return webOff
	}
	return webOn
}

// webSide is the HTTP side of a server.
type webSide struct {
	mode      string
	holders   *holders
	api       atomic.Pointer[admin.API]
	pages     http.Handler // that are no API
	signaling *signaling.Server
	roomKeys  *roomKeys          // nil: tokens of rooms need no file
	listener  *listener.Listener // of the pages' own port; nil: they are on all
	firstKey  string             // of the link that this start has made, or empty
}

func (w *webSide) on() bool { return w.mode != webOff }

// serve answers HTTP as it is to be answered at that moment.
func (w *webSide) serve() http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { w.api.Load().ServeHTTP(out, r) })
}

// openLinks opens the links and makes the first one.
func (s *Server) openLinks() error {
	s.web.mode = webMode(s.cfg(), s.o.ConfigFile)
	if !s.web.on() {
		return nil
	}
	if s.cfg().NoTCP && s.cfg().NoTLS && s.cfg().WebPort == 0 {
		s.log.Warn("there are no pages, since no-tcp and no-tls leave no TCP port for them: set web-port")
		s.web.mode = webOff
		return nil
	}
	if s.access().kept == nil && s.cfg().Web == "" {
		s.log.Warn("there are no pages, since there is no data directory to keep their links in: set data-dir, or web=off")
		s.web.mode = webOff
		return nil
	}
	l, err := openHolders(s.access(), s.log)
	if err != nil {
		return err
	}
	s.web.holders = l
	s.defers(func() { l.db.Close() })
	if len(l.known) > 0 {
		return nil
	}
	made, err := addLink(context.Background(), l.db, LinkOptions{Label: "first", MaxTTL: firstLinkTTL, Quota: firstLinkQuota}, time.Now())
	if err != nil {
		return err
	}
	s.web.firstKey = made.Key
	return l.refresh(context.Background())
}

// openPages makes what answers HTTP.
func (s *Server) openPages() error {
	if !s.web.on() {
		return nil
	}
	if err := s.openSignaling(); err != nil {
		return err
	}
	pages, err := s.pages()
	if err != nil {
		return err
	}
	s.web.pages = pages
	s.adaptWeb()
	return nil
}

// adaptWeb makes the HTTP side go by the configuration as it is now, but for the
// origins of signaling, which can be refused.
func (s *Server) adaptWeb() {
	if !s.web.on() {
		return
	}
	s.web.holders.anonymous.Store(s.cfg().WebAnonymous)
	s.web.holders.rest.Store(&s.access().rest)
	s.web.api.Store(admin.New(admin.Options{
		Links: s.web.holders, Attempts: s.web.holders.attempts, Status: s.status,
		REST: s.access().rest, Secret: s.web.holders.secret, Anonymous: s.cfg().WebAnonymous,
		Servers: s.servers, Local: s.web.mode == webLocal, Host: s.name(), TLSPort: s.httpsPort(),
		HSTS: s.certs != nil && !selfIssued(s.certs.Leaf()), KnownHost: s.covers, Origins: s.cfg().WebOrigins,
		Signaling: s.web.signaling, TrustedProxies: s.cfg().TrustedProxies, Pages: s.web.pages, Log: s.log,
		Metrics: s.pagesMetrics(), Healthy: s.unhealthy, Ready: s.unready,
		Reach: s.reach(),
	}))
}

// pagesMetrics are the metrics as the pages' ports have them, or nil: only who asked
// for metrics has them there, and nobody whose clients come through a proxy.
//
// H-26: a proxy that does not say whom it asks for looks like this machine.
func (s *Server) pagesMetrics() http.Handler {
	if !s.cfg().Prometheus || len(s.cfg().TrustedProxies) > 0 {
		return nil
	}
	return s.metrics.handler
}

// setOrigins says which pages may use signaling. With an error nothing has
// changed.
func (s *Server) setOrigins(origins []string) error {
	if !s.web.on() {
		return nil
	}
	return s.web.signaling.SetOrigins(origins)
}

// pages are all that is no API.
func (s *Server) pages() (http.Handler, error) {
	o := web.Options{ICEServers: func(r *http.Request) json.RawMessage {
		array, _ := json.Marshal(s.web.api.Load().ServersFor(r)) // strings only: it cannot fail
		return array
	}}
	if s.cfg().DemosDir != "" {
		// H-16: a root that no path and no symbolic link leads out of.
		root, err := os.OpenRoot(s.cfg().DemosDir)
		if err != nil {
			return nil, fmt.Errorf("demos-dir: %w; give the folder with the demos of RTCMultiConnection", err)
		}
		s.defers(func() { root.Close() })
		o.DemosDir = root.FS()
	}
	return web.New(o), nil
}

// openWebPort opens the port that the pages have for themselves.
func (s *Server) openWebPort() error {
	if !s.web.on() || s.cfg().WebPort == 0 {
		return nil
	}
	l, err := listener.New(listener.Options{
		TCP: s.at(true, s.cfg().WebPort), Certificates: s.certs, HTTP: s.web.serve(), Log: s.log,
		Limits:    listener.Limits{PerSource: pagesPerSource, Proxies: s.cfg().TrustedProxies},
		TLS13Only: s.cfg().TLS13Only, CipherSuites: s.cfg().CipherSuites,
		Challenges: s.challenges(), ChallengeCertificate: s.challengeCertificate(),
	})
	if err != nil {
		return advise(err)
	}
	s.web.listener = l
	s.defers(func() {
		if !s.running {
			l.Close()
		}
	})
	return nil
}

// runWeb runs what the HTTP side has running, until ctx ends.
func (s *Server) runWeb(ctx context.Context, running *sync.WaitGroup) {
	if !s.web.on() {
		return
	}
	running.Go(func() { s.web.holders.run(ctx) })
	running.Go(func() { s.web.signaling.Run(ctx) })
	if k := s.web.roomKeys; k != nil {
		running.Go(func() { k.run(ctx) })
	}
	if l := s.web.listener; l != nil {
		running.Go(func() { _ = l.Run(ctx) }) // which has no error
	}
}

// handler is what the ports of TURN answer HTTP with; nil: that there is nothing.
func (s *Server) handler() http.Handler {
	if !s.web.on() || s.cfg().WebPort != 0 {
		return nil
	}
	return s.web.serve()
}

// httpsPort is where the pages are with TLS; 0: nowhere.
func (s *Server) httpsPort() uint16 {
	switch {
	case s.cfg().WebPort != 0:
		return s.cfg().WebPort
	case s.cfg().NoTLS:
		return 0
	}
	return s.cfg().TLSListeningPort
}

// httpPort is where the pages are without TLS for this machine.
func (s *Server) httpPort() uint16 {
	switch {
	case s.cfg().WebPort != 0:
		return s.cfg().WebPort
	case s.cfg().NoTCP:
		return s.cfg().TLSListeningPort
	}
	return s.cfg().ListeningPort
}

// covers says whether a name is one that the certificate is for.
func (s *Server) covers(name string) bool {
	return s.certs != nil && s.certs.Covers(name)
}

// servers is the array for clients who know this server by some host: a name
// that the certificate is for beats the address, with which TLS would fail.
func (s *Server) servers(host, username, credential string) []admin.ICEServer {
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || !s.covers(host) {
		host = s.place().host().String()
	}
	if s.cfg().NoAuth {
		username, credential = "anyone", "anything"
	}
	return iceServers(s.cfg(), host, username, credential)
}

// name is what to call this server in addresses of pages: what browsers will
// accept its certificate for, if there is such a thing.
func (s *Server) name() string {
	if s.certs != nil {
		if leaf := s.certs.Leaf(); leaf != nil && !selfIssued(leaf) {
			i := slices.IndexFunc(leaf.DNSNames, func(n string) bool { return !strings.Contains(n, "*") })
			if i >= 0 {
				return leaf.DNSNames[i]
			}
		}
	}
	return s.place().host().String()
}

// selfIssued says whether a certificate was signed by its own key: no browser
// trusts it unasked.
func selfIssued(leaf *x509.Certificate) bool {
	return leaf != nil && bytes.Equal(leaf.RawIssuer, leaf.RawSubject)
}

// The states of a part of the server, as its status has them.
const (
	partStarting = "starting"
	partOK       = "ok"
	partFailed   = "failed"
	partOff      = "off"
)

// status is how the server is. Whether it works is what its own test has found.
func (s *Server) status() admin.Status {
	tested, _ := s.tested.Load().(string)
	if tested == "" {
		tested = partStarting
	}
	st := admin.Status{
		Name: "iceserver", Version: s.o.Version, STUN: tested, TURN: tested, Host: s.name(),
		TLS: admin.TLSStatus{Status: partOff}, STUNURLs: stunURLs(s.cfg(), s.place().host().String()),
		Demos: s.cfg().DemosDir != "",
	}
	if s.web.signaling != nil && s.cfg().SignalingAuth == "token" {
		st.Signaling = "token"
	}
	if s.cfg().NoSTUN {
		st.STUN = partOff
	}
	if s.cfg().STUNOnly {
		st.TURN = partOff
	}
	if s.certs != nil {
		st.TLS = tlsStatus(s.certs.Leaf(), time.Now())
	}
	return st
}

func tlsStatus(leaf *x509.Certificate, now time.Time) admin.TLSStatus {
	if leaf == nil {
		return admin.TLSStatus{Status: partOff}
	}
	st := admin.TLSStatus{Status: partOK, Days: int(leaf.NotAfter.Sub(now) / (24 * time.Hour))}
	switch {
	case now.After(leaf.NotAfter):
		st = admin.TLSStatus{Status: "expired"}
	case selfIssued(leaf):
		st.Status = "self-signed"
	}
	return st
}

// pageURLs are the addresses of the pages: for everybody, if there is TLS, and
// for this machine, if it is listened there.
func (s *Server) pageURLs() []string {
	var out []string
	if port := s.httpsPort(); port != 0 && s.web.mode == webOn {
		out = append(out, "https://"+net.JoinHostPort(s.name(), strconv.Itoa(int(port)))+"/")
	}
	for _, a := range s.place().listen {
		if a.IsLoopback() {
			return append(out, fmt.Sprintf("http://%s/", netip.AddrPortFrom(a, s.httpPort())))
		}
	}
	return out
}
