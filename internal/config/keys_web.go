package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// webKeys are about the pages, the API and the signaling, which coturn does not
// have.
func webKeys() []Key {
	return []Key{
		// Without the key it is on where there is no configuration file and off
		// where there is one: nobody who moves from coturn gets pages unasked.
		{Name: "web", Live: true, Kind: kindChoice, Choices: []string{"off", "local", "on"}, at: func(c *Config) any { return &c.Web },
			Doc:     "Serves the pages, the API and the signaling: to everybody (on), to this machine alone (local), or not (off, and so is a file that does not say).",
			Example: "on", Related: []string{"web-port", "web-origin"}},
		{Name: "web-port", Live: true, Kind: kindPort, Default: "0", at: func(c *Config) any { return &c.WebPort },
			Doc:     "A TCP port of their own for the pages, with TLS and, for this machine, without; 0 has them on every TCP port of TURN.",
			Example: "8443"},
		{Name: "web-origin", Live: true, Kind: kindOrigin, Repeat: true, at: func(c *Config) any { return &c.WebOrigins },
			Doc: "Another site, as https://example.org, whose pages may use the API and the signaling; its name counts as one of this server's."},
		{Name: "demos-dir", Live: true, Kind: kindPath, at: func(c *Config) any { return &c.DemosDir },
			Doc:     "The folder with the original demos of RTCMultiConnection, to be served below /demos/.",
			Example: "/srv/demos"},
		{Name: "web-anonymous-credentials", Live: true, Kind: kindBool, at: func(c *Config) any { return &c.WebAnonymous },
			Doc: "Gives everybody credentials of ten minutes without a key, a few a minute and with a low quota."},
		{Name: "web-trusted-proxies", Live: true, Kind: kindNetwork, Repeat: true, at: func(c *Config) any { return &c.TrustedProxies },
			Doc: "Addresses or blocks of reverse proxies in front of the pages, such as 127.0.0.1: only they may say in X-Forwarded-For and X-Forwarded-Proto who the client is and whether it came over HTTPS."},
	}
}

// parseOrigin reads an origin as browsers write it: scheme, host and port, and
// nothing behind. It comes back in the one form that they send.
func parseOrigin(_ *Key, s string) (any, *fault) {
	const example = "write one such as https://example.org or http://localhost:8080"
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, faultf(example, "%s is not the origin of a site", quote(s))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return nil, faultf(example, "%s has more in it than scheme, host and port", quote(s))
	case strings.ContainsAny(u.Host, "*, \\'\""):
		return nil, faultf(example+" for each of them", "%s does not name one site", quote(s))
	}
	authority, f := authority(u)
	if f != nil {
		return nil, f
	}
	return u.Scheme + "://" + authority, nil
}

// authority is host and port as browsers write them.
func authority(u *url.URL) (string, *fault) {
	host := strings.ToLower(u.Hostname())
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + a.String() + "]"
	}
	port := u.Port()
	if port == "" {
		return host, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", faultf("write a port from 1 to 65535", "%s has a port that cannot be", quote(u.Host))
	}
	// They leave the usual port out.
	if usual := map[string]uint64{"http": 80, "https": 443}[u.Scheme]; n == usual {
		return host, nil
	}
	return host + ":" + strconv.FormatUint(n, 10), nil
}

// parseNetwork reads a block of addresses, or one address. Bits behind the prefix
// are more likely a slip than meant.
func parseNetwork(_ *Key, s string) (any, *fault) {
	text := unbracket(s)
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return nil, faultf("write one such as 10.0.0.0/8, 2001:db8::/32 or 127.0.0.1", "%s is neither an address nor a block of them", quote(s))
	case p.Masked() != p:
		return nil, faultf("write "+p.Masked().String(), "%s has bits set behind its prefix", quote(s))
	case p.Addr().Is4In6():
		return nil, faultf("write the IPv4 block itself", "%s is a block of IPv4 addresses in IPv6 form", quote(s))
	case p.Bits() == 0:
		return nil, faultf("name the proxies", "%s is everybody, and then anybody could claim any address", quote(s))
	}
	return p, nil
}

// checkWeb finds keys of the web that together do not do what they say.
func (l *loader) checkWeb() {
	c := l.cfg
	for _, other := range []struct {
		key  string
		port uint16
	}{{"listening-port", c.ListeningPort}, {"tls-listening-port", c.TLSListeningPort}} {
		if c.WebPort != 0 && c.WebPort == other.port {
			l.conflict(faultf("leave web-port out: the pages are on every TCP port without it",
				"web-port and %s are both %d", other.key, c.WebPort), "web-port", other.key)
		}
	}
	if c.Web == "local" {
		l.advise(faultf("set web=on", "web=local answers nobody who comes through a proxy, so web-trusted-proxies has no effect"), "web-trusted-proxies")
	}
	if c.Web == "off" {
		for _, key := range []string{"web-port", "web-origin", "demos-dir", "web-anonymous-credentials", "web-trusted-proxies", "signaling-auth"} {
			l.advise(faultf("set web=on", "%s has no effect with web=off", key), key)
		}
	}
}
