package config

import (
	"strings"
	"testing"
)

// An origin is read in the one form that browsers send it in, or refused with an
// example.
//
// H-07: what is compared exactly has to be written exactly.
func TestOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://Example.ORG":         "https://example.org",
		"https://example.org/":        "https://example.org",
		"https://example.org:443":     "https://example.org",
		"http://example.org:80":       "http://example.org",
		"http://example.org:443":      "http://example.org:443",
		"http://localhost:8080":       "http://localhost:8080",
		"https://192.0.2.1:8443":      "https://192.0.2.1:8443",
		"https://[2001:DB8:0::1]:444": "https://[2001:db8::1]:444",
		"example.org":                 "", "https://": "", "//example.org": "", "ftp://example.org": "", "https://example.org/path": "",
		"https://a:b@example.org": "", "https://example.org?x": "", "https://example.org#x": "", "https://*.example.org": "", "*": "", "null": "",
		"https://example.org:0x1": "", "https://example.org:99999": "", "https://a.example, https://b.example": "",
	} {
		c, problems := Load(Input{File: "f", Text: strings.NewReader("web-origin=\"" + text + "\"")})
		got := strings.Join(c.WebOrigins, " ")
		if got != want || Failed(problems) != (want == "") {
			t.Errorf("%q is %q, want %q; %s", text, got, want, lines(problems))
		}
	}
}

// Keys of the web that do not go together are told, each with what to do.
func TestWebKeys(t *testing.T) {
	for text, want := range map[string]string{
		"web=sometimes":         "off, local, on",
		"web-port=3478":         "leave web-port out",
		"web-port=5349\nweb=on": "leave web-port out",
		"web-port=70000":        "from 0 to 65535",
		"signaling-auth=token":  "set signaling-secret",
		"signaling-auth=token\nsignaling-secret=short":            "5 bytes",
		"signaling-secret=0123456789abcdef":                       "warning: signaling-secret has no effect",
		"web=off\nweb-anonymous-credentials":                      "warning: web-anonymous-credentials has no effect",
		"signaling-auth=token\nsignaling-secret=0123456789abcd~":  "15 bytes",
		"web=on\nweb-port=8443":                                   "",
		"signaling-auth=token\nsignaling-secret=0123456789abcdef": "",
	} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
		got := lines(problems)
		if (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "0123456789") {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if c, _ := load(t, ""); c.Web != "" || c.WebAnonymous || c.SignalingAuth != "off" || c.WebPort != 0 {
		t.Errorf("%+v", c)
	}
}
