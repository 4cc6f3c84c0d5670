package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// A suite is a cipher suite of TLS 1.2 that may be offered, and the words of
// OpenSSL's notation that mean it among others.
type suite struct {
	id    uint16
	name  string // as OpenSSL calls it
	words []string
}

// goodSuites are all that offer forward secrecy and authenticated encryption,
// the preferred first.
func goodSuites() []suite {
	var out []suite
	for _, c := range []struct {
		name        string
		ecdsa, rsa  uint16
		cipherWords string
	}{
		{"AES128-GCM-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "AES AES128 AESGCM FIPS"},
		{"AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "AES AES256 AESGCM FIPS"},
		{"CHACHA20-POLY1305", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "CHACHA20"},
	} {
		words := strings.Fields("ALL DEFAULT HIGH ECDH ECDHE EECDH kECDHE kEECDH TLSv1.2 " + c.cipherWords)
		out = append(out,
			suite{c.ecdsa, "ECDHE-ECDSA-" + c.name, append(slices.Clone(words), "ECDSA", "aECDSA")},
			suite{c.rsa, "ECDHE-RSA-" + c.name, append(slices.Clone(words), "aRSA")})
	}
	return out
}

// means says whether an element of the notation, words joined by +, is about s.
func (s suite) means(element string) bool {
	for word := range strings.SplitSeq(element, "+") {
		if word != s.name && word != tls.CipherSuiteName(s.id) && !slices.Contains(s.words, word) {
			return false
		}
	}
	return true
}

// parseCiphers reads a list in OpenSSL's notation: the elements add what they
// mean to the list, behind what is there; with - in front they take it away, with
// + they move it to the end, with ! they take it away for good. It returns the
// numbers of the suites, and the elements that ask for what is not offered.
func parseCiphers(list string) (ids []uint16, missing []string) {
	good := goodSuites()
	var barred []uint16
	for element := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(":, ", r) }) {
		word := strings.TrimLeft(element, "!-+")
		var meant []uint16
		for _, s := range good {
			if s.means(word) {
				meant = append(meant, s.id)
			}
		}
		among := func(id uint16) bool { return slices.Contains(meant, id) }
		have := func(id uint16) bool { return slices.Contains(ids, id) }
		switch element[0] {
		case '!':
			barred = append(barred, meant...)
			ids = slices.DeleteFunc(ids, among)
		case '-':
			ids = slices.DeleteFunc(ids, among)
		case '+':
			moved := slices.DeleteFunc(slices.Clone(meant), func(id uint16) bool { return !have(id) })
			ids = append(slices.DeleteFunc(ids, among), moved...)
		case '@': // levels and sorting by strength: all of these are strong
		default:
			if len(meant) == 0 && !ofTLS13(word) {
				missing = append(missing, word)
			}
			ids = append(ids, slices.DeleteFunc(meant, func(id uint16) bool { return have(id) || slices.Contains(barred, id) })...)
		}
	}
	return ids, missing
}

// ofTLS13 says whether a word is a suite of TLS 1.3, which is always offered.
func ofTLS13(word string) bool {
	return slices.Contains([]string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}, word)
}

// checkCiphers translates cipher-list. A file that has asked for weak suites too
// shall start, with those that are not.
func (l *loader) checkCiphers() {
	if l.cfg.CipherList == "" {
		return
	}
	ids, missing := parseCiphers(l.cfg.CipherList)
	const why = "only authenticated encryption with forward secrecy is offered"
	switch {
	case len(ids) == 0:
		l.advise(faultf("leave cipher-list out", "cipher-list names nothing of what can be offered, so all of that is: %s", why), "cipher-list")
	case len(missing) > 0:
		l.advise(faultf("leave them out", "cipher-list: there is nothing to offer for %s: %s", strings.Join(missing, ", "), why), "cipher-list")
	}
	l.cfg.CipherSuites = ids
}
