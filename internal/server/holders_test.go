package server

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/auth"
	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// testHolders opens links in a directory of its own, with one that is good.
func testHolders(t *testing.T, anonymous bool) (*holders, Link) {
	t.Helper()
	a, err := openAccess(load(t, "realm=r\nuser=alice:pw"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := openHolders(a, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.anonymous.Store(anonymous)
	t.Cleanup(func() { l.db.Close() })
	made, err := addLink(t.Context(), l.db, LinkOptions{Quota: 3}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l, made
}

// mintFor makes a credential for a holder as the API does.
func (h *holders) mintFor(holder string, expires time.Time) (username, password string) {
	return h.rest.Load().Mint(h.secret, holder, expires)
}

// Who is let in by a credential of a link: for as long as it and the link are
// good, with the one password, beside whoever else is configured.
//
// H-04: revoking a link ends the credentials that were made with it.
// R-REST-4-a (TURN REST draft, 4): one that has run out is refused.
func TestLinkKeys(t *testing.T) {
	l, made := testHolders(t, false)
	k := holderKeys{store.NewKeys(store.KeysOptions{Secrets: []string{"operator's"}}), l}
	now := time.Now()
	good, password := l.mintFor(made.ID+".tab", now.Add(time.Hour))
	right, err := auth.LongTermKey(good, "r", password)
	if err != nil {
		t.Fatal(err)
	}
	if keys, ok := k.Known(now, "r", good); !ok || len(keys.Keys) != 1 || string(keys.Keys[0]) != string(right) {
		t.Errorf("%d keys, known %v", len(keys.Keys), ok)
	}
	old, password := l.mintFor(made.ID, now.Add(-time.Minute))
	right, err = auth.LongTermKey(old, "r", password)
	if err != nil {
		t.Fatal(err)
	}
	if keys, ok := k.Known(now, "r", old); !ok || len(keys.Keys) != 0 || len(keys.Expired) != 1 || string(keys.Expired[0]) != string(right) {
		t.Errorf("one that has run out: %d keys and %d expired, known %v", len(keys.Keys), len(keys.Expired), ok)
	}
	// Names that only look alike are the operator's own, or nobody's.
	for _, name := range []string{"bob", "link-aaaaaaaa", "anon-aaaaaaaa"} {
		foreign, _ := auth.REST{}.Mint("operator's", name, now.Add(time.Hour))
		if keys, ok := k.Known(now, "r", foreign); !ok || len(keys.Keys) != 1 {
			t.Errorf("%s: %d keys, known %v", foreign, len(keys.Keys), ok)
		}
	}
	if err := l.db.Revoke(t.Context(), made.ID, now); err != nil {
		t.Fatal(err)
	}
	if err := l.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{good, old} {
		if keys, ok := k.Known(now, "r", name); !ok || len(keys.Keys)+len(keys.Expired) != 0 {
			t.Errorf("of a revoked link: %d keys and %d expired, known %v", len(keys.Keys), len(keys.Expired), ok)
		}
	}
}

// Without a key nobody has a credential, unless strangers may.
//
// H-19: and then they are counted as such, with few allocations.
func TestAnonymousKeys(t *testing.T) {
	for _, anonymous := range []bool{false, true} {
		l, _ := testHolders(t, anonymous)
		k := holderKeys{store.NewKeys(store.KeysOptions{}), l}
		name, _ := l.mintFor("anon-abcdefgh.x", time.Now().Add(time.Minute))
		keys, _ := k.Known(time.Now(), "r", name)
		if (len(keys.Keys) == 1) != anonymous {
			t.Errorf("anonymous %v: %d keys", anonymous, len(keys.Keys))
		}
		if n := l.limit("anon-abcdefgh"); (n == admin.AnonymousQuota) != anonymous {
			t.Errorf("anonymous %v: limit %d", anonymous, n)
		}
	}
}

// R-REST-4-d (TURN REST draft, 4): whatever its holder writes behind the link's
// id, and however often a credential is made anew, it is one holder.
func TestLinkQuota(t *testing.T) {
	l, made := testHolders(t, false)
	for _, tt := range []struct {
		name, id string
		limit    int
	}{
		{"2000000000:" + made.ID, made.ID, 3}, {"2000000001:" + made.ID + ".tab", made.ID, 3},
		{"2000000000:link-unknown.x", "link-unknown.x", 0}, {"2000000000:alice", "alice", 0}, {"alice", "alice", 0},
	} {
		if id := l.quotaID(tt.name); id != tt.id || l.limit(id) != tt.limit {
			t.Errorf("%s is counted as %s, up to %d", tt.name, id, l.limit(id))
		}
	}
}

// What the relay tells becomes what the holder of a link reads; what is about
// nobody's link is forgotten.
func TestObserve(t *testing.T) {
	l, made := testHolders(t, true)
	from := turn.FiveTuple{Proto: turn.TCP}
	peer := netip.MustParseAddrPort("10.0.0.1:0")
	name := "2000000000:" + made.ID + ".tab"
	for _, e := range []turn.Event{
		{Kind: turn.Refused, From: from, Username: name, Method: "CreatePermission", Code: 403, Cause: turn.CausePolicy, Rule: "10.0.0.0/8", Peer: peer},
		{Kind: turn.Allocated, From: from, Username: name}, {Kind: turn.Permitted, From: from, Username: name, Peer: netip.MustParseAddrPort("[2001:db8::1]:9")},
		{Kind: turn.Deleted, From: from, Username: name}, {Kind: turn.Refused, Username: "alice"}, {Kind: turn.Refused, Username: "2000000000:anon-x"},
		{Kind: turn.Refused, Username: "2000000000:link-unknown"},
	} {
		l.observe(e)
	}
	var got []string
	for _, a := range attemptsOf(t, l, made.Key) {
		got = append(got, strings.Join([]string{a.Method, a.Cause, a.Rule, a.Peer, a.Transport}, " "))
	}
	want := "CreatePermission peer-policy 10.0.0.0/8 10.0.0.1 TCP;Allocate    TCP;CreatePermission   [2001:db8::1]:9 TCP"
	if s := strings.Join(got, ";"); s != want {
		t.Errorf("got %s\nwant %s", s, want)
	}
}

// What may not be a link is refused with what to do.
func TestAddLinkRefuses(t *testing.T) {
	l, _ := testHolders(t, false)
	for want, o := range map[string]LinkOptions{
		"--ttl": {Life: time.Second}, "--max-ttl": {MaxTTL: -1}, "between": {MaxTTL: 1000 * time.Hour}, "quota": {Quota: -1},
		"characters": {Label: strings.Repeat("x", 65)}, "control": {Label: "a\nb"},
	} {
		if _, err := addLink(t.Context(), l.db, o, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}
