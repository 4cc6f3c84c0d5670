package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// same requires that two sets of credentials make one key, or that they do not.
func same(t *testing.T, a, b [3]string, want bool) {
	t.Helper()
	ka, err := LongTermKey(a[0], a[1], a[2])
	if err != nil {
		t.Errorf("%q: %v", a, err)
	}
	kb, err := LongTermKey(b[0], b[1], b[2])
	if err != nil {
		t.Errorf("%q: %v", b, err)
	}
	if bytes.Equal(ka, kb) != want {
		t.Errorf("%q and %q make the keys %v and %v", a, b, ka, kb)
	}
}

// R-8489-9.2.2-a (RFC 8489, 9.2.2): the standard's own example.
func TestLongTermKey(t *testing.T) {
	k, err := LongTermKey("user", "realm", "pass")
	if err != nil || k.String() != "0x8493fbc53ba582fb4c044c456bdc40eb" {
		t.Errorf("%v, %v", k, err)
	}
	same(t, [3]string{"user", "realm", "pass"}, [3]string{"user", "realm", "Pass"}, false)
	same(t, [3]string{"user", "realm", "pass"}, [3]string{"user", "other", "pass"}, false)
	same(t, [3]string{"user", "realm", "pass"}, [3]string{"resu", "realm", "pass"}, false)
}

// R-8489-9.2.2-a (RFC 8489, 9.2.2; RFC 8265, 4.2): realm and password are
// prepared, so that an é of one code point or of two is the same; other spaces
// become plain ones; case and compatibility forms are kept. The user name came
// prepared and is taken as it is.
func TestLongTermKeyPrepares(t *testing.T) {
	const composed, decomposed = "caf\u00e9", "cafe\u0301"
	want := md5.Sum([]byte("user:" + composed + ":" + composed))
	for _, realm := range []string{composed, decomposed} {
		for _, password := range []string{composed, decomposed} {
			k, err := LongTermKey("user", realm, password)
			if err != nil || !bytes.Equal(k, want[:]) {
				t.Errorf("realm %+q, password %+q: %v, %v", realm, password, k, err)
			}
		}
	}
	same(t, [3]string{"user", "r", "a\u00a0b"}, [3]string{"user", "r", "a b"}, true)
	same(t, [3]string{"user", "r", " a "}, [3]string{"user", "r", "a"}, false)
	same(t, [3]string{"user", "r", "\u2168"}, [3]string{"user", "r", "IX"}, false)
	same(t, [3]string{composed, "r", "p"}, [3]string{decomposed, "r", "p"}, false)
}

// R-8489-9.2.2-b (RFC 8489, 9.2.2): what is not part of a name.
func TestLongTermKeyTrims(t *testing.T) {
	plain := [3]string{"user", "realm", "pass"}
	for _, other := range [][3]string{
		{"\"user\"", "realm", "pass"}, {"user", "\"realm\"", "pass"},
		{"user\x00", "realm\x00\x00", "pass\x00\x00\x00"},
		{"\"user\"\x00", "\"realm\x00\"", "pass"},
	} {
		same(t, plain, other, true)
	}
	for _, other := range [][3]string{
		{"user", "realm", "\"pass\""}, {"\"user", "realm", "pass"}, {"us\"er", "realm", "pass"},
		{"user", "re\"alm", "pass"}, {"\"\"user\"\"", "realm", "pass"}, {"\x00user", "realm", "pass"},
	} {
		same(t, plain, other, false)
	}
	k, err := LongTermKey("\"", "realm", "pass")
	want := md5.Sum([]byte("\":realm:pass"))
	if err != nil || !bytes.Equal(k, want[:]) {
		t.Errorf("a name of one quote: %v, %v", k, err)
	}
}

// What no client can prove is an error that names the part but not the password.
func TestLongTermKeyRefuses(t *testing.T) {
	for _, tt := range []struct{ realm, password, part string }{
		{"realm", "", "password"},
		{"realm", "\x00\x00", "password"},
		{"realm", "sec\tret", "password"},
		{"realm", "sec\x00ret", "password"},
		{"realm", "secret\u202e\u0007", "password"},
		{"realm", "Gr\xfc\xdfe", "password"},
		{"", "secret", "realm"},
		{"M\xfcnchen", "secret", "realm"},
		{"\"\"", "secret", "realm"},
		{"re\nalm", "secret", "realm"},
	} {
		k, err := LongTermKey("alice", tt.realm, tt.password)
		if err == nil || k != nil || !strings.Contains(err.Error(), tt.part) {
			t.Errorf("realm %q, password %q: %v, %v", tt.realm, tt.password, k, err)
			continue
		}
		if strings.Contains(err.Error(), "sec") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

// R-5769-2.4-a (RFC 5769, 2.4; X16): the key of the published request verifies it. Its
// password is given as it is after preparation: the older profile that the
// vector was made with maps more than OpaqueString does.
func TestLongTermKeyVector(t *testing.T) {
	request, err := hex.DecodeString("000100602112a44278ad3433c6ad72c029da412e" +
		"00060012e3839ee38388e383aae38383e382afe382b90000" +
		"0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341" +
		"0014000b6578616d706c652e6f726700")
	if err != nil {
		t.Fatal(err)
	}
	k, err := LongTermKey("マトリックス", "example.org", "TheMatrIX")
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, k)
	mac.Write(request)
	if got := hex.EncodeToString(mac.Sum(nil)); got != "f67024656dd64a3e02b8e0712e85c9a28ca89666" {
		t.Errorf("the request's sum is %s", got)
	}
}

func TestParseKey(t *testing.T) {
	const text = "0x8493fbc53ba582fb4c044c456bdc40eb"
	for _, s := range []string{text, "0x8493FBC53BA582FB4C044C456BDC40EB", "0x8493fbc53bA582fb4c044C456bdc40eb"} {
		k, err := ParseKey(s)
		if err != nil || k.String() != text || len(k) != 16 {
			t.Errorf("%s: %v, %v", s, k, err)
		}
	}
	for _, s := range []string{
		"", "0x", text[2:], "0X" + text[2:], text[:33], text + "0", text + "00", " " + text, text + " ",
		"0x" + strings.Repeat("g", 32), "0x+" + text[3:], "0x0x" + text[4:], text + "\n", "0x" + strings.Repeat("é", 16),
		"0x" + strings.Repeat("0", 64),
	} {
		if k, err := ParseKey(s); !errors.Is(err, ErrKey) || k != nil {
			t.Errorf("%q: %v, %v", s, k, err)
		}
	}
}
