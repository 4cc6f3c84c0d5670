package signaling_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"iceserver/internal/signaling"
)

// signer is one key pair of each kind, as an application would have.
type signer struct {
	t     *testing.T
	rsa   *rsa.PrivateKey
	curve *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
}

func newSigner(t *testing.T, bits int) *signer {
	t.Helper()
	s := &signer{t: t}
	var errs [3]error
	s.rsa, errs[0] = rsa.GenerateKey(rand.Reader, bits)
	s.curve, errs[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, s.ed, errs[2] = ed25519.GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *signer) byRSA(signed []byte) []byte {
	d := sha256.Sum256(signed)
	b, err := rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, d[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *signer) byCurve(signed []byte) []byte {
	d := sha256.Sum256(signed)
	r, v, err := ecdsa.Sign(rand.Reader, s.curve, d[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
}

func (s *signer) byEd(signed []byte) []byte { return ed25519.Sign(s.ed, signed) }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// keys are the public halves as entries of a set; more stands behind each id.
func (s *signer) rsaKey(id, more string) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":%q%s,"n":%q,"e":%q}`, id, more, b64(s.rsa.N.Bytes()), b64(big.NewInt(int64(s.rsa.E)).Bytes()))
}

func (s *signer) curveKey(id, more string) string {
	point, err := s.curve.PublicKey.Bytes() // 4, x, y
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q%s,"x":%q,"y":%q}`, id, more, b64(point[1:33]), b64(point[33:]))
}

func (s *signer) edKey(id, more string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q%s,"x":%q}`, id, more, b64(s.ed.Public().(ed25519.PublicKey)))
}

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

// A token is checked with the key that it names, by the algorithm of that key and
// no other.
func TestKeyTokens(t *testing.T) {
	s, other := newSigner(t, 2048), newSigner(t, 2048)
	tokens, err := signaling.NewKeyTokens(set(s.rsaKey("rsa", `,"use":"sig","alg":"RS256"`), s.curveKey("ec", ""), s.edKey("ed", ""), s.edKey("", ""),
		s.rsaKey("enc", `,"use":"enc"`), s.rsaKey("ps", `,"alg":"PS256"`), `{"kty":"unheard of","kid":"new"}`), "rooms")
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"exp":2000000000,"aud":["mail","rooms"],"sub":"u","room":"r"}`
	public := s.ed.Public().(ed25519.PublicKey)
	for _, c := range []struct {
		header, claims string
		by             func([]byte) []byte
		ok             bool
	}{
		{`{"alg":"RS256","kid":"rsa"}`, good, s.byRSA, true},
		{`{"alg":"ES256","kid":"ec"}`, good, s.byCurve, true},
		{`{"alg":"EdDSA","kid":"ed"}`, good, s.byEd, true},
		{`{"alg":"EdDSA"}`, good, s.byEd, true}, // one key has no id
		{`{"alg":"EdDSA","kid":"ed"}`, `{"exp":2000000000,"aud":"rooms"}`, s.byEd, true},
		{`{"alg":"RS256","kid":"rsa"}`, good, other.byRSA, false},
		{`{"alg":"ES256","kid":"ec"}`, good, other.byCurve, false},
		{`{"alg":"EdDSA","kid":"ed"}`, good, other.byEd, false},
		{`{"alg":"RS256","kid":"ec"}`, good, s.byRSA, false},
		{`{"alg":"RS256","kid":"nobody"}`, good, s.byRSA, false},
		{`{"alg":"RS256","kid":"new"}`, good, s.byRSA, false},
		{`{"alg":"RS256"}`, good, s.byRSA, false},
		{`{"alg":"RS256","kid":"enc"}`, good, s.byRSA, false},
		{`{"alg":"RS256","kid":"ps"}`, good, s.byRSA, false},
		{`{"alg":"PS256","kid":"rsa"}`, good, s.byRSA, false},
		{`{"alg":"ES256","kid":"ec"}`, good, s.byEd, false},
		{`{"alg":"ES256","kid":"ec"}`, good, s.byRSA, false},
		{`{"alg":"none","kid":"ed"}`, good, func([]byte) []byte { return nil }, false},
		// The public key as a shared secret: the classic confusion.
		{`{"alg":"HS256","kid":"ed"}`, good, mac(string(public)), false},
		{`{"alg":"HS256","kid":"ed"}`, good, mac(s.edKey("ed", "")), false},
		// A key that the token brings along, and one that it wants fetched.
		{`{"alg":"EdDSA","kid":"x","jwk":` + other.edKey("x", "") + `}`, good, other.byEd, false},
		{`{"alg":"EdDSA","kid":"ed","jwk":` + other.edKey("ed", "") + `}`, good, other.byEd, false},
		{`{"alg":"EdDSA","kid":"x","jku":"https://evil.example/keys"}`, good, other.byEd, false},
		{`{"alg":"EdDSA","kid":"ed"}`, `{"exp":2000000000,"aud":"mail"}`, s.byEd, false},
		{`{"alg":"EdDSA","kid":"ed"}`, `{"exp":2000000000}`, s.byEd, false},
		{`{"alg":"EdDSA","kid":"ed"}`, `{"exp":2000000000,"aud":{}}`, s.byEd, false},
		{`{"alg":"EdDSA","kid":"ed"}`, `{"exp":900000,"aud":"rooms"}`, s.byEd, false},
		{`{"alg":"EdDSA","kid":"ed"}`, `{"aud":"rooms"}`, s.byEd, false},
	} {
		grant, err := tokens.Grant(sign(t, c.header, c.claims, c.by), time.Unix(1_000_000, 0))
		if (err == nil) != c.ok || c.ok && c.claims == good && grant.User != "u" {
			t.Errorf("%s %s: %+v, %v", c.header, c.claims, grant, err)
		}
	}
}

// A set that cannot do what it is there for, or that holds what must not be in it,
// is refused with a reason that repeats no key.
func TestKeySets(t *testing.T) {
	s, short := newSigner(t, 2048), newSigner(t, 1024)
	private := s.edKey("private", `,"d":"`+b64(s.ed.Seed())+`"`)
	many := make([]string, 65)
	for i := range many {
		many[i] = s.edKey(fmt.Sprint(i), "")
	}
	for _, c := range []struct {
		name, want string
		set        []byte
	}{
		{"empty", "no JSON Web Key Set", nil},
		{"no object", "no JSON Web Key Set", []byte(`[]`)},
		{"no keys", "there is no key", []byte(`{}`)},
		{"a PEM file", "no JSON Web Key Set", []byte("-----BEGIN PUBLIC KEY-----")},
		{"for encryption alone", "there is no key", set(s.rsaKey("a", `,"use":"enc"`))},
		{"one id twice", `two with the id "a"`, set(s.rsaKey("a", ""), s.edKey("a", ""))},
		{"a shared secret", "public keys alone", set(s.edKey("a", ""), `{"kty":"oct","kid":"b","k":"c2VjcmV0"}`)},
		{"a private key", "public keys alone", set(private)},
		{"a short key", "1024 bits", set(short.rsaKey("a", ""))},
		{"not on the curve", "cannot be read", set(`{"kty":"EC","crv":"P-256","kid":"a","x":"AQ","y":"AQ"}`)},
		{"too many", "65 keys", set(many...)},
		{"too long", "too long", set(`{"kty":"x","y":"` + strings.Repeat("x", 256<<10) + `"}`)},
	} {
		_, err := signaling.NewKeyTokens(c.set, "rooms")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), b64(s.ed.Seed())) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := signaling.NewKeyTokens(set(s.edKey("a", "")), ""); err == nil {
		t.Error("keys without an audience")
	}
}
