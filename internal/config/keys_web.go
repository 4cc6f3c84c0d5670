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
		{Name: "web", Kind: kindChoice, Choices: []string{"off", "local", "on"}, at: func(c *Config) any { return &c.Web },
			Doc: "Serves the pages, the API and the signaling: to everybody (on), to this machine alone (local), or not (off, and so is a file that does not say)."},
		{Name: "web-port", Kind: kindPort, Default: "0", at: func(c *Config) any { return &c.WebPort },
			Doc: "A TCP port of their own for the pages, with TLS and, for this machine, without; 0 has them on every TCP port of TURN."},
		{Name: "web-origin", Kind: kindOrigin, Repeat: true, at: func(c *Config) any { return &c.WebOrigins },
			Doc: "Another site, as https://example.org, whose pages may use the API and the signaling; its name counts as one of this server's."},
		{Name: "demos-dir", Kind: kindPath, at: func(c *Config) any { return &c.DemosDir },
			Doc: "The folder with the original demos of RTCMultiConnection, to be served below /demos/."},
		{Name: "web-anonymous-credentials", Kind: kindBool, at: func(c *Config) any { return &c.WebAnonymous },
			Doc: "Gives everybody credentials of ten minutes without a key, a few a minute and with a low quota."},
		{Name: "signaling-auth", Kind: kindChoice, Default: "off", Choices: []string{"off", "token"}, at: func(c *Config) any { return &c.SignalingAuth },
			Doc: "Whether opening and joining a room of the signaling takes a token that an application has signed with signaling-secret."},
		{Name: "signaling-secret", Kind: kindSecret, at: func(c *Config) any { return &c.SignalingSecret },
			Doc: "The secret that the tokens of rooms are signed with."},
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

// shortestSecret is how many bytes a secret of the signaling has at least: one
// that can be guessed offline, from a single token, is none.
const shortestSecret = 16

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
	secret := c.SignalingSecret.Reveal()
	switch token := c.SignalingAuth == "token"; {
	case token && secret == "":
		l.conflict(faultf("set signaling-secret to what your application signs with", "signaling-auth=token needs signaling-secret"), "signaling-auth")
	case token && len(secret) < shortestSecret:
		l.conflict(faultf("take a longer one", "signaling-secret has %d bytes, and %d are the least that cannot be guessed", len(secret), shortestSecret), "signaling-secret")
	case !token && secret != "":
		l.advise(faultf("set signaling-auth=token", "signaling-secret has no effect without signaling-auth=token"), "signaling-secret")
	}
	if c.Web == "off" {
		for _, key := range []string{"web-port", "web-origin", "demos-dir", "web-anonymous-credentials", "signaling-auth"} {
			l.advise(faultf("set web=on", "%s has no effect with web=off", key), key)
		}
	}
}
