package stun

import (
	"errors"
	"strings"
	"testing"
)

// R-7065-3-a (RFC 7064, 3.1; RFC 7065, 3.1): the forms there are.
// R-8656-4.1-a (RFC 8656, 4.1): their default ports.
func TestParseURI(t *testing.T) {
	tests := []struct {
		in   string
		want URI
		out  string // "" when it is the same as in
		host string
		port uint16
	}{
		{"stun:example.org", URI{Host: "example.org"}, "", "example.org", 3478},
		{"stuns:example.org", URI{Secure: true, Host: "example.org"}, "", "example.org", 5349},
		{"stun:example.org:8000", URI{Host: "example.org", Port: 8000}, "", "example.org", 8000},
		{"turn:example.org", URI{TURN: true, Host: "example.org"}, "", "example.org", 3478},
		{"turns:example.org", URI{TURN: true, Secure: true, Host: "example.org"}, "", "example.org", 5349},
		{"turn:192.0.2.1:3478?transport=udp", URI{TURN: true, Host: "192.0.2.1", Port: 3478, Transport: "udp"}, "", "192.0.2.1", 3478},
		{"turns:example.org:443?transport=tcp", URI{TURN: true, Secure: true, Host: "example.org", Port: 443, Transport: "tcp"}, "", "example.org", 443},
		{"turn:example.org?transport=tcp", URI{TURN: true, Host: "example.org", Transport: "tcp"}, "", "example.org", 3478},
		{"turn:[2001:db8::1]", URI{TURN: true, Host: "2001:db8::1"}, "", "2001:db8::1", 3478},
		{"turns:[2001:db8::1]:65535?transport=udp", URI{TURN: true, Secure: true, Host: "2001:db8::1", Port: 65535, Transport: "udp"}, "", "2001:db8::1", 65535},
		{"stun:[::ffff:192.0.2.1]:1", URI{Host: "::ffff:192.0.2.1", Port: 1}, "", "::ffff:192.0.2.1", 1},
		{"TURNS:Example.ORG?Transport=TCP", URI{TURN: true, Secure: true, Host: "Example.ORG", Transport: "tcp"}, "turns:Example.ORG?transport=tcp", "Example.ORG", 5349},
		{"turn:example.org:", URI{TURN: true, Host: "example.org"}, "turn:example.org", "example.org", 3478},
		{"turn:[::1]:?transport=udp", URI{TURN: true, Host: "::1", Transport: "udp"}, "turn:[::1]?transport=udp", "::1", 3478},
		{"stun:example.org:03478", URI{Host: "example.org", Port: 3478}, "stun:example.org:3478", "example.org", 3478},
		{"stun:my_host-1.local.", URI{Host: "my_host-1.local."}, "", "my_host-1.local.", 3478},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			u, err := ParseURI(tt.in)
			if err != nil || u != tt.want {
				t.Fatalf("%+v, %v", u, err)
			}
			out := tt.out
			if out == "" {
				out = tt.in
			}
			if u.String() != out {
				t.Errorf("String is %q, want %q", u, out)
			}
			if host, port := u.Address(); host != tt.host || port != tt.port {
				t.Errorf("Address is %q, %d", host, port)
			}
		})
	}
}

// R-7065-3-a (RFC 7065, 3.1): no user, path, fragment or second query, and
// nothing that a hierarchical parser would have made something of. The error
// names the URI and what is wrong.
func TestParseURIRefuses(t *testing.T) {
	tests := map[string]string{
		"":                                   "no scheme",
		"example.org":                        "no scheme",
		"http:example.org":                   "none of",
		"turn :example.org":                  "none of",
		"turn:":                              "host is missing",
		"turn::3478":                         "host is missing",
		"turn:?transport=udp":                "host is missing",
		"turn://example.org":                 "write turn:example.org",
		"turn:example.org/path":              "character",
		"turn:user@example.org":              "user name",
		"turn:user:pass@example.org":         "port",
		"turn:exa mple.org":                  "character",
		"turn:exämple.org":                   "character",
		"turn:example.org#x":                 "character",
		"turn:%41.org":                       "character",
		"turn:a.org\n":                       "character",
		"turn:a.org\x00":                     "character",
		"turn:example.org:0":                 "port",
		"turn:example.org:65536":             "port",
		"turn:example.org:99999999999999999": "port",
		"turn:example.org:+1":                "port",
		"turn:example.org:-1":                "port",
		"turn:example.org: 1":                "port",
		"turn:example.org:1x":                "port",
		"turn:example.org:1:2":               "port",
		"turn:2001:db8::1":                   "write [2001:db8::1]",
		"turn:a.org?transport=tls":           "scheme turns",
		"turn:[2001:db8::1":                  "not closed",
		"turn:[]":                            "no IPv6",
		"turn:[192.0.2.1]":                   "no IPv6",
		"turn:[fe80::1%eth0]":                "no IPv6",
		"turn:[fe80::1%25eth0]":              "no IPv6",
		"turn:[::1]3478":                     "follows",
		"turn:[::1]x:1":                      "follows",
		"turn:[::1]:x":                       "port",
		"turn:a.org?":                        "query",
		"turn:a.org?transport":               "query",
		"turn:a.org?proto=udp":               "query",
		"turn:a.org?transport=":              "neither udp nor tcp",
		"turn:a.org?transport=sctp":          "neither udp nor tcp",
		"turn:a.org?transport=udp&x=y":       "neither udp nor tcp",
		"turn:a.org?transport=udp?x":         "neither udp nor tcp",
		"stun:a.org?transport=udp":           "no query",
		"stuns:a.org?":                       "no query",
	}
	for in, want := range tests {
		u, err := ParseURI(in)
		if !errors.Is(err, ErrURI) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", in, err, want)
		}
		if u != (URI{}) {
			t.Errorf("%q: %+v beside the error", in, u)
		}
	}
}
