package server

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"io"
	"os"
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

// databaseKey reads the key. What blocks when it is opened, or has no end, is no
// file.
func databaseKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file: name the one with the key", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key := make([]byte, databaseKeySize)
	if n, err := io.ReadFull(f, key); err != nil {
		return nil, fmt.Errorf("%s has %d bytes, and the key has %d", path, n, databaseKeySize)
	}
	return key, nil
}
