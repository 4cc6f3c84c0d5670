package auth

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

var errNotUTF8 = errors.New("auth: not UTF-8")

// OpaqueString prepares a user name, a realm or a password with the profile of
// that name (RFC 8265 section 4.2): spaces become plain ones and letters with
// their accents take one form. Case is kept. It fails for what is empty, is not
// UTF-8 or has a character that the profile forbids, such as a control character;
// the error does not hold the text. Plain ASCII comes back as it is and costs no
// memory.
func OpaqueString(s string) (string, error) {
	if plain(s) {
		return s, nil
	}
	if !utf8.ValidString(s) {
		return "", errNotUTF8 // the library lets it pass
	}
	prepared, err := precis.OpaqueString.String(s)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	return prepared, nil
}

// plain says whether a text is printable ASCII, which the profile leaves alone.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
