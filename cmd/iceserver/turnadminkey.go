package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
)

// encrypt makes a key file, or encrypts or decrypts a password with one: what
// coturn's mysql-userdb and the like take with secret-key-file. Which of them is
// meant is told by the options, in whatever order they come.
func (c *turnadminCall) encrypt(out io.Writer) error {
	file, password, encrypted := c.options["file-key-path"], c.options["password"], c.options["verify"]
	var text string
	var err error
	switch {
	case encrypted != "":
		text, err = decryptWith(file, encrypted)
	case file != "" && password != "":
		text, err = encryptWith(file, password)
	case c.options["key-path"] != "":
		return makeKeyFile(c.options["key-path"])
	default:
		err = errors.New("-E wants -x FILE, or -f FILE with -p PASSWORD, or -f FILE with -v BASE64")
	}
	if err != nil {
		return fmt.Errorf("turnadmin: %w", err)
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// makeKeyFile writes a key to a file that only its owner can read. One that is there
// stays: passwords may be encrypted with it.
//
// A-L06: what lets somebody in is for its owner.
func makeKeyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("turnadmin: %w", err)
	}
	key := make([]byte, aes.BlockSize)
	_, _ = rand.Read(key) // never fails
	_, err = f.Write(key)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("turnadmin: %w", err)
	}
	return nil
}

// cipherOf reads a key file. The counter begins at zero every time, as in coturn:
// two passwords under one key tell their difference to whoever sees both, so
// this keeps a password from eyes that pass by, not from those that look.
func cipherOf(path string) (cipher.Stream, error) {
	if path == "" {
		return nil, errors.New("the key file is missing: -f FILE")
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(key) < aes.BlockSize {
		return nil, fmt.Errorf("%s is no key of %d bytes", path, aes.BlockSize)
	}
	block, err := aes.NewCipher(key[:aes.BlockSize])
	if err != nil {
		return nil, err
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize)), nil
}

func encryptWith(path, password string) (string, error) {
	stream, err := cipherOf(path)
	if err != nil {
		return "", err
	}
	text := []byte(password)
	stream.XORKeyStream(text, text)
	return base64.StdEncoding.EncodeToString(text), nil
}

func decryptWith(path, encrypted string) (string, error) {
	stream, err := cipherOf(path)
	if err != nil {
		return "", err
	}
	text, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return "", errors.New("what is to be decrypted is not base64")
	}
	stream.XORKeyStream(text, text)
	text, _, _ = bytes.Cut(text, []byte{0}) // no password has one: it is another key's, and coturn ends there too
	return string(text), nil
}
