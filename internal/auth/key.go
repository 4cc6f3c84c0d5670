// Package auth makes and checks what proves a user: long-term keys,
// time-limited credentials, nonces.
//
// Knows: names, realms, keys. Does not know: sockets, databases, clocks, random
// sources; the time and random bytes come in as arguments. Owns: nothing but
// the scratch memory of a Nonces.
package auth

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrKey says that a text is not a key in the form that ParseKey wants.
var ErrKey = errors.New("auth: a key is 0x and 32 hexadecimal digits")

// Key is the long-term key of a user in a realm (RFC 8489 section 9.2.2), 16
// bytes as it is made with MD5. Whoever has it is the user: it is as secret as
// the password.
type Key []byte

// LongTermKey makes the key of a user. It fails when the realm or the password
// cannot be prepared: empty, not UTF-8, or with characters that the OpaqueString
// profile of RFC 8265 forbids, such as control characters. The error never holds the
// password.
//
// R-8489-9.2.2-a (RFC 8489, 9.2.2): the MD5 sum of name, realm and password with
// colons in between, realm and password prepared with OpaqueString.
// R-8489-9.2.2-b (RFC 8489, 9.2.2): enclosing quotes and trailing NULs belong to
// neither name nor realm, trailing NULs not to the password.
func LongTermKey(username, realm, password string) (Key, error) {
	preparedRealm, err := OpaqueString(unquote(realm))
	if err != nil {
		return nil, fmt.Errorf("realm %q: %w", realm, err)
	}
	preparedPassword, err := OpaqueString(trimNULs(password))
	if err != nil {
		return nil, fmt.Errorf("password of %q: %w", username, err)
	}
	sum := md5.Sum([]byte(unquote(username) + ":" + preparedRealm + ":" + preparedPassword))
	return sum[:], nil
}

func trimNULs(s string) string { return strings.TrimRight(s, "\x00") }

// unquote takes off trailing NULs and one pair of quotes around the rest.
func unquote(s string) string {
	s = trimNULs(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return trimNULs(s[1 : len(s)-1])
	}
	return s
}

// ParseKey reads a key as String writes it; the digits may be of either case.
// The error is ErrKey.
func ParseKey(s string) (Key, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) != 2*md5.Size {
		return nil, ErrKey
	}
	k, err := hex.DecodeString(digits)
	if err != nil {
		return nil, ErrKey
	}
	return k, nil
}

// String returns the key as 0x and digits, for where keys are stored: not for logs.
func (k Key) String() string { return "0x" + hex.EncodeToString(k) }
