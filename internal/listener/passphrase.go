package listener

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/youmark/pkcs8"
)

// errPassphrase is what an encrypted key gives with another passphrase than its
// own.
var errPassphrase = errors.New("the passphrase is wrong: correct pkey-pwd")

// unlock returns a private key in PEM without the encryption that a passphrase
// opens, in either of the two forms that there are. What is not encrypted stays as
// it is: of several keys one may be, and the other not.
func unlock(text []byte, passphrase string) ([]byte, error) {
	if passphrase == "" {
		return text, nil
	}
	var out []byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		open, err := unlockBlock(block, []byte(passphrase))
		if err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(open)...)
	}
	return out, nil
}

func unlockBlock(b *pem.Block, passphrase []byte) (*pem.Block, error) {
	switch {
	case b.Type == "ENCRYPTED PRIVATE KEY": // RFC 5958, PKCS#8
		key, _, err := pkcs8.ParsePrivateKey(b.Bytes, passphrase)
		if err != nil {
			// The library cannot tell a wrong passphrase from broken bytes.
			return nil, fmt.Errorf("%w (%w)", errPassphrase, err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("its key is of no use for TLS: %w", err)
		}
		return &pem.Block{Type: "PRIVATE KEY", Bytes: der}, nil
	case x509.IsEncryptedPEMBlock(b): //nolint:staticcheck // broken as encryption, but keys of that form are in use
		der, err := x509.DecryptPEMBlock(b, passphrase) //nolint:staticcheck // the same
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", errPassphrase, err)
		}
		return &pem.Block{Type: b.Type, Bytes: der}, nil
	}
	return b, nil
}
