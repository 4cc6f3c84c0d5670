package main

import (
	"bytes"
	"encoding/pem"
	"errors"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// authorities are the certificates of Mozilla's list, for what the server asks
// over TLS: ACME and databases. They come from a module, not from the machine
// that builds, so that every machine builds the same image; and they lie in a
// file, not in the program, so that an operator can put another over it.
//
// An authority that is trusted only under conditions is left out: a file of
// certificates cannot hold those.
func authorities() ([]byte, error) {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	if all.Len() == 0 {
		return nil, errors.New("there are no authorities")
	}
	return all.Bytes(), nil
}
