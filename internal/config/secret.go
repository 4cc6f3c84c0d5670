package config

import (
	"fmt"
	"io"
)

// redacted is what anybody sees of a Secret who does not call Reveal.
const redacted = "[redacted]"

// A Secret is a password, key or shared secret. It prints as "[redacted]"
// whatever the verb, in JSON and in logs; only Reveal shows it.
//
// A-L02: no secret of the configuration reaches a log, an error or a dump by
// being printed along with the struct that holds it.
type Secret string

// Reveal returns the secret itself, for the one place that computes with it.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]", or nothing when there is no secret, so that the
// two can be told apart.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter, which catches %#v, %x and %q, where String
// is not asked.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String())
}

// MarshalText implements encoding.TextMarshaler for JSON and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
