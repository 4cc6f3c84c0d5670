package store

import "strings"

// hidden is an error whose text has no password in it.
type hidden struct {
	error
	secret string
}

// hide keeps a password out of the text of an error, whoever wrote it.
//
// A-L02: what a driver or a server says goes into logs and onto terminals.
func hide(err error, secret string) error {
	if err == nil || secret == "" || !strings.Contains(err.Error(), secret) {
		return err
	}
	return hidden{err, secret}
}

func (h hidden) Error() string { return strings.ReplaceAll(h.error.Error(), h.secret, "***") }

func (h hidden) Unwrap() error { return h.error }
