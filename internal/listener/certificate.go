package listener

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
)

// errNoCertificate is what a client causes that comes before there is any.
var errNoCertificate = errors.New("listener: no certificate")

// Certificates holds the certificates that new connections are shown. They may
// be changed while the server runs; those who are connected do not notice.
type Certificates struct {
	mu    sync.Mutex // held while something changes; guards the following
	slots []*slot

	shown atomic.Pointer[shelf]
}

// slot is the place of one certificate in the order of all. What comes into it
// later replaces what was there and nothing else.
type slot struct {
	name  string           // of its file, or as Put was told
	cert  *tls.Certificate // nil: none yet
	pair  Pair             // of no files if Put has made the slot
	watch watched
	// refused is why what the files hold now is not shown; nil: it is.
	refused error
}

// Expect keeps places for certificates that Put will bring, in this order: who
// comes first is shown to those who name nobody, and it shall not depend on who
// is quicker.
func (c *Certificates) Expect(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.slots = append(c.slots, &slot{name: name})
	}
}

// Put shows a certificate that came from elsewhere than a file: in the place of
// the one that had the same name before, or behind all others. Its Leaf must be
// set.
func (c *Certificates) Put(name string, cert tls.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.slots, func(s *slot) bool { return s.name == name })
	if i < 0 {
		i = len(c.slots)
		c.slots = append(c.slots, &slot{name: name})
	}
	c.slots[i].cert = &cert
	c.arrange()
}

// Leaf is the certificate of those who do not say which name they want, the
// first of its chain; nil if there is none. It must not be changed.
func (c *Certificates) Leaf() *x509.Certificate {
	if s := c.shown.Load(); s != nil {
		return s.all[0].Leaf
	}
	return nil
}

// Covers says whether there is a certificate for a host name or an address.
func (c *Certificates) Covers(host string) bool {
	s := c.shown.Load()
	return s != nil && slices.ContainsFunc(s.all, func(cert *tls.Certificate) bool {
		return cert.Leaf.VerifyHostname(host) == nil
	})
}

// NotAfter is when the certificate of Leaf expires, or the zero time if there
// is none.
func (c *Certificates) NotAfter() time.Time {
	if leaf := c.Leaf(); leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}

// Shown returns the certificates that clients are shown, by the name of the first
// file of each or, of those that came by Put, the name that was given there. They
// must not be changed.
func (c *Certificates) Shown() map[string]*tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]*tls.Certificate)
	if s := c.shown.Load(); s != nil {
		for _, slot := range c.slots {
			if slot.cert != nil && slices.Contains(s.all, slot.cert) {
				all[slot.name] = slot.cert
			}
		}
	}
	return all
}

// Refused says of files that have changed, by the name that Shown has for them, why
// what they hold now is not shown.
func (c *Certificates) Refused() map[string]error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]error)
	for _, s := range c.slots {
		if s.refused != nil {
			all[s.name] = s.refused
		}
	}
	return all
}

// arrange puts what the slots have on the shelf. The caller holds mu.
func (c *Certificates) arrange() {
	var all, fallback []*tls.Certificate
	for _, s := range c.slots {
		switch {
		case s.cert == nil:
		case s.pair.Fallback:
			fallback = append(fallback, s.cert)
		default:
			all = append(all, s.cert)
		}
	}
	if len(all) == 0 {
		all = fallback
	}
	if len(all) > 0 {
		c.shown.Store(newShelf(all))
	}
}

// shelf is a set of certificates, ready for clients to choose from. It never
// changes.
type shelf struct {
	all   []*tls.Certificate // in the order of the operator; one at least
	named map[string][]*tls.Certificate
}

// newShelf sorts certificates by their names, those with elliptic curves before
// those with RSA: a handshake with them costs this server a tenth.
func newShelf(all []*tls.Certificate) *shelf {
	s := &shelf{all: all, named: make(map[string][]*tls.Certificate)}
	for _, withRSA := range []bool{false, true} {
		for _, cert := range all {
			if isRSA(cert) != withRSA {
				continue
			}
			for _, name := range cert.Leaf.DNSNames {
				name = strings.ToLower(name)
				s.named[name] = append(s.named[name], cert)
			}
		}
	}
	return s
}

func isRSA(cert *tls.Certificate) bool {
	_, is := cert.Leaf.PublicKey.(*rsa.PublicKey)
	return is
}

// choose returns the certificate for a client: one for the very name it wants,
// one for all names of that domain, the first one or its twin of the other kind,
// any other; and of these one that suits it.
//
// A name without a certificate is not refused: clients of TURN may know the
// server by its address, and those that check names will see for themselves.
func (s *shelf) choose(name string, suits func(*tls.Certificate) bool) *tls.Certificate {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	_, domain, _ := strings.Cut(name, ".")
	for _, candidates := range [][]*tls.Certificate{s.named[name], s.named["*."+domain], s.twins(), s.all} {
		if i := slices.IndexFunc(candidates, suits); i >= 0 {
			return candidates[i]
		}
	}
	// Whatever is wrong with this client, the handshake will say it.
	return s.all[0]
}

// twins are the first certificate and those for the same name.
func (s *shelf) twins() []*tls.Certificate {
	if names := s.all[0].Leaf.DNSNames; len(names) > 0 {
		return s.named[strings.ToLower(names[0])]
	}
	return s.all[:1]
}

// forTLS chooses for a client that speaks TLS.
func (c *Certificates) forTLS(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := c.shown.Load()
	if s == nil {
		return nil, errNoCertificate
	}
	if len(s.all) == 1 {
		return s.all[0], nil
	}
	// The name has its place in choose; here it would rule out all others.
	nameless := *hello
	nameless.ServerName = ""
	return s.choose(hello.ServerName, func(cert *tls.Certificate) bool {
		return nameless.SupportsCertificate(cert) == nil
	}), nil
}

// forDTLS chooses for a client that speaks DTLS, by the suites it offers: the
// library tells no more.
func (c *Certificates) forDTLS(hello *dtls.ClientHelloInfo) (*tls.Certificate, error) {
	s := c.shown.Load()
	if s == nil {
		return nil, errNoCertificate
	}
	return s.choose(hello.ServerName, func(cert *tls.Certificate) bool {
		return slices.ContainsFunc(hello.CipherSuites, func(id dtls.CipherSuiteID) bool {
			return slices.Contains(suites(isRSA(cert)), uint16(id))
		})
	}), nil
}
