//go:build linux

package store_test

import (
	"errors"
	"strings"
	"testing"

	"iceserver/internal/store"
	"iceserver/test/servertest"
)

// Where the connection string asks for TLS, a server is asked nothing before its
// certificate is known to be the right one.
func TestTLS(t *testing.T) {
	for name, e := range engines() {
		if e.encrypted == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			where := e.encrypted(e.running(t), e.fresh(t)(e.server.port))
			if _, err := e.open(t, where).Key(t.Context(), "r", "n"); !errors.Is(err, store.ErrNoUser) {
				t.Errorf("error %v", err)
			}
			other, err := servertest.NewCertificate(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			wrong := strings.Replace(where, e.server.cert.CertFile, other.CertFile, 1)
			_, err = e.open(t, wrong).Key(t.Context(), "r", "n")
			if err == nil || errors.Is(err, store.ErrNoUser) || !strings.Contains(err.Error(), "x509") || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("a certificate that nobody has signed: error %v", err)
			}
		})
	}
}

// A cipher suite may be chosen by OpenSSL's name.
func TestMariaDBCipher(t *testing.T) {
	where := mariaEngine.encrypted(mariaEngine.running(t), mariaEngine.fresh(t)(mariaEngine.server.port))
	for _, option := range []string{" cipher=ECDHE-ECDSA-AES128-GCM-SHA256", ""} {
		if _, err := mariaEngine.open(t, where+option).Secrets(t.Context(), "r"); err != nil {
			t.Errorf("%q: error %v", option, err)
		}
	}
}
