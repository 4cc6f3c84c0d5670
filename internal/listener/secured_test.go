package listener

import (
	"crypto/tls"
	"net"
	"testing"
)

// Suites are called as the readers of coturn's reports know them.
func TestOpenSSLName(t *testing.T) {
	for suite, want := range map[string]string{
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256":         "ECDHE-RSA-AES128-GCM-SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384":       "ECDHE-ECDSA-AES256-GCM-SHA384",
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256":   "ECDHE-RSA-CHACHA20-POLY1305",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
		"TLS_AES_128_GCM_SHA256":                        "TLS_AES_128_GCM_SHA256",
		"TLS_CHACHA20_POLY1305_SHA256":                  "TLS_CHACHA20_POLY1305_SHA256",
		"0x1301":                                        "0x1301",
	} {
		if got := openSSLName(suite); got != want {
			t.Errorf("%s is %s, want %s", suite, got, want)
		}
	}
}

// How a client is protected is what its latest connection says, although one before
// it with the same ends has not ended, and the end of that one takes nothing away.
func TestSecuredByLatest(t *testing.T) {
	s, at := serveProxied(t, withEcho, withTrust)
	come := func(secure bool) (net.Conn, *testLink) {
		conn := dial(t, at)
		send(t, conn, []byte(headerV1))
		if secure {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpnTURN}})
		}
		echoed(t, conn, binding(8))
		return conn, s.link(t)
	}
	former, formerLink := come(true)
	for _, secure := range []bool{false, true, true, false} {
		conn, k := come(secure)
		for _, when := range []string{"before", "after"} {
			if version, _ := s.Secured(k.client, k.server); (version != "") != secure {
				t.Errorf("%s the end of the former one: secured by %q, want TLS: %v", when, version, secure)
			}
			former.Close()
			formerLink.wait(t)
		}
		former, formerLink = conn, k
	}
}
