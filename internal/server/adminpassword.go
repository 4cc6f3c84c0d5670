package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// The form in which coturn keeps the passwords of its administrators: this prefix,
// the digits of eight bytes of salt, and those of the SHA-256 of salt and password
// behind another dollar sign. It is no crypt(3), in spite of the prefix, and one
// round is little: the form is coturn's, so that its web interface lets the
// same people in.
const (
	adminPrefix = "$5$"
	adminSalt   = 8
)

func hashAdminPassword(salt []byte, password string) string {
	sum := sha256.Sum256(append(salt[:len(salt):len(salt)], password...))
	return adminPrefix + hex.EncodeToString(salt) + "$" + hex.EncodeToString(sum[:])
}

// checkAdminPassword compares a password with what is kept, which may be clear
// text as well. Nobody logs in where nothing is kept: a row may be empty.
//
// H-04: how long that takes says nothing about how much is right.
func checkAdminPassword(kept, password string) bool {
	if kept == "" {
		return false
	}
	made := password
	if rest, ok := strings.CutPrefix(kept, adminPrefix); ok {
		digits, _, _ := strings.Cut(rest, "$")
		salt, err := hex.DecodeString(digits)
		if err != nil || len(salt) != adminSalt {
			return false
		}
		kept = strings.ToLower(kept)
		made = hashAdminPassword(salt, password)
	}
	return subtle.ConstantTimeCompare([]byte(made), []byte(kept)) == 1
}

// HashPassword returns a password as it is kept of the administrators of coturn's
// web interface, with salt of its own every time.
func (Account) HashPassword(password string) string {
	salt := make([]byte, adminSalt)
	_, _ = rand.Read(salt) // never fails
	return hashAdminPassword(salt, password)
}
