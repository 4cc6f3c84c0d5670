package config

import (
	"slices"
	"strings"
	"testing"
)

// Certificates come in pairs, and a heavier place replaces those of a lighter
// one: the two halves belong together.
func TestSeveralCertificates(t *testing.T) {
	file := "cert=/a\npkey=/ak\ncert=/b\npkey=/bk\n"
	cfg, _ := load(t, file)
	if !slices.Equal(cfg.CertFiles, []string{"/a", "/b"}) || !slices.Equal(cfg.KeyFiles, []string{"/ak", "/bk"}) {
		t.Errorf("%v with %v", cfg.CertFiles, cfg.KeyFiles)
	}
	cfg, problems := Load(Input{
		File: "f", Text: strings.NewReader(file), Environ: []string{"ICESERVER_CERT=/c", "ICESERVER_PKEY=/ck"},
	})
	if Failed(problems) || !slices.Equal(cfg.CertFiles, []string{"/c"}) || !slices.Equal(cfg.KeyFiles, []string{"/ck"}) {
		t.Errorf("%v with %v, %v", cfg.CertFiles, cfg.KeyFiles, problems)
	}
	if len(cfg.Sources["cert"]) != 1 {
		t.Errorf("sources: %v", cfg.Sources["cert"])
	}
	for text, want := range map[string]string{
		"cert=/a":                   "pkey is not",
		"pkey=/a":                   "cert is not",
		"cert=/a\ncert=/b\npkey=/a": "2 of cert and 1 of pkey",
	} {
		if _, problems := Load(Input{File: "f", Text: strings.NewReader(text)}); !strings.Contains(lines(problems), want) {
			t.Errorf("%q: %s", text, lines(problems))
		}
	}
}

// Names are taken in the form that certificates have them.
func TestACME(t *testing.T) {
	cfg, problems := load(t, "acme-domain=Turn.Example.ORG.\nacme-domain=xn--bcher-kva.example\nacme-eab-kid=k\nacme-eab-hmac-key=s\nacme-http-port=0\n")
	if len(problems) > 0 || !slices.Equal(cfg.ACMEDomains, []string{"turn.example.org", "xn--bcher-kva.example"}) {
		t.Errorf("%v, %s", cfg.ACMEDomains, lines(problems))
	}
	if !strings.HasPrefix(cfg.ACMECA, "https://") || cfg.ACMEChallenge != challengeAuto || cfg.ACMEHTTPPort != 0 {
		t.Errorf("%s, %s, %d", cfg.ACMECA, cfg.ACMEChallenge, cfg.ACMEHTTPPort)
	}
	if cfg, _ := load(t, ""); cfg.ACMEHTTPPort != 80 || len(cfg.ACMEDomains) > 0 {
		t.Error("defaults")
	}
}

// What no authority would take is found before it is asked.
func TestACMEMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"acme-domain=192.0.2.1":                                       "1:13: acme-domain: \"192.0.2.1\" is an address",
		"acme-domain=*.example.org":                                   "needs access to the DNS",
		"acme-domain=bücher.example":                                  "not a domain name",
		"acme-domain=a b":                                             "not a domain name",
		"acme-domain=-a.example":                                      "not a domain name",
		"acme-domain=a..b":                                            "not a domain name",
		"acme-domain=" + strings.Repeat("a", 64) + ".example":         "not a domain name",
		"acme-domain=" + strings.Repeat("a.", 130) + "example":        "longer than names are",
		"acme-email=nobody":                                           "not an address for mail",
		"acme-ca=http://ca.example/directory":                         "not safe",
		"acme-ca=ca.example":                                          "not the address of a directory",
		"acme-eab-kid=k":                                              "only of use together",
		"acme-eab-hmac-key=k":                                         "only of use together",
		"acme-domain=a.example\nno-tcp\nno-tls\nacme-http-port=0":     "no port to answer",
		"acme-redirect=/path":                                         "not the address of a web server",
		"acme-redirect=ftp://a.example/":                              "not the address of a web server",
		"acme-challenge=dns-01":                                       "not one of the choices",
		"acme-domain=good.example\nacme-domain=bad example\nrealm=ok": "2:13: acme-domain",
	} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
		if !Failed(problems) || !strings.Contains(lines(problems), want) {
			t.Errorf("%q: %s", text, lines(problems))
		}
	}
	if f := authorityFault("http://127.0.0.1:14000/dir"); f != nil {
		t.Errorf("this machine: %v", f)
	}
}
