package server

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"iceserver/internal/config"
)

// Origins are kept as coturn keeps them, so that either program finds those of the
// other one.
func TestKeptOrigin(t *testing.T) {
	for origin, want := range map[string]string{
		"http://Example.com": "http://example.com:80", "HTTPS://example.com:8443/path": "https://example.com:8443", "ftp://x": "ftp://x:21",
		"wss://Socket.example": "wss://socket.example", "http://who@user.example/x?y": "http://user.example:80", "http://[2001:DB8::1]:80": "http://[2001:db8::1]:80",
		"http://zero.example:0": "http://zero.example:80", "http://far.example:080": "http://far.example:80", "moz-extension://abc-DEF": "moz-extension://abc-def",
		"null": "null", "Plain.example": "Plain.example", "file:///x": "file:///x", "http://": "http://", "http://\u00dcmlaut.de": "http://\u00dcmlaut.de",
		"http://h:x": "http://h:x", "": "",
	} {
		if got := keptOrigin(origin); got != want {
			t.Errorf("%q: %q, want %q", origin, got, want)
		}
	}
}

// database opens an empty database of a realm.
func database(t *testing.T, realm string) *Accounts {
	t.Helper()
	a, err := OpenDatabase(&config.Config{Realm: realm, Database: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// What is set for a realm is listed with it; what was taken away is gone, and cannot
// be taken away again.
func TestAccountsRealms(t *testing.T) {
	a, ctx := database(t, ""), t.Context()
	one := a.In("one")
	for what, err := range map[string]error{
		"option": one.SetOption(ctx, "max-bps", 5), "allow": one.AllowPeers(ctx, "192.0.2.0/24"), "deny": a.DenyPeers(ctx, "198.51.100.1"),
		"turned around": one.DenyPeers(ctx, "192.0.2.0/24"), "other": a.In("two").SetOption(ctx, "user-quota", 7),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if err := one.AllowPeers(ctx, "192.0.2.0/24"); err != nil { // whichever came last
		t.Fatal(err)
	}
	if kept, err := one.AddOrigin(ctx, "http://Example.com"); err != nil || kept != "http://example.com:80" {
		t.Errorf("%q, error %v", kept, err)
	}
	none := []string{}
	want := []Realm{
		{"", map[string]int64{}, none, none, []string{"198.51.100.1"}},
		{"one", map[string]int64{"max-bps": 5}, []string{"http://example.com:80"}, []string{"192.0.2.0/24"}, none},
		{"two", map[string]int64{"user-quota": 7}, none, none, none},
	}
	if got, err := a.Realms(ctx); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, error %v", got, err)
	}
	if got, err := one.Realms(ctx); err != nil || !reflect.DeepEqual(got, want[1:2]) {
		t.Errorf("%+v, error %v", got, err)
	}
	for again := range 2 {
		_, err := a.RemoveOrigin(ctx, "HTTP://example.com")
		for what, err := range map[string]error{"option": one.UnsetOption(ctx, "max-bps"), "rule": one.ForgetPeers(ctx, "192.0.2.0/24"), "origin": err} {
			if gone, ok := err.(interface{ Absent() bool }); (err != nil) != (again > 0) || err != nil && (!ok || !gone.Absent()) {
				t.Errorf("%s, time %d: %v", what, again, err)
			}
		}
	}
	if got, err := a.Realms(ctx); err != nil || len(got) != 2 {
		t.Errorf("%+v, error %v", got, err)
	}
	for what, err := range map[string]error{
		"0": one.SetOption(ctx, "max-bps", 0), "negative": one.SetOption(ctx, "max-bps", -1), "unknown": one.SetOption(ctx, "max", 1), "range": one.AllowPeers(ctx, "nowhere"),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// A password is kept as coturn keeps it: the first hash is one of its own.
func TestAdminPassword(t *testing.T) {
	const coturns = "$5$3f42eb77b27f5eaf$2aebab69fe596448a6d6486b5212fbd8ba118ca9c5203329f282069236933680"
	made := Account{}.HashPassword("pw")
	if made == (Account{}).HashPassword("pw") || len(made) != len(coturns) {
		t.Errorf("%s", made)
	}
	for kept, want := range map[string]bool{
		coturns: true, made: true, strings.ToUpper(made): true, "pw": true, "": false, "$5$": false, "$5$3f42$aa": false, "$5$zz$aa": false, coturns + "0": false, "other": false,
	} {
		if got := checkAdminPassword(kept, "pw"); got != want {
			t.Errorf("%s: %v", kept, got)
		}
	}
	if checkAdminPassword(coturns, "pW") {
		t.Error("a wrong password is right")
	}
	if checkAdminPassword("", "") {
		t.Error("a row without a password lets in who gives none")
	}
}

// Administrators come and go; a check tells nobody who is there.
func TestAccountsAdmins(t *testing.T) {
	a, ctx := database(t, ""), t.Context()
	if err := a.SetAdmin(ctx, "boss", "pw", "", true); err != nil {
		t.Fatal(err)
	}
	if err := a.SetAdmin(ctx, "boss", "x", "", true); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("error %v", err)
	}
	if err := a.SetAdmin(ctx, "aide", "pw", "one", false); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Admins(ctx); err != nil || !reflect.DeepEqual(got, []Account{{Name: "boss"}, {Name: "aide", Realm: "one"}}) {
		t.Errorf("%+v, error %v", got, err)
	}
	if got, err := a.CheckAdmin(ctx, "aide", "pw"); err != nil || got.Realm != "one" {
		t.Errorf("%+v, error %v", got, err)
	}
	_, wrong := a.CheckAdmin(ctx, "aide", "x")
	_, nobody := a.CheckAdmin(ctx, "none", "x")
	if wrong == nil || nobody == nil || strings.ReplaceAll(wrong.Error(), "aide", "none") != nobody.Error() {
		t.Errorf("%v and %v", wrong, nobody)
	}
	for name, password := range map[string]string{"": "x", "x": "", "a\nb": "x", strings.Repeat("x", 33): "x"} {
		if err := a.SetAdmin(ctx, name, password, "", false); err == nil {
			t.Errorf("%q %q: no error", name, password)
		}
	}
	if err := a.RemoveAdmin(ctx, "boss"); err != nil {
		t.Error(err)
	}
	if err := a.RemoveAdmin(ctx, "boss"); err == nil {
		t.Error("removed twice")
	}
}

// Keys of authorization servers have the length that their cipher wants, and are in
// no list unless they are asked for.
func TestAccountsOAuthKeys(t *testing.T) {
	a, ctx, now := database(t, "one"), t.Context(), time.Unix(1_700_000_000, 5)
	k, err := a.AddOAuthKey(ctx, "kid", "", "A256GCM", time.Hour, now)
	if err != nil || len(k.Key) != 44 || k.Expires.Unix() != 1_700_003_600 {
		t.Fatalf("%+v, error %v", k, err)
	}
	if got, err := a.OAuthKey(ctx, "kid"); err != nil || !reflect.DeepEqual(got, k) {
		t.Errorf("%+v, error %v", got, err)
	}
	if got, err := a.OAuthKeys(ctx, false); err != nil || len(got) != 1 || got[0].Key != "" || got[0].KID != "kid" {
		t.Errorf("%+v, error %v", got, err)
	}
	for what, args := range map[string][2]string{"short": {"c2hvcnQ=", "A128GCM"}, "base64": {"CANARY!", "A128GCM"}, "cipher": {"", "A1"}} {
		if _, err := a.AddOAuthKey(ctx, "new", args[0], args[1], 0, now); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := a.AddOAuthKey(ctx, "kid", "", "A128GCM", 0, now); err == nil {
		t.Error("a key was replaced")
	}
	if err := a.RemoveOAuthKey(ctx, "kid"); err != nil {
		t.Error(err)
	}
	if _, err := a.OAuthKey(ctx, "kid"); err == nil {
		t.Error("it is still there")
	}
}
