package load

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

var testPeer = netip.MustParseAddrPort("127.0.0.1:9")

// respond builds what a server could answer to the request of a session.
func respond(s *session, method stun.Method, class stun.Class, add func(*stun.Builder)) []byte {
	b := stun.NewBuilder(nil, method, class, s.id)
	if add != nil {
		add(&b)
	}
	return b.Bytes()
}

// challengeWith adds what comes with a 401 or a 438.
func challengeWith(code int, realm, nonce string) func(*stun.Builder) {
	return func(b *stun.Builder) {
		b.AddError(code, "no")
		b.AddString(stun.AttrRealm, realm)
		b.AddString(stun.AttrNonce, nonce)
	}
}

// newSession is one whose first request is on its way.
func newSession() (*session, *identity) {
	s := &session{channel: 0x4000}
	s.fresh()
	return s, &identity{username: "alice", password: "secret"}
}

// parsed reads a request back.
func parsed(t *testing.T, s *session, u *identity) stun.Message {
	t.Helper()
	m, err := stun.Parse(s.request(nil, u, testPeer))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSessionGoesFromChallengeToRelease(t *testing.T) {
	s, u := newSession()
	m := parsed(t, s, u)
	if _, signed := m.Integrity(); m.Method != stun.MethodAllocate || signed {
		t.Fatalf("the first request is %v, signed: %v", m.Method, signed)
	}
	s.handle(respond(s, stun.MethodAllocate, stun.ClassError, challengeWith(401, "here", "n1")), u)

	m = parsed(t, s, u)
	key, err := auth.LongTermKey("alice", "here", "secret")
	if err != nil {
		t.Fatal(err)
	}
	nonce, _ := m.Get(stun.AttrNonce)
	if m.Method != stun.MethodAllocate || string(nonce) != "n1" || !m.CheckIntegrity(key) {
		t.Fatalf("after the challenge: %v with nonce %q", m.Method, nonce)
	}
	relayed := netip.MustParseAddrPort("192.0.2.7:50000")
	s.handle(respond(s, stun.MethodAllocate, stun.ClassSuccess, func(b *stun.Builder) {
		b.AddXORAddress(stun.AttrXORRelayedAddress, relayed)
	}), u)

	m = parsed(t, s, u)
	peer, err := m.XORAddress(stun.AttrXORPeerAddress)
	if m.Method != stun.MethodChannelBind || peer != testPeer || err != nil || !m.CheckIntegrity(key) {
		t.Fatalf("after the allocation: %v to %v, %v", m.Method, peer, err)
	}
	s.handle(respond(s, stun.MethodChannelBind, stun.ClassSuccess, nil), u)
	if s.step != ready || s.relayed != relayed {
		t.Fatalf("after the channel: %v at %v", s.step, s.relayed)
	}

	s.step = release
	s.fresh()
	m = parsed(t, s, u)
	if life, err := m.Uint32(stun.AttrLifetime); m.Method != stun.MethodRefresh || life != 0 || err != nil {
		t.Fatalf("the release is %v with lifetime %d, %v", m.Method, life, err)
	}
	s.handle(respond(s, stun.MethodRefresh, stun.ClassSuccess, nil), u)
	if s.step != gone || s.failed != nil {
		t.Fatalf("after the release: %v, %v", s.step, s.failed)
	}
}

// A nonce may grow old on the way, once for each request.
func TestSessionTakesANewNonceOnce(t *testing.T) {
	s, u := newSession()
	s.handle(respond(s, stun.MethodAllocate, stun.ClassError, challengeWith(401, "here", "n1")), u)
	s.handle(respond(s, stun.MethodAllocate, stun.ClassError, challengeWith(438, "here", "n2")), u)
	if s.step != allocate || string(s.nonce) != "n2" {
		t.Fatalf("after a stale nonce: %v with nonce %q, %v", s.step, s.nonce, s.failed)
	}
	s.handle(respond(s, stun.MethodAllocate, stun.ClassError, challengeWith(438, "here", "n3")), u)
	if s.step != gone || s.failed == nil || !strings.Contains(s.failed.Error(), "438") {
		t.Fatalf("after another: %v, %v", s.step, s.failed)
	}
}

func TestSessionFailsWithAReason(t *testing.T) {
	challenged := func(s *session, u *identity) {
		s.handle(respond(s, stun.MethodAllocate, stun.ClassError, challengeWith(401, "here", "n")), u)
	}
	for _, c := range []struct {
		reason string
		before func(*session, *identity)
		class  stun.Class
		add    func(*stun.Builder)
	}{
		{"401", challenged, stun.ClassError, challengeWith(401, "here", "n")},
		{"486", challenged, stun.ClassError, func(b *stun.Builder) { b.AddError(486, "quota") }},
		{"no relayed address", challenged, stun.ClassSuccess, nil},
		{"no realm", nil, stun.ClassError, func(b *stun.Builder) { b.AddError(401, "no") }},
		{"without a code", nil, stun.ClassError, nil},
		{"without credentials", nil, stun.ClassSuccess, nil},
	} {
		s, u := newSession()
		if c.before != nil {
			c.before(s, u)
		}
		s.handle(respond(s, stun.MethodAllocate, c.class, c.add), u)
		if s.step != gone || s.failed == nil || !strings.Contains(s.failed.Error(), c.reason) {
			t.Errorf("want a failure with %q, got %v, %v", c.reason, s.step, s.failed)
		}
	}
}

// What is not the answer to the request on its way changes nothing.
func TestSessionIgnoresWhatItDidNotAsk(t *testing.T) {
	s, u := newSession()
	other := *s
	other.fresh()
	before := s.id
	for _, msg := range [][]byte{
		nil,
		{0x40, 0x00, 0x00, 0x01, 0xFF},
		respond(&other, stun.MethodAllocate, stun.ClassError, challengeWith(401, "here", "n")),
		respond(s, stun.MethodData, stun.ClassIndication, nil),
		respond(s, stun.MethodAllocate, stun.ClassRequest, nil),
	} {
		if s.handle(msg, u) || s.step != challenge || s.id != before {
			t.Errorf("moved to %v by %x", s.step, msg)
		}
	}
	s.step = ready
	if s.handle(respond(s, stun.MethodAllocate, stun.ClassSuccess, nil), u) {
		t.Error("a session that is ready took an answer")
	}
}

func TestIPv6PeersAskForAnIPv6Address(t *testing.T) {
	s, u := newSession()
	for peer, want := range map[string]bool{"127.0.0.1:9": false, "[::1]:9": true} {
		m, err := stun.Parse(s.request(nil, u, netip.MustParseAddrPort(peer)))
		if err != nil {
			t.Fatal(err)
		}
		if v, got := m.Get(stun.AttrRequestedAddressFamily); got != want || (got && !bytes.Equal(v, []byte{2, 0, 0, 0})) {
			t.Errorf("peer %s: family %x", peer, v)
		}
	}
}

func TestIdentityWithASecretIsValidForTheRun(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	u := newIdentity(Options{Secret: "s", Username: "id"}, now)
	rest := auth.REST{Separator: ':'}
	if err := rest.Valid(u.username, now.Add(maxDuration), 0); err != nil {
		t.Errorf("user %q: %v", u.username, err)
	}
	if u.password != rest.Password("s", u.username) {
		t.Errorf("password %q", u.password)
	}
}
