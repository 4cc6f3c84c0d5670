package signaling_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"iceserver/internal/signaling"
)

const secret = "0123456789abcdef0123456789abcdef"

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
	tokens, err := signaling.NewSecretTokens([]byte(secret), "")
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
		{"a claim in capitals", sign(t, `{"alg":"HS256"}`, `{"EXP":1000060,"room":"r"}`, mac(secret)), false},
		{"beyond all years", sign(t, `{"alg":"HS256"}`, `{"exp":1e300}`, mac(secret)), false},
		{"before all years", sign(t, `{"alg":"HS256"}`, `{"exp":1000060,"nbf":-1e300}`, mac(secret)), false},
		{"a room that is none", sign(t, `{"alg":"HS256"}`, `{"exp":1000060,"room":["r"]}`, mac(secret)), false},
		{"rooms that are none", sign(t, `{"alg":"HS256"}`, `{"exp":1000060,"open":"*"}`, mac(secret)), false},
		{"for somebody else", sign(t, `{"alg":"HS256"}`, `{"exp":1000060,"aud":"mail"}`, mac(secret)), false},
		{"critical", sign(t, `{"alg":"HS256","crit":["x"],"x":1}`, good, mac(secret)), false},
		{"two algorithms", sign(t, `{"alg":"HS256","alg":"none"}`, good, mac(secret)), false},
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
	if _, err := signaling.NewSecretTokens([]byte(secret[:31]), ""); err == nil {
		t.Error("a short secret is taken")
	}
}

// The token is in the address, where pages can put it, or in the connect.
func TestTokens(t *testing.T) {
	tokens, err := signaling.NewSecretTokens([]byte(secret), "")
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
