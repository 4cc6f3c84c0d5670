package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"

	"iceserver/internal/acme"
	"iceserver/internal/listener"
)

// acmeName is the folder of a data directory that holds what authorities issue.
const acmeName = "acme"

// The ports that authorities ask at (RFC 8555, 8.3; RFC 8737, 3).
const (
	authorityHTTP = 80
	authorityTLS  = 443
)

// acmeSide is what gets certificates from an authority.
type acmeSide struct {
	client   *acme.Client       // nil: nothing is got
	listener *listener.Listener // of acme-http-port; nil: not opened
}

// openACME makes the client of the authority, and takes the certificates that it
// has got in earlier runs.
func (s *Server) openACME() error {
	c := s.cfg()
	if len(c.ACMEDomains) == 0 {
		return nil
	}
	if s.certs == nil {
		s.log.Warn("no certificate is got for acme-domain, since nothing here speaks TLS: leave no-tls out")
		return nil
	}
	roots, err := authorityRoots(c.ACMECARoot)
	if err != nil {
		return err
	}
	s.openACMEPort()
	s.certs.Expect(c.ACMEDomains...)
	o := acme.Options{
		Domains: c.ACMEDomains, Email: c.ACMEEmail, CA: c.ACMECA, Roots: roots,
		KeyID: c.ACMEKeyID, MACKey: c.ACMEMACKey.Reveal(), Dir: filepath.Join(s.access().kept.dir, acmeName),
		Installed: s.certs.Put, Log: s.log,
	}
	o.HTTP, o.TLS = s.challengedAt()
	if s.acme.client, err = acme.New(o); err != nil {
		return err
	}
	s.defers(func() {
		if !s.running {
			s.acme.client.Close()
		}
	})
	if len(c.CertFiles) == 0 && !selfIssued(s.certs.Leaf()) {
		s.certFile = ""
	}
	return nil
}

// longestRoots is how much of acme-ca-root is read, in bytes.
const longestRoots = 1 << 20

// authorityRoots reads the certificates of a private authority; nil stands for
// those of the system.
func authorityRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := plainFile(file, longestRoots)
	if err != nil {
		return nil, fmt.Errorf("acme-ca-root: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("acme-ca-root: there is no certificate in PEM form in %s", file)
	}
	return pool, nil
}

// openACMEPort opens the port that authorities ask at over HTTP, unless it is one
// of those that are open anyway. Where that is not possible another web server
// has it, which can pass on what is asked, or it is done over TLS.
func (s *Server) openACMEPort() {
	c := s.cfg()
	if port := c.ACMEHTTPPort; port == 0 || c.ACMEChallenge == challengeTLS || s.listensTCP(port) {
		return
	}
	l, err := listener.New(listener.Options{TCP: s.at(true, c.ACMEHTTPPort), Challenges: s.challenges(), Log: s.log})
	if err != nil {
		s.log.Warn("the authority cannot be answered at acme-http-port: let who has the port send /.well-known/acme-challenge/ to a port of this server, or set acme-challenge=tls-alpn-01",
			"error", advise(err))
		return
	}
	s.acme.listener = l
	s.defers(func() {
		if !s.running {
			l.Close()
		}
	})
}

// challengeHTTP and challengeTLS are values of acme-challenge.
const (
	challengeHTTP = "http-01"
	challengeTLS  = "tls-alpn-01"
)

// listensTCP says whether a port is one of those for TURN and the pages.
func (s *Server) listensTCP(port uint16) bool {
	c := s.cfg()
	return !c.NoTCP && port == c.ListeningPort || !c.NoTLS && port == c.TLSListeningPort || s.served().on() && c.WebPort != 0 && port == c.WebPort
}

// challengedAt says where authorities are answered over HTTP and over TLS; the
// zero address where they are not to be asked to come. If it is not said how,
// they come where this server has the port that they come to; if it has neither,
// somebody may pass on what comes to the other's port 80.
func (s *Server) challengedAt() (overHTTP, overTLS netip.AddrPort) {
	c := s.cfg()
	port := c.ListeningPort
	switch {
	case s.acme.listener != nil:
		port = c.ACMEHTTPPort
	case c.NoTCP && !c.NoTLS:
		port = c.TLSListeningPort
	case c.NoTCP:
		port = c.WebPort
	}
	tlsPort := c.TLSListeningPort
	if s.listensTCP(authorityTLS) {
		tlsPort = authorityTLS
	} else if c.NoTLS {
		tlsPort = port
	}
	first := s.place().listen[0]
	overHTTP, overTLS = netip.AddrPortFrom(first, port), netip.AddrPortFrom(first, tlsPort)
	has80 := s.listensTCP(authorityHTTP) || s.acme.listener != nil
	switch {
	case c.ACMEChallenge == challengeHTTP:
		return overHTTP, netip.AddrPort{}
	case c.ACMEChallenge == challengeTLS, !has80 && tlsPort == authorityTLS:
		return netip.AddrPort{}, overTLS
	case tlsPort == authorityTLS:
		return overHTTP, overTLS
	}
	return overHTTP, netip.AddrPort{}
}

// runACME runs the client of the authority until ctx ends.
func (s *Server) runACME(ctx context.Context, running *sync.WaitGroup) {
	if s.acme.client != nil {
		running.Go(func() { s.acme.client.Run(ctx) })
	}
	if l := s.acme.listener; l != nil {
		running.Go(func() { _ = l.Run(ctx) }) // which has no error
	}
}

// challenges answers what authorities ask for over HTTP; nil: there is nobody to
// be answered. What this server has not asked for may have been asked for by
// another, which acme-redirect names.
func (s *Server) challenges() http.Handler {
	if len(s.cfg().ACMEDomains) == 0 && s.cfg().ACMERedirect == "" {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := s.acme.client; c != nil && c.Answer(w, r) {
			return
		}
		token := strings.TrimPrefix(r.URL.Path, "/.well-known/acme-challenge/")
		if s.cfg().ACMERedirect == "" || !isToken(token) || r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Location", s.cfg().ACMERedirect+token)
		w.WriteHeader(http.StatusMovedPermanently)
	})
}

// isToken says whether a text has the form of a token (RFC 8555, 8.3). Nothing
// else of what strangers send gets into an answer.
func isToken(text string) bool {
	const longest = 256 // bytes; those of today have 43
	return text != "" && len(text) <= longest &&
		strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// challengeCertificate is what authorities are shown that ask over TLS; nil:
// nobody is.
func (s *Server) challengeCertificate() func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.acme.client == nil {
		return nil
	}
	return s.acme.client.Certificate
}
