package stun

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The default ports of RFC 8656 section 4.1 and RFC 8489 section 8.
const (
	DefaultPort       = 3478
	DefaultSecurePort = 5349
)

// ErrURI is wrapped by every error of ParseURI.
var ErrURI = errors.New("stun: not a STUN or TURN URI")

// URI is a stun:, stuns:, turn: or turns: URI (RFC 7064, RFC 7065).
type URI struct {
	Secure    bool   // stuns or turns
	TURN      bool   // turn or turns
	Host      string // a name or an address; an IPv6 address has no brackets here
	Port      uint16 // 0: not given
	Transport string // of TURN: "udp", "tcp" or "" for not given
}

// ParseURI reads a URI. Every error wraps ErrURI and says what is wrong.
//
// R-7065-3-a (RFC 7065, 3): these URIs are not hierarchical, so the parser is
// our own: no user, no path, no "//", and a query for TURN alone.
func ParseURI(s string) (URI, error) {
	u, err := parseURI(s)
	if err != nil {
		return URI{}, fmt.Errorf("%w: %q: %w", ErrURI, s, err)
	}
	return u, nil
}

func parseURI(s string) (URI, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return URI{}, errors.New("no scheme")
	}
	var u URI
	switch strings.ToLower(scheme) {
	case "stun":
	case "stuns":
		u.Secure = true
	case "turn":
		u.TURN = true
	case "turns":
		u.TURN, u.Secure = true, true
	default:
		return URI{}, errors.New("the scheme is none of stun, stuns, turn, turns")
	}
	if plain, ok := strings.CutPrefix(rest, "//"); ok {
		return URI{}, fmt.Errorf("there is no // behind the scheme: write %s:%s", scheme, plain)
	}
	authority, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery {
		if err := u.parseQuery(query); err != nil {
			return URI{}, err
		}
	}
	return u, u.parseAuthority(authority)
}

func (u *URI) parseQuery(query string) error {
	if !u.TURN {
		return errors.New("a STUN URI has no query")
	}
	name, value, ok := strings.Cut(query, "=")
	if !ok || !strings.EqualFold(name, "transport") {
		return errors.New("the query is not transport=udp or transport=tcp")
	}
	switch value = strings.ToLower(value); value {
	case "udp", "tcp":
		u.Transport = value
		return nil
	}
	if value == "tls" || value == "dtls" {
		return errors.New("the transport is neither udp nor tcp; TLS is transport=tcp of the scheme turns, and DTLS transport=udp of it")
	}
	return errors.New("the transport is neither udp nor tcp")
}

func (u *URI) parseAuthority(s string) error {
	var host, port string
	var hasPort bool
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return errors.New("the bracket of the IPv6 address is not closed")
		}
		addr, err := netip.ParseAddr(s[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return errors.New("in the brackets is no IPv6 address")
		}
		host = s[1:end]
		if port, hasPort = strings.CutPrefix(s[end+1:], ":"); !hasPort && port != "" {
			return errors.New("something follows the IPv6 address")
		}
	} else if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() {
		return fmt.Errorf("an IPv6 address stands in brackets, and a port behind them: write [%s]", s)
	} else {
		host, port, hasPort = strings.Cut(s, ":")
		if err := checkHost(host); err != nil {
			return err
		}
	}
	u.Host = host
	// The grammar allows a colon without a port behind it.
	if !hasPort || port == "" {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	u.Port = uint16(n)
	return nil
}

// checkHost admits what names and IPv4 addresses are made of. RFC 3986 would
// let more through, none of which can be looked up.
func checkHost(host string) error {
	if host == "" {
		return errors.New("the host is missing")
	}
	if strings.Contains(host, "@") {
		return errors.New("a user name has no place in it")
	}
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return errors.New("the host holds a character that no host name has")
		}
	}
	return nil
}

// String returns the URI in its one canonical form: the only one that this
// program hands out (R-7065-3-a).
func (u URI) String() string {
	var b strings.Builder
	if u.TURN {
		b.WriteString("turn")
	} else {
		b.WriteString("stun")
	}
	if u.Secure {
		b.WriteByte('s')
	}
	b.WriteByte(':')
	if strings.Contains(u.Host, ":") {
		b.WriteString("[" + u.Host + "]")
	} else {
		b.WriteString(u.Host)
	}
	if u.Port != 0 {
		b.WriteString(":" + strconv.Itoa(int(u.Port)))
	}
	if u.TURN && u.Transport != "" {
		b.WriteString("?transport=" + u.Transport)
	}
	return b.String()
}

// Address returns the host, without brackets, and the port with the scheme's
// default filled in.
//
// R-8656-4.1-a (RFC 8656, 4.1): 5349 for the secure schemes, 3478 otherwise.
func (u URI) Address() (host string, port uint16) {
	switch {
	case u.Port != 0:
		return u.Host, u.Port
	case u.Secure:
		return u.Host, DefaultSecurePort
	}
	return u.Host, DefaultPort
}
