package config

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

// Lists of OpenSSL mean what they mean there, as far as there is something to
// offer.
func TestCiphers(t *testing.T) {
	const (
		e128, r128 = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
		e256, r256 = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
		eCha, rCha = tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
	)
	for _, c := range []struct {
		list    string
		want    []uint16
		missing string
	}{
		{"DEFAULT", []uint16{e128, r128, e256, r256, eCha, rCha}, ""},
		{"ECDHE-RSA-AES256-GCM-SHA384", []uint16{r256}, ""},
		{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", []uint16{r256}, ""},
		{"ECDHE+CHACHA20:ECDHE+AESGCM:!aRSA", []uint16{eCha, e128, e256}, ""},
		{"EECDH+ECDSA+AESGCM EECDH+aRSA+AESGCM", []uint16{e128, e256, r128, r256}, ""},
		{"ECDH+AESGCM:DH+AESGCM:ECDH+AES256:!aNULL:!MD5", []uint16{e128, r128, e256, r256}, "DH+AESGCM"},
		{"HIGH:-AES128:+AES256:!CHACHA20", []uint16{e256, r256}, ""},
		{"ALL:-AES:AES128", []uint16{eCha, rCha, e128, r128}, ""},
		{"!AES256:ALL:+AES128", []uint16{eCha, rCha, e128, r128}, ""},
		{"CHACHA20,AES128,@STRENGTH", []uint16{eCha, rCha, e128, r128}, ""},
		{"TLS_AES_128_GCM_SHA256:CHACHA20", []uint16{eCha, rCha}, ""},
		{"ECDHE-RSA-AES256-SHA384:AES128-SHA:RC4", nil, "ECDHE-RSA-AES256-SHA384, AES128-SHA, RC4"},
		{"!ALL:ALL", nil, ""},
		{"::, :", nil, ""},
	} {
		got, missing := parseCiphers(c.list)
		if !slices.Equal(got, c.want) || strings.Join(missing, ", ") != c.missing {
			t.Errorf("%s: %x, missing %s; want %x, %s", c.list, got, missing, c.want, c.missing)
		}
	}
}

// What cannot be offered is told of where it was asked for, and the rest counts.
func TestCipherList(t *testing.T) {
	for _, c := range []struct {
		list   string
		suites int
		want   string
	}{
		{"ECDHE+AESGCM", 4, ""},
		{"ECDHE+AESGCM:AES128-SHA", 4, "turnserver.conf:2:1: warning: cipher-list: there is nothing to offer for AES128-SHA"},
		{"RC4-MD5", 0, "turnserver.conf:2:1: warning: cipher-list names nothing of what can be offered"},
	} {
		cfg, problems := load(t, "no-tlsv1_2\ncipher-list="+c.list)
		text := lines(problems)
		if len(cfg.CipherSuites) != c.suites || !cfg.TLS13Only || !strings.Contains(text, c.want) || (c.want == "") != (text == "") {
			t.Errorf("%s: %x, %s", c.list, cfg.CipherSuites, text)
		}
	}
}
