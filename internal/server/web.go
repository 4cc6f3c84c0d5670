package server

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/config"
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

// webSide is what the HTTP side of a server keeps for its whole life.
type webSide struct {
	api      atomic.Pointer[admin.API]
	firstKey string // of the link that this start has made, or empty
	parts    parts
}

// serve answers HTTP as it is to be answered at that moment.
func (w *webSide) serve() http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { w.api.Load().ServeHTTP(out, r) })
}

// openLinks opens the links and makes the first one.
func (s *Server) openLinks() error {
	s.defers(s.web.parts.close)
	x := *s.setup.Load()
	if err := s.openHolders(&x); err != nil {
		return err
	}
	s.adopt(func(now *setup) { now.web = x.web })
	h := x.web.holders
	if h != nil {
		s.defers(func() {
			if !s.running {
				h.db.Close()
			}
		})
	}
	if h == nil || len(h.known) > 0 {
		return nil
	}
	made, err := addLink(context.Background(), h.db, LinkOptions{Label: "first", MaxTTL: firstLinkTTL, Quota: firstLinkQuota}, time.Now())
	if err != nil {
		return err
	}
	s.web.firstKey = made.Key
	return h.refresh(context.Background())
}

// openPages makes what answers HTTP.
func (s *Server) openPages() error {
	x := *s.setup.Load()
	if err := s.openSignaling(&x); err != nil {
		return err
	}
	if err := openSite(&x, s.web.iceServers); err != nil {
		return err
	}
	s.adopt(func(now *setup) { now.web = x.web })
	s.adaptWeb()
	return nil
}

// adaptWeb makes the API go by the setup as it is now.
func (s *Server) adaptWeb() {
	w := s.served()
	if !w.on() {
		return
	}
	w.holders.anonymous.Store(s.cfg().WebAnonymous)
	w.holders.rest.Store(&s.access().rest)
	s.web.api.Store(admin.New(admin.Options{
		Links: w.holders, Attempts: w.holders.attempts, Status: s.status,
		REST: s.access().rest, Secret: w.holders.secret, Anonymous: s.cfg().WebAnonymous,
		Servers: s.servers, Local: w.mode == webLocal, Host: s.name(), TLSPort: s.httpsPort(),
		HSTS: s.certs != nil && !selfIssued(s.certs.Leaf()), KnownHost: s.covers, Origins: s.cfg().WebOrigins,
		Signaling: w.signaling, TrustedProxies: s.cfg().TrustedProxies, Pages: w.pages, Log: s.log,
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
	if s.served().on() && s.cfg().SignalingAuth == "token" {
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
	if port := s.httpsPort(); port != 0 && s.served().mode == webOn {
		out = append(out, "https://"+net.JoinHostPort(s.name(), strconv.Itoa(int(port)))+"/")
	}
	for _, a := range s.place().listen {
		if a.IsLoopback() {
			return append(out, fmt.Sprintf("http://%s/", netip.AddrPortFrom(a, s.httpPort())))
		}
	}
	return out
}
