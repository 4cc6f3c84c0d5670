package config

import (
	"strings"
	"testing"
	"time"
)

// Keys of the signaling that do not go together are told, each with what to do,
// and no secret is repeated.
func TestSignalingKeys(t *testing.T) {
	const token, secret, keys = "signaling-auth=token\n", "signaling-secret=0123456789abcdef0123456789abcdef\n", "signaling-jwks=/k\n"
	for text, want := range map[string]string{
		token:                            "set signaling-secret to what",
		token + "signaling-secret=short": "5 bytes",
		token + "signaling-secret=0123456789abcdef0123456789abcde": "31 bytes",
		token + keys:                            "signaling-jwks needs signaling-audience",
		token + secret + keys:                   "leave one of them out",
		secret:                                  "warning: signaling-secret has no effect",
		keys:                                    "warning: signaling-jwks has no effect",
		"signaling-audience=a":                  "warning: signaling-audience has no effect",
		"signaling-max-message=100":             "from 16384 to 16777216",
		"signaling-max-buffer=65536":            "make signaling-max-buffer the larger one",
		"signaling-max-rooms=0":                 "at least 1",
		"signaling-max-participants=1":          "at least 2",
		"signaling-heartbeat=1":                 "from 5 to 300",
		"signaling-grace-period=-1":             "from 0 to 3600",
		"signaling-message-rate=fast":           "not a whole number",
		token + secret:                          "",
		token + secret + "signaling-audience=a": "",
		token + keys + "signaling-audience=a":   "",
		"signaling-grace-period=0":              "",
		"signaling-message-rate=0":              "",
	} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
		got := lines(problems)
		if (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "0123456789") {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	c, _ := load(t, "")
	if c.SignalingAuth != "off" || c.SignalingMaxConnections != 10_000 || c.SignalingMaxMessage != 1_000_000 || c.SignalingGrace != 15*time.Second {
		t.Errorf("%+v", c)
	}
}
