package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// The choices of acme-challenge.
const (
	challengeAuto = "auto"
	challengeHTTP = "http-01"
	challengeALPN = "tls-alpn-01"
)

// acmeKeys are about certificates that the server gets by itself. None of it is
// done unless acme-domain asks for it.
func acmeKeys() []Key {
	return []Key{
		{Name: "acme-domain", Kind: kindString, Repeat: true, at: func(c *Config) any { return &c.ACMEDomains },
			Doc:     "A name of this server, for which a certificate is got from acme-ca by ACME and renewed in time; to give one is to agree to the terms of that authority.",
			Example: "turn.example.org"},
		{Name: "acme-email", Kind: kindString, at: func(c *Config) any { return &c.ACMEEmail },
			Doc:     "Where the authority of acme-ca can reach the operator.",
			Example: "admin@example.org"},
		{Name: "acme-ca", Kind: kindURL, Default: "https://acme-v02.api.letsencrypt.org/directory", at: func(c *Config) any { return &c.ACMECA },
			Doc:     "The directory of the authority that certificates are got from; that of Let's Encrypt if nothing is said.",
			Example: "https://acme.example.org/directory"},
		{Name: "acme-ca-root", Kind: kindPath, at: func(c *Config) any { return &c.ACMECARoot },
			Doc:     "The file with the root certificate of a private acme-ca in PEM, which this machine does not trust by itself.",
			Example: "/etc/ssl/turn/ca.pem"},
		{Name: "acme-eab-kid", Kind: kindString, at: func(c *Config) any { return &c.ACMEKeyID },
			Doc:     "The name of the key that an authority has given out for external account binding.",
			Example: "kid-1", Related: []string{"acme-eab-hmac-key"}},
		{Name: "acme-eab-hmac-key", Kind: kindSecret, at: func(c *Config) any { return &c.ACMEMACKey },
			Doc:     "The key itself that belongs to acme-eab-kid, in base64 as it was given out.",
			Example: "bm90LWEtcmVhbC1rZXktb2YteW91cnM"},
		{Name: "acme-challenge", Kind: kindChoice, Choices: []string{challengeAuto, challengeHTTP, challengeALPN}, Default: challengeAuto,
			at:      func(c *Config) any { return &c.ACMEChallenge },
			Doc:     "How the authority is shown that the names are this server's: over HTTP (port 80), over TLS (port 443), or whichever of these ports this server has (auto).",
			Example: challengeALPN},
		{Name: "acme-http-port", Kind: kindPort, Default: "80", Zero: true, at: func(c *Config) any { return &c.ACMEHTTPPort },
			Doc:     "A TCP port that is opened to answer the authority over HTTP, as it always begins at port 80; every other TCP port answers too; 0 opens none. With acme-challenge=tls-alpn-01 it is not opened.",
			Example: "8080"},
	}
}

// checkACME finds what no authority would take, before it is asked for: many
// lock out who errs a few times.
func (l *loader) checkACME() {
	c := l.cfg
	for i, name := range c.ACMEDomains {
		c.ACMEDomains[i] = strings.ToLower(strings.TrimSuffix(name, "."))
		if f := domainFault(c.ACMEDomains[i]); f != nil {
			l.fail(&l.given["acme-domain"][i], f)
		}
	}
	if e := l.last("acme-email"); e != nil && strings.Count(strings.Trim(c.ACMEEmail, "@ "), "@") != 1 {
		l.fail(e, faultf("write one such as admin@example.org", "%s is not an address for mail", quote(c.ACMEEmail)))
	}
	if f := authorityFault(c.ACMECA); f != nil {
		l.conflict(f, "acme-ca")
	}
	if (c.ACMEKeyID == "") != (c.ACMEMACKey == "") {
		l.conflict(faultf("set both as the authority has given them out", "acme-eab-kid and acme-eab-hmac-key are only of use together"),
			"acme-eab-kid", "acme-eab-hmac-key")
	}
	if len(c.ACMEDomains) > 0 && c.NoTCP && c.NoTLS && c.ACMEHTTPPort == 0 {
		l.conflict(faultf("leave one of them out", "no-tcp, no-tls and acme-http-port=0 together leave no port to answer the authority on"),
			"acme-domain", "acme-http-port")
	}
	if f := redirectFault(c.ACMERedirect); f != nil {
		l.conflict(f, "acme-redirect")
	}
}

// domainFault wants a name in the form that certificates have it.
func domainFault(name string) *fault {
	if _, err := netip.ParseAddr(name); err == nil {
		return faultf("write the name that clients use", "%s is an address, and certificates are got for names", quote(name))
	}
	if strings.HasPrefix(name, "*.") {
		return faultf("write each name of its own", "%s needs access to the DNS, which this server has not", quote(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		bad := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Trim(label, "-") != label
		if label == "" || len(label) > 63 || bad {
			return faultf("write one such as turn.example.org, other letters in their xn-- form", "%s is not a domain name", quote(name))
		}
	}
	if len(name) > 253 {
		return faultf("", "%s is longer than names are", quote(name))
	}
	return nil
}

// authorityFault wants HTTPS, without which anybody on the way could be the
// authority; but on the machine itself there is no way.
func authorityFault(text string) *fault {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return faultf("write one such as https://acme.example.org/directory", "acme-ca: %s is not the address of a directory", quote(text))
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || ip == nil || !ip.IsLoopback()) {
		return faultf("write https://", "acme-ca: %s is not safe on the way to the authority", quote(text))
	}
	return nil
}

// redirectFault wants what the token can be put behind.
func redirectFault(text string) *fault {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return faultf("write one such as http://192.0.2.1/.well-known/acme-challenge/", "acme-redirect: %s is not the address of a web server", quote(text))
	}
	return nil
}
