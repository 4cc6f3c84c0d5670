package config

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A parser turns the text of a value into the type of the key's field.
type parser func(k *Key, text string) (any, *fault)

// parsers has one parser for each kind.
func parsers() map[Kind]parser {
	return map[Kind]parser{
		kindBool:      parseBool,
		kindInt:       parseInt,
		kindBytes:     parseBytes,
		kindPort:      parsePort,
		kindSeconds:   parseSeconds,
		kindString:    parseText,
		kindPath:      parseText,
		kindURL:       parseText,
		kindOrigin:    parseOrigin,
		kindNetwork:   parseNetwork,
		kindInterface: parseText,
		kindTimestamp: parseTimestamp,
		kindChoice:    parseChoice,
		kindChar:      parseChar,
		kindRealm:     parseRealm,
		kindIP:        parseIP,
		kindIPPort:    parseIPPort,
		kindExternal:  parseExternal,
		kindPeer:      parsePeer,
		kindUser:      parseUser,
		kindSecret:    parseSecret,
		kindDatabase:  parseSecret,
	}
}

// parseBool takes the words that coturn takes, in any case.
func parseBool(_ *Key, s string) (any, *fault) {
	switch strings.ToLower(s) {
	case "1", "y", "yes", "t", "true", "on", "2", "3", "4", "5", "6", "7", "8", "9":
		return true, nil
	case "0", "n", "no", "f", "false", "off":
		return false, nil
	}
	return nil, faultf("write true or false", "%s is neither true nor false", quote(s))
}

// number reads a whole number within the key's bounds.
func number(k *Key, s string) (int64, *fault) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !isDigits(s) {
		return 0, faultf(bounds(k), "%s is not a whole number", quote(s))
	}
	if err != nil || n < k.Min || n > k.Max {
		return 0, faultf(bounds(k), "%s is out of range", quote(s))
	}
	return n, nil
}

// bounds says what could be written instead. Bounds that only keep numbers from
// overflowing would be noise.
func bounds(k *Key) string {
	if k.Max >= noLimit {
		return "write a number of at least " + strconv.FormatInt(k.Min, 10)
	}
	return "write a number from " + strconv.FormatInt(k.Min, 10) + " to " + strconv.FormatInt(k.Max, 10)
}

// isDigits tells a number that is too long from a word.
func isDigits(s string) bool {
	return strings.TrimLeft(strings.TrimPrefix(s, "-"), "0123456789") == "" && strings.Trim(s, "-") != ""
}

// parseInt reads counts: quotas, rates, threads.
func parseInt(k *Key, s string) (any, *fault) {
	n, f := number(k, s)
	return int(n), f
}

// parseBytes reads rates in bytes per second. coturn calls them bits in its
// names, but has always counted bytes.
func parseBytes(k *Key, s string) (any, *fault) {
	n, f := number(k, s)
	return uint64(n), f
}

// parsePort reads a port; the row says whether 0 is one.
func parsePort(k *Key, s string) (any, *fault) {
	n, f := number(k, s)
	return uint16(n), f
}

// parseSeconds reads a lifetime. coturn has no other unit, so none is taken.
func parseSeconds(k *Key, s string) (any, *fault) {
	n, f := number(k, s)
	return time.Duration(n) * time.Second, f
}

// parseText takes anything. Whether a path leads somewhere is found out by who
// opens it: loading opens nothing.
func parseText(_ *Key, s string) (any, *fault) { return s, nil }

// parseSecret takes anything but nothing, unless the row does: an empty secret
// would let everybody make credentials. No fault of it repeats the value.
func parseSecret(k *Key, s string) (any, *fault) {
	if s == "" && !k.Zero {
		return nil, faultf("write one, or leave the key out", "the value is empty")
	}
	return Secret(s), nil
}

// parseChoice takes one of the words of the row, in any case.
func parseChoice(k *Key, s string) (any, *fault) {
	for _, c := range k.Choices {
		if strings.EqualFold(c, s) {
			return c, nil
		}
	}
	return nil, faultf("write "+strings.Join(k.Choices, ", ")+suggestOne(s, k.Choices), "%s is not one of the choices", quote(s))
}

// parseChar takes one ASCII character. A digit could not be told from the time
// that it shall be separated from.
func parseChar(_ *Key, s string) (any, *fault) {
	if len(s) != 1 || s[0] >= utf8.RuneSelf || '0' <= s[0] && s[0] <= '9' {
		return nil, faultf("write one such as : or |", "%s is not a single ASCII character other than a digit", quote(s))
	}
	return s[0], nil
}

// parseRealm wants what fits a quoted string of a STUN message and a column of
// coturn's databases.
func parseRealm(_ *Key, s string) (any, *fault) {
	const longest = 127
	if len(s) > longest {
		return nil, faultf("take a shorter one", "the realm has %d bytes, and at most %d are possible", len(s), longest)
	}
	if strings.ContainsAny(s, "\"\\") {
		return nil, faultf("write a domain name", "the realm %s has a quotation mark or backslash in it", quote(s))
	}
	return s, nil
}

// parseIP reads an address of this machine. An IPv4-mapped one is the IPv4
// address, since that is what sockets are opened with.
func parseIP(_ *Key, s string) (any, *fault) {
	a, err := netip.ParseAddr(unbracket(s))
	if err == nil {
		return a.Unmap(), nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return nil, faultf("write "+ap.Addr().String()+"; ports have keys of their own", "%s has a port", quote(s))
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return nil, faultf("write "+p.Addr().String(), "%s is a block, not an address", quote(s))
	}
	return nil, faultf("write one such as 192.0.2.1 or 2001:db8::1", "%s is not an IP address", quote(s))
}

// unbracket takes an IPv6 address out of the brackets it has before a port.
func unbracket(s string) string {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return s[1 : len(s)-1]
	}
	return s
}

// parseIPPort takes an address without a port too: what that means depends on
// the key, which sees a port of 0.
func parseIPPort(_ *Key, s string) (any, *fault) {
	if a, err := netip.ParseAddr(unbracket(s)); err == nil {
		return netip.AddrPortFrom(a, 0), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return nil, faultf("write one such as 192.0.2.1:3478 or [2001:db8::1]:3478", "%s is not an IP address with a port", quote(s))
	}
	return ap, nil
}

// parseExternal reads public or public/private. The two are of one family: a
// packet does not change its family on the way through address translation.
func parseExternal(k *Key, s string) (any, *fault) {
	public, private, pair := strings.Cut(s, "/")
	if strings.HasPrefix(public, "$") {
		// The entry point of coturn's container runs $(detect-external-ip).
		return nil, faultf("write auto: the server finds its own address", "%s is a command or variable of a shell that nobody filled in", quote(s))
	}
	e := ExternalIP{}
	var f *fault
	switch name := strings.ToLower(strings.TrimSpace(public)); {
	case name == ExternalAuto || looksLikeHost(name) && hostName(name):
		e.Name = name
	default:
		if e.Public, f = externalPart(k, public); f != nil {
			return nil, f
		}
	}
	if !pair {
		return e, nil
	}
	if e.Private, f = externalPart(k, private); f != nil {
		return nil, f
	}
	if e.Name == "" && e.Public.Is4() != e.Private.Is4() {
		return nil, faultf("write two of one family", "%s maps between IPv4 and IPv6", quote(s))
	}
	return e, nil
}

// externalPart reads one address of external-ip, which must be one that a
// packet can come from.
func externalPart(k *Key, s string) (netip.Addr, *fault) {
	v, f := parseIP(k, strings.TrimSpace(s))
	if f != nil {
		return netip.Addr{}, f
	}
	a := v.(netip.Addr)
	if a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
		return netip.Addr{}, faultf("write the address that the world sees", "%s is not the address of a machine", quote(s))
	}
	return a, nil
}

// hostName says whether a name may be looked up in the DNS (RFC 1123 section 2.1).
func hostName(s string) bool {
	for _, label := range strings.Split(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
			return false
		}
	}
	return len(s) <= 253
}

// looksLikeHost tells a host name from a mistyped address.
func looksLikeHost(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return 'g' <= r|0x20 && r|0x20 <= 'z' }) && !strings.ContainsAny(s, ":/ ")
}

// parseUser splits at the first colon, as coturn does: a password may hold more.
func parseUser(_ *Key, s string) (any, *fault) {
	const longest = 508 // RFC 8489 section 14.3: fewer than 509 bytes
	name, password, ok := strings.Cut(s, ":")
	password = strings.TrimLeft(password, " \t")
	switch {
	case !ok:
		return nil, faultf("write name:password", "there is no colon between name and password")
	case name == "":
		return nil, faultf("write name:password", "the name is empty")
	case len(name) > longest:
		return nil, faultf("take a shorter one", "the name has %d bytes, and at most %d are possible", len(name), longest)
	case password == "":
		return nil, faultf("write name:password", "the password is empty")
	case !strings.HasPrefix(password, "0x"):
		return User{Name: name, Password: Secret(password)}, nil
	case len(password) != 34 || strings.Trim(password[2:], "0123456789abcdefABCDEF") != "":
		return nil, faultf("write 0x and the 32 digits, or a password that does not begin with 0x",
			"the key of %s is not 0x and 32 hexadecimal digits", quote(name))
	}
	return User{Name: name, Key: Secret(password)}, nil
}
