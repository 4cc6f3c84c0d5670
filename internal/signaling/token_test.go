package signaling_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"iceserver/internal/signaling"
)

const secret = "0123456789abcdef"

// sign makes a token as an application would.
func sign(t testing.TB, header, claims string, signature func(signed []byte) []byte) string {
	t.Helper()
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(header)) + "." + part([]byte(claims))
	return signed + "." + part(signature([]byte(signed)))
}

func mac(key string) func([]byte) []byte {
	return func(signed []byte) []byte {
		m := hmac.New(sha256.New, []byte(key))
		m.Write(signed)
		return m.Sum(nil)
	}
}

func TestSecretTokens(t *testing.T) {
	tokens, err := signaling.NewSecretTokens([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_000_000, 0)
	good := `{"exp":1000060,"sub":"alice","room":"r","join":["s"]}`
	for _, c := range []struct {
		name, token string
		ok          bool
	}{
		{"good", sign(t, `{"alg":"HS256","typ":"JWT"}`, good, mac(secret)), true},
		{"other key", sign(t, `{"alg":"HS256"}`, good, mac("another secret key")), false},
		{"no algorithm", sign(t, `{"alg":"none"}`, good, func([]byte) []byte { return nil }), false},
		{"another algorithm", sign(t, `{"alg":"HS512"}`, good, mac(secret)), false},
		{"expired", sign(t, `{"alg":"HS256"}`, `{"exp":999999}`, mac(secret)), false},
		{"not yet", sign(t, `{"alg":"HS256"}`, `{"exp":1000060,"nbf":1000001}`, mac(secret)), false},
		{"for ever", sign(t, `{"alg":"HS256"}`, `{"room":"r"}`, mac(secret)), false},
		{"odd claims", sign(t, `{"alg":"HS256"}`, `{"exp":"soon"}`, mac(secret)), false},
		{"no JSON", sign(t, `{"alg":"HS256"}`, `x`, mac(secret)), false},
		{"nothing", "", false}, {"dots", "..", false}, {"four parts", "a.b.c.d", false}, {"long", strings.Repeat("a", 5000), false},
	} {
		grant, err := tokens.Grant(c.token, now)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.ok && fmt.Sprintf("%v %v %v %v", grant.User, grant.Open, grant.Join, grant.Expires.Unix()) != "alice [r] [s r] 1000060" {
			t.Errorf("%s: %+v", c.name, grant)
		}
	}
	if _, err := signaling.NewSecretTokens([]byte("short")); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestKeyTokens(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := signaling.NewKeyTokens(map[string]crypto.PublicKey{"rsa": &rsaKey.PublicKey, "ec": &ecKey.PublicKey, "ed": edPublic})
	if err != nil {
		t.Fatal(err)
	}
	byRSA := func(signed []byte) []byte {
		d := sha256.Sum256(signed)
		b, err := rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, d[:])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	byEC := func(signed []byte) []byte {
		d := sha256.Sum256(signed)
		r, s, err := ecdsa.Sign(rand.Reader, ecKey, d[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	byEd := func(signed []byte) []byte { return ed25519.Sign(edKey, signed) }
	for _, c := range []struct {
		header string
		by     func([]byte) []byte
		ok     bool
	}{
		{`{"alg":"RS256","kid":"rsa"}`, byRSA, true},
		{`{"alg":"ES256","kid":"ec"}`, byEC, true},
		{`{"alg":"EdDSA","kid":"ed"}`, byEd, true},
		{`{"alg":"RS256","kid":"ec"}`, byRSA, false},
		{`{"alg":"RS256","kid":"nobody"}`, byRSA, false},
		{`{"alg":"RS256"}`, byRSA, false},
		{`{"alg":"ES256","kid":"ec"}`, byEd, false},
		{`{"alg":"ES256","kid":"ec"}`, byRSA, false},
		// The public key as a shared secret: the classic confusion.
		{`{"alg":"HS256","kid":"ed"}`, mac(string(edPublic)), false},
	} {
		_, err := tokens.Grant(sign(t, c.header, `{"exp":2000000000,"room":"r"}`, c.by), time.Unix(1_000_000, 0))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.header, err)
		}
	}
	if _, err := signaling.NewKeyTokens(map[string]crypto.PublicKey{"x": "no key"}); err == nil {
		t.Error("a string passes as a key")
	}
}

// The token is in the address, where pages can put it, or in the connect.
func TestTokens(t *testing.T) {
	tokens, err := signaling.NewSecretTokens([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	_, web := serve(t, signaling.Options{Limits: unlimited(), Tokens: tokens})
	token := func(claims string) string {
		return sign(t, `{"alg":"HS256"}`, fmt.Sprintf(claims, time.Now().Add(time.Hour).Unix()), mac(secret))
	}
	for _, c := range []*testClient{dial(t, web, query("a")), dial(t, web, query("a")+"&token=x"), dialAuth(t, web, query("a"), `{"token":7}`)} {
		if got := c.read(); got != `44{"message":"invalid token"}` {
			t.Error(got)
		}
	}
	if got := dial(t, web, query("bob")+"&token="+token(`{"exp":%d,"sub":"alice"}`)).read(); got != `44{"message":"the token does not allow this userid"}` {
		t.Error(got)
	}
	owner := join(t, dial(t, web, query("owner")+"&token="+token(`{"exp":%d,"room":"r"}`)))
	guest := join(t, dialAuth(t, web, query("guest"), `{"token":"`+token(`{"exp":%d,"join":["r"]}`)+`"}`))
	for _, c := range []struct {
		c     *testClient
		event string
		room  string
		want  string
	}{
		{guest, "open-room", "r", `[false,"Room permission denied"]`},
		{owner, "open-room", "other", `[false,"Room permission denied"]`},
		{owner, "open-room", "r", `[true]`},
		{guest, "join-room", "r", `[true]`},
	} {
		if got := c.c.ask(c.event, map[string]string{"sessionid": c.room}); got != c.want {
			t.Errorf("%s %s: %s", c.event, c.room, got)
		}
	}
}
