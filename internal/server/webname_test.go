package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iceserver/internal/admin"
)

// What the status says of certificates.
func TestTLSStatus(t *testing.T) {
	now := time.Now()
	leaf := &x509.Certificate{RawIssuer: []byte("ca"), RawSubject: []byte("us"), NotAfter: now.Add(80*24*time.Hour + time.Minute)}
	if st := tlsStatus(leaf, now); st != (admin.TLSStatus{Status: "ok", Days: 80}) {
		t.Errorf("%+v", st)
	}
	if st := tlsStatus(leaf, now.Add(81*24*time.Hour)); st != (admin.TLSStatus{Status: "expired"}) {
		t.Errorf("%+v", st)
	}
	if st := tlsStatus(nil, now); st.Status != "off" {
		t.Errorf("%+v", st)
	}
}

// issue writes a certificate for names that an authority has signed.
func issue(t *testing.T, names ...string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, bytes []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return file("cert.pem", "CERTIFICATE", der), file("key.pem", "PRIVATE KEY", private)
}

// With a certificate for a name the pages are told by that name, and who knows
// the server by it gets credentials for it: TLS with the address would fail.
//
// H-09: and it is one of the names that count on this machine, as those of
// web-origin do; others do not.
func TestCertificateNames(t *testing.T) {
	cert, key := issue(t, "*.calls.example", "turn.example.org")
	r := start(t, load(t, "cert="+cert+"\npkey="+key+"\nweb-origin=https://app.example.com"), Options{JSON: true})
	r.log.Wait(t, "msg=ready")
	if page := "https://turn.example.org:"; !strings.Contains(r.out.String(), page) {
		t.Errorf("%q is missing in:\n%s", page, r.out)
	}
	for host, want := range map[string]string{
		"turn.example.org": "turn:turn.example.org:", "a.calls.example": "turn:a.calls.example:", "localhost": "turn:127.0.0.1:",
		"app.example.com": "turn:127.0.0.1:", "127.0.0.1": "turn:127.0.0.1:", "evil.example": "",
	} {
		q, err := http.NewRequest("GET", "http://"+r.Addrs().TCP[0].String()+"/?service=turn", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		q.Header.Set("Authorization", "Bearer "+r.web.firstKey)
		answer, err := r.browser(t, "").Do(q)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ URIs []string }
		if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		answer.Body.Close()
		if (answer.StatusCode == 200) != (want != "") || want != "" && !strings.HasPrefix(got.URIs[0], want) {
			t.Errorf("%s: %s %q, want %q", host, answer.Status, got.URIs, want)
		}
	}
	if st := r.status(); st.TLS != (admin.TLSStatus{Status: "ok", Days: 89}) || st.Host != "turn.example.org" {
		t.Errorf("%+v", st)
	}
}
