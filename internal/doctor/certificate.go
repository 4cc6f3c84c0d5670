package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"iceserver/internal/turn"
)

// checkCertificate looks at what TLS shows, and at the files it comes from.
func checkCertificate(ctx context.Context, t *Target) []Check {
	if len(t.Listen.TLS)+len(t.Listen.DTLS) == 0 {
		return nil
	}
	out := t.certificateFiles(time.Now())
	// What is wrong with the files explains what is wrong with the rest.
	if worst(out) == Fail || !t.Running {
		return out
	}
	for _, e := range t.endpoints() {
		if e.proto != turn.TLS && e.proto != turn.DTLS {
			continue
		}
		e.name = t.certificateName()
		s, err := dial(ctx, e)
		if err != nil {
			continue // which is told of the listener
		}
		shown := s.certificate
		s.close(ctx)
		return append(out, t.judge(shown, t.calledBy(ctx))...)
	}
	return out
}

// certificateName is whom clients would want the certificate to be for, as far as
// anybody here knows.
func (t *Target) certificateName() string {
	if t.farHost != "" {
		return t.farHost
	}
	if names := t.names(); len(names) > 0 {
		return names[0]
	}
	return t.Host
}

// calledBy are the names that clients surely know this server by. A realm need not
// be the name of a machine: it counts where it leads here.
func (t *Target) calledBy(ctx context.Context) []string {
	names := t.names()
	if len(t.ACMEDomains) > 0 || len(names) == 0 {
		return names
	}
	if found, err := t.lookUp(ctx, names[0]); err != nil || !t.leadsHere(found) {
		return nil
	}
	return names
}

// certificateFiles looks at the files that are configured.
func (t *Target) certificateFiles(now time.Time) []Check {
	out := t.RefusedCertificates()
	for i, file := range t.CertFiles {
		if _, told := t.CertRefused[file]; told {
			continue
		}
		for _, f := range append([]string{file}, t.KeyFiles[i:min(i+1, len(t.KeyFiles))]...) {
			if c, bad := t.unreadable(f); bad {
				return append(out, c)
			}
		}
		leaf, err := readLeaf(file)
		if err != nil {
			out = append(out, fail("certificate", fmt.Sprintf("%s holds no certificate: %s", file, oneLine(err)), "write the path of fullchain.pem to cert in "+t.configuration()).down())
			continue
		}
		if i < len(t.KeyFiles) {
			if c, bad := t.unfitKey(file, t.KeyFiles[i]); bad {
				out = append(out, c)
				continue
			}
		}
		if now.After(leaf.NotAfter) {
			out = append(out, fail("certificate", fmt.Sprintf("the certificate in %s expired on %s: clients refuse turns:", file, leaf.NotAfter.UTC().Format(time.DateOnly)), t.renew()))
		}
	}
	return out
}

// unfitKey tells of a key that is of no use with its certificate: a server does not
// start with them. What is encrypted only the server can read, if it has a passphrase.
func (t *Target) unfitKey(cert, key string) (Check, bool) {
	secret, err := os.ReadFile(key)
	if err != nil {
		return Check{}, false // which was told before
	}
	if bytes.Contains(secret, []byte("ENCRYPTED")) {
		if t.Config == nil || t.Config.KeyPassword.Reveal() != "" {
			return Check{}, false
		}
		return fail("certificate", fmt.Sprintf("the key in %s is encrypted, and there is no passphrase", key), "write it to pkey-pwd in "+t.configuration()).down(), true
	}
	_, err = tls.LoadX509KeyPair(cert, key)
	switch {
	case err == nil:
		return Check{}, false
	case strings.Contains(err.Error(), "does not match"): // the library has no name for this error, only two texts
		return fail("certificate", fmt.Sprintf("the key in %s is not that of the first certificate in %s", key, cert),
			"write the pair that belongs together to cert and pkey in "+t.configuration()+"; the server's own certificate stands first in its file").down(), true
	}
	return fail("certificate", fmt.Sprintf("%s holds no key of %s: %s", key, cert, oneLine(err)), "correct cert and pkey in "+t.configuration()+": both of one issue, as fullchain.pem and privkey.pem are").down(), true
}

// RefusedCertificates is what a doctor says of files that the running server would
// not take when they changed: it looks well until the old certificate ends.
func (f Facts) RefusedCertificates() []Check {
	var out []Check
	for _, file := range slices.Sorted(maps.Keys(f.CertRefused)) {
		out = append(out, warn("certificate", fmt.Sprintf("%s was changed and is refused, and the certificate before it is still shown: %s", file, f.CertRefused[file]),
			"put the whole chain and the key that belongs to it there; the server takes them by itself"))
	}
	return out
}

// unreadable tells of a file that is missing, or that this user or the server's
// may not read.
func (t *Target) unreadable(file string) (Check, bool) {
	f, err := os.Open(file)
	if err == nil {
		f.Close()
		return Check{}, false
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fail("certificate", fmt.Sprintf("the certificate is missing: there is no %s", file),
			fmt.Sprintf("correct cert and pkey in %s, or take both out and write acme-domain=NAME there, so that one is got", t.configuration())).down(), true
	}
	return warn("certificate", fmt.Sprintf("%s cannot be read: %s", file, oneLine(err)), "call this as the user of the server, and let that user read it: chgrp and chmod g+r, or setfacl -m u:USER:r"), true
}

// readLeaf reads the first certificate of a PEM file.
func readLeaf(file string) (*x509.Certificate, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var block *pem.Block
	for block, rest = pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, errors.New("there is no PEM block CERTIFICATE in it")
}

// renew says how a new certificate comes about.
func (t *Target) renew() string {
	if len(t.ACMEDomains) > 0 {
		return "the log says why it was not renewed: port 80 has to lead here (acme-http-port), and the name too"
	}
	return "renew it (certbot renew, where that made it), and the server takes the new file by itself; or write acme-domain=NAME to " + t.configuration() + ", so that it is renewed here"
}

// JudgeCertificate is what a doctor says of a certificate that the running server
// with these facts shows, at a time. The chain has the server's own first. Nobody is
// asked for it, the DNS neither: what the realm is called counts for nothing.
func JudgeCertificate(f Facts, chain []*x509.Certificate, now time.Time) Check {
	t := &Target{Facts: f, Running: true}
	return t.judge(examineChain(chain, t.certificateName(), nil, now), f.ACMEDomains)[0]
}

// notFor begins what is said of a certificate for other names.
const notFor = "it is not for"

// judge says what clients think of what was shown, who know the server by some
// names.
func (t *Target) judge(c *ShownCertificate, names []string) []Check {
	const name = "certificate"
	unfit, instead := t.unfit(c)
	end := fmt.Sprintf("until %s (%s)", c.NotAfter.UTC().Format(time.DateOnly), times(c.DaysLeft, "day"))
	switch {
	case c.DaysLeft < 0:
		return []Check{fail(name, fmt.Sprintf("the certificate expired on %s: clients refuse turns:", c.NotAfter.UTC().Format(time.DateOnly)), t.renew())}
	case c.SelfSigned && len(t.CertFiles) == 0 && len(t.ACMEDomains) > 0:
		return []Check{fail(name, fmt.Sprintf("no certificate was issued for %s yet: a self-signed one is shown, and browsers refuse turns:", strings.Join(t.ACMEDomains, ", ")), t.renew())}
	case c.SelfSigned && t.local():
		// Nobody else comes here, and turn: works from this machine.
		return []Check{ok(name, "self-signed, "+end+", which is enough while only this machine is served")}
	case c.SelfSigned:
		return []Check{warn(name, "no certificate that clients trust: the self-signed one makes browsers refuse turns: and warn of the pages; turn: over UDP and TCP works",
			fmt.Sprintf("write acme-domain=NAME to %s to have one issued, or cert and pkey with the paths of one", t.configuration()))}
	case !c.Complete:
		return []Check{fail(name, fmt.Sprintf("the chain is incomplete: the certificate of %s is missing, and native clients refuse it", c.Issuer), "write the path of fullchain.pem, in place of cert.pem, to cert in "+t.configuration())}
	case unfit != "":
		return []Check{fail(name, unfit+": clients refuse turns:", instead)}
	case t.farHost != "" && strings.HasPrefix(c.Problem, notFor):
		return []Check{fail(name, c.Problem+", so that clients refuse turns:", "get one for that name, or give clients one of the names that it is for")}
	case !suits(c, names):
		return []Check{warn(name, fmt.Sprintf("it is for %s, and clients know this server as %s", c.forWhom(), strings.Join(names, ", ")), "get one for that name, or give clients one of the names that it is for")}
	case c.soon:
		return []Check{warn(name, fmt.Sprintf("for %s, %s, and nobody has renewed it", c.forWhom(), end), t.renew())}
	case c.untrusted != "":
		return []Check{warn(name, fmt.Sprintf("for %s by %s: %s", c.forWhom(), c.Issuer, c.untrusted), "clients have to know that authority; browsers know those of acme-domain")}
	}
	return append([]Check{ok(name, fmt.Sprintf("for %s by %s, %s", c.forWhom(), c.Issuer, end))}, native(c)...)
}

// unfit says why no client takes a certificate, and what to do; nothing of one that
// some do.
func (t *Target) unfit(c *ShownCertificate) (why, instead string) {
	switch {
	case c.early:
		return fmt.Sprintf("for %s by %s: %s", c.forWhom(), c.Issuer, c.refused),
			"set the clock of this machine (timedatectl set-ntp true); if it is right, have a certificate issued that is good today"
	case c.refused != "":
		return fmt.Sprintf("for %s by %s: %s", c.forWhom(), c.Issuer, c.refused),
			"have one issued for a web server, and write its fullchain.pem to cert in " + t.configuration()
	case len(c.Names) == 0:
		return "it is for no name at all among its subject alternative names, where clients look", "get one with the name in them that clients connect to"
	}
	return "", ""
}

// suits says whether a certificate is for one of the names of a server. One that has
// no name but its address is reached by those that the certificate has.
func suits(c *ShownCertificate, names []string) bool {
	if len(names) == 0 {
		return true
	}
	return slices.ContainsFunc(c.Names, func(have string) bool {
		have = strings.ToLower(strings.TrimPrefix(have, "*."))
		return slices.ContainsFunc(names, func(want string) bool {
			want = strings.ToLower(want)
			// A realm is often the domain that the server's name is in.
			return have == want || strings.HasSuffix(have, "."+want) || strings.HasSuffix(want, "."+have)
		})
	})
}

// native says whether the WebRTC library that apps are built with knows the
// authority. It brings a list of roots of its own, which is that of Google's
// services and not that of browsers.
func native(c *ShownCertificate) []Check {
	const name = "native apps"
	const works = "for apps that use turns:, take a certificate of ZeroSSL, Google Trust Services, DigiCert, GlobalSign or Sectigo (acme-ca chooses); browsers need nothing"
	for _, lacking := range []string{"Let's Encrypt", "Internet Security Research Group", "O=Amazon", "Buypass"} {
		if strings.Contains(c.Issuer, lacking) {
			return []Check{warn(name, fmt.Sprintf("libwebrtc's own list of authorities lacks that of %s: apps built with it refuse turns:, browsers do not", c.Issuer), works)}
		}
	}
	for _, known := range []string{"ZeroSSL", "Sectigo", "Google Trust Services", "DigiCert", "GlobalSign", "GoDaddy", "Entrust"} {
		if strings.Contains(c.Issuer, known) {
			return []Check{ok(name, fmt.Sprintf("libwebrtc knows the authority of %s", known))}
		}
	}
	return nil
}

// worst is the status of some checks together.
func worst(all []Check) Status { return Report{Checks: all}.Worst() }
