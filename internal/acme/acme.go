// Package acme gets certificates from an authority by ACME (RFC 8555), and
// renews them in time.
//
// Knows: accounts, orders, challenges, when to renew, when to try again, what to
// do about what an authority says. Does not know: sockets, who is shown which
// certificate. Owns: its folder of the data directory.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// Options say what to get from whom. Domains, CA, Dir, Installed and Log are
// needed, and HTTP or TLS.
type Options struct {
	Domains []string       // each gets a certificate of its own
	Email   string         // may be empty
	CA      string         // the URL of the directory of the authority
	Roots   *x509.CertPool // to know the authority by; nil: those of the system
	// KeyID and MACKey, in base64, are what the authority has given out for
	// external account binding; both or none.
	KeyID, MACKey string
	Dir           string // keys, accounts and certificates are kept there, for their owner alone

	// HTTP and TLS are where somebody listens who answers with Client.Answer and
	// Client.Certificate. Of a zero one no challenge is asked for.
	HTTP, TLS netip.AddrPort

	// Installed is called with every certificate, those of an earlier run too,
	// and not from two goroutines at a time.
	Installed func(domain string, cert tls.Certificate)
	Log       *slog.Logger
}

// Client keeps certificates for its names.
type Client struct {
	o      Options
	cache  *certmagic.Cache
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer

	mu     sync.Mutex // guards the following, and Installed
	leaves map[string]*x509.Certificate
	failed map[string]string // by name: what the log was told last
	due    chan struct{}     // has room for one: what is due has changed
}

// New makes a client and installs the certificates that are kept already. It
// asks nobody for anything before Run, which must follow, or Close. The error
// names the key of the configuration that is wrong.
func New(o Options) (*Client, error) {
	c := &Client{o: o, leaves: make(map[string]*x509.Certificate), failed: make(map[string]string), due: make(chan struct{}, 1)}
	binding, err := o.binding()
	if err != nil {
		return nil, err
	}
	logger := zap.New(bridge{o.Log})
	c.cache = certmagic.NewCache(certmagic.CacheOptions{GetConfigForCert: c.configured, Logger: logger})
	c.config = certmagic.New(c.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Dir}, OnEvent: c.event, Logger: logger,
		// An answer of OCSP is good for days, and those who are shown it would have
		// to be given a new one; most authorities have none any more.
		OCSP: certmagic.OCSPConfig{DisableStapling: true},
	})
	c.issuer = certmagic.NewACMEIssuer(c.config, o.template(binding, logger))
	c.config.Issuers = []certmagic.Issuer{c.issuer}
	for _, domain := range o.Domains {
		// The event that follows installs it.
		_, err := c.config.CacheManagedCertificate(context.Background(), domain)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			o.Log.Warn("a certificate that was got earlier cannot be used, so a new one is got", "name", domain, "reason", err)
		}
	}
	return c, nil
}

// template is how certmagic speaks with the authority. It must not open ports of
// its own, and does not where it finds that somebody listens.
func (o Options) template(binding *acme.EAB, logger *zap.Logger) certmagic.ACMEIssuer {
	t := certmagic.ACMEIssuer{
		CA: o.CA, Email: o.Email, Agreed: true, ExternalAccount: binding, TrustedRoots: o.Roots,
		DisableHTTPChallenge: !o.HTTP.IsValid(), DisableTLSALPNChallenge: !o.TLS.IsValid(),
		AltHTTPPort: int(o.HTTP.Port()), AltTLSALPNPort: int(o.TLS.Port()), Logger: logger,
		// What was begun by another process is not this one's.
		DisableDistributedSolvers: true,
	}
	if o.HTTP.IsValid() {
		t.ListenHost = o.HTTP.Addr().String()
	} else {
		t.ListenHost = o.TLS.Addr().String()
	}
	return t
}

// binding is the key for external account binding, nil without one. Authorities
// give it out in either alphabet of base64 and with or without padding.
func (o Options) binding() (*acme.EAB, error) {
	if o.KeyID == "" {
		return nil, nil
	}
	key := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(o.MACKey, "="))
	if _, err := base64.RawURLEncoding.DecodeString(key); err != nil {
		return nil, errors.New("acme-eab-hmac-key is not in base64: write it as the authority has given it out")
	}
	return &acme.EAB{KeyID: o.KeyID, MACKey: key}, nil
}

// configured is asked for by the library, which can hold certificates of many.
func (c *Client) configured(certmagic.Certificate) (*certmagic.Config, error) { return c.config, nil }

// usualCheck is how often it is looked for what is due for renewal. Certificates
// that live for less than ten hours need a closer look.
const usualCheck = 10 * time.Minute

// patience is how long the library tries to get a first certificate; then it is
// asked anew.
const patience = 31 * 24 * time.Hour

// Run gets what is missing and renews what is due until ctx ends. What fails is
// tried again, after a minute at first and later more and more seldom; the log
// is told once.
func (c *Client) Run(ctx context.Context) {
	defer c.Close()
	for asked := (time.Time{}); ; {
		if time.Since(asked) > patience {
			// Each name has its own goroutine there, which ends with ctx; the error is
			// of none of them. Names that have a certificate are passed over.
			asked = time.Now()
			_ = c.config.ManageAsync(ctx, c.o.Domains)
		}
		if err := c.cache.RenewManagedCertificates(ctx); err != nil {
			c.o.Log.Warn("cannot look for certificates that are due for renewal", "error", err)
		}
		timer := time.NewTimer(c.interval())
		select {
		case <-timer.C:
		case <-c.due:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// Close ends a client that Run was never called of. Run does so by itself.
func (c *Client) Close() {
	c.cache.Stop()
	// Otherwise the next process would wait until it is sure that nobody is here.
	certmagic.CleanUpOwnLocks(context.Background(), c.config.Logger)
}

// Renew makes Run look now for what is due, and does not wait for it.
func (c *Client) Renew() {
	select {
	case c.due <- struct{}{}:
	default: // it is about to
	}
}

// Due is when each certificate that is there is renewed at the latest, by name: with
// a third of its life left, unless the authority wants it sooner.
func (c *Client) Due() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	due := make(map[string]time.Time)
	for name, leaf := range c.leaves {
		left := time.Duration(float64(leaf.NotAfter.Sub(leaf.NotBefore)) * c.config.RenewalWindowRatio)
		due[name] = leaf.NotAfter.Add(-left)
	}
	return due
}

// Failures are the names for which no certificate was issued when one was last asked
// for, with what to do about it.
func (c *Client) Failures() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.failed)
}

// interval is how long to wait before the next look.
func (c *Client) interval() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	every := usualCheck
	for _, leaf := range c.leaves {
		every = min(every, leaf.NotAfter.Sub(leaf.NotBefore)/60)
	}
	return max(every, time.Second)
}

// event is called by the library.
func (c *Client) event(ctx context.Context, name string, data map[string]any) error {
	domain, _ := data["identifier"].(string)
	switch name {
	case "cached_managed_cert":
		if names, _ := data["sans"].([]string); len(names) > 0 {
			c.install(ctx, names[0])
		}
	case "cert_obtained":
		if c.install(ctx, domain) {
			c.o.Log.Info("a certificate was issued and is in use for new connections", "name", domain, "ca", c.o.CA)
		}
	case "cert_failed":
		if err, _ := data["error"].(error); err != nil && ctx.Err() == nil {
			c.fail(domain, err)
		}
	}
	return nil
}

// install hands out what is kept for a name, unless that was done before.
func (c *Client) install(ctx context.Context, domain string) bool {
	authority := c.issuer.IssuerKey()
	chain, err := c.config.Storage.Load(ctx, certmagic.StorageKeys.SiteCert(authority, domain))
	var key []byte
	if err == nil {
		key, err = c.config.Storage.Load(ctx, certmagic.StorageKeys.SitePrivateKey(authority, domain))
	}
	var cert tls.Certificate
	if err == nil {
		cert, err = tls.X509KeyPair(chain, key)
	}
	if err != nil {
		c.o.Log.Error("a new certificate cannot be read from where it is kept", "name", domain, "folder", c.o.Dir, "error", err)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cert.Leaf.Equal(c.leaves[domain]) {
		return false
	}
	c.leaves[domain] = cert.Leaf
	delete(c.failed, domain)
	c.o.Installed(domain, cert)
	c.look(cert.Leaf)
	return true
}

// look lets the library judge by a certificate's own life what is soon: it would
// take one that lives for less than an hour for about to expire all the time.
func (c *Client) look(leaf *x509.Certificate) {
	if every := leaf.NotAfter.Sub(leaf.NotBefore) / 60; every < usualCheck {
		c.cache.SetOptions(certmagic.CacheOptions{
			GetConfigForCert: c.configured, RenewCheckInterval: max(every, time.Second), Logger: c.config.Logger,
		})
	}
	c.Renew()
}
