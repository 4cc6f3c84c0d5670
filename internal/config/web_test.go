package config

import (
	"fmt"
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

// Proxies are named by address or block, and nobody names everybody.
//
// H-18: without the key there are none, and no header is believed.
func TestTrustedProxies(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1": "127.0.0.1/32", "::1": "::1/128", "[2001:db8::1]": "2001:db8::1/128", "10.0.0.0/8": "10.0.0.0/8", "2001:db8::/32": "2001:db8::/32",
		"::ffff:192.0.2.1": "192.0.2.1/32",
		"10.0.0.1/8":       "", "0.0.0.0/0": "", "::/0": "", "nginx": "", "10.0.0.0/33": "", "::ffff:10.0.0.0/104": "", "127.0.0.1:80": "", "fe80::1%eth0": "", "10.0.0.0-10.0.0.9": "",
	} {
		c, problems := Load(Input{File: "f", Text: strings.NewReader("web-trusted-proxies=" + text + "\nweb-trusted-proxies=192.0.2.9")})
		if want != "" {
			want += " "
		}
		if got := strings.Trim(fmt.Sprint(c.TrustedProxies), "[]"); got != want+"192.0.2.9/32" || Failed(problems) != (want == "") {
			t.Errorf("%q is %q, want %q; %s", text, got, want, lines(problems))
		}
	}
}

// Keys of the web that do not go together are told, each with what to do.
func TestWebKeys(t *testing.T) {
	for text, want := range map[string]string{
		"web=sometimes":                                        "off, local, on",
		"web-port=3478":                                        "leave web-port out",
		"web-port=5349\nweb=on":                                "leave web-port out",
		"web-port=70000":                                       "from 0 to 65535",
		"web=off\nweb-anonymous-credentials":                   "warning: web-anonymous-credentials has no effect",
		"web=local\nweb-trusted-proxies=127.0.0.1":             "warning: web=local answers nobody",
		"web=off\nweb-trusted-proxies=127.0.0.1":               "warning: web-trusted-proxies has no effect",
		"web=on\nweb-port=8443\nweb-trusted-proxies=127.0.0.1": "",
	} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
		got := lines(problems)
		if (want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "0123456789") {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if c, _ := load(t, ""); c.Web != "" || c.WebAnonymous || len(c.TrustedProxies) != 0 || c.WebPort != 0 {
		t.Errorf("%+v", c)
	}
}
