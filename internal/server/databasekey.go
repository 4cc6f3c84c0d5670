package server

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// databaseKeySize is how many bytes the file of secret-key-file has.
const databaseKeySize = 16

// decryptPassword replaces the password in a connection string by what it stands
// for: AES-128 in counter mode from zero on, in base64, which is what coturn's
// turnadmin makes of it. That keeps a password out of the sight of who looks at
// the configuration, and of nobody who can read the file with the key.
//
// No error repeats what it found: what stands in the wrong place may be the
// password itself.
func decryptPassword(where, keyFile string) (string, error) {
	key, err := databaseKey(keyFile)
	if err != nil {
		return "", fmt.Errorf("secret-key-file: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("secret-key-file: %w", err)
	}
	words := strings.Fields(where)
	for i, word := range words {
		name, value, _ := strings.Cut(word, "=")
		if !slices.Contains([]string{"password", "pwd", "passwd", "secret"}, name) {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", fmt.Errorf("mysql-userdb: its %s is not encrypted (no base64): encrypt it, or leave secret-key-file out", name)
		}
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(text, text)
		if slices.ContainsFunc(text, func(b byte) bool { return b <= ' ' || b == 0x7F }) {
			return "", fmt.Errorf("mysql-userdb: its %s gives no password with the key in %s: is it that of another password?", name, keyFile)
		}
		words[i] = name + "=" + string(text)
	}
	return strings.Join(words, " "), nil
}

// databaseKey reads the key.
func databaseKey(path string) ([]byte, error) {
	key, err := plainFile(path, databaseKeySize)
	if err != nil {
		return nil, err
	}
	if len(key) < databaseKeySize {
		return nil, fmt.Errorf("%s has %d bytes, and the key has %d", path, len(key), databaseKeySize)
	}
	return key, nil
}
