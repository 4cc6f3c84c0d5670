package turn

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// signedBy makes an Allocate request with the attributes in the given order.
func signedBy(w *world, from FiveTuple, key auth.Key, order string, username string) []byte {
	b := stun.NewBuilder(nil, stun.MethodAllocate, stun.ClassRequest, w.transactionID(""))
	b.AddTransport(protocolUDP)
	for _, o := range order {
		switch o {
		case 'u':
			b.AddString(stun.AttrUsername, username)
		case 'r':
			b.AddString(stun.AttrRealm, testRealm)
		case 'n':
			b.Add(stun.AttrNonce, w.nonces.Append(nil, w.s.wall(w.now), nonceBinding(from)))
		case 'i':
			b.AddIntegrity(key)
		case 's': // a short one
			b.Add(stun.AttrMessageIntegrity, make([]byte, 16))
		}
	}
	return b.Bytes()
}

// A-A06, R-8489-14.3-a (RFC 8489, 14.3): whatever a name is made of, it is looked
// up as it came, byte by byte, and the request gets an answer.
// R-8489-14.3-b (RFC 8489, 14.3): what can be no prepared name is nobody's, which
// takes no look-up, and looks from outside like any other unknown name.
func TestOddNames(t *testing.T) {
	long := strings.Repeat("n", 763)
	for _, name := range []string{"", long[:508], long[:509], long, long + "n", "\xff\xfe", "user\x00admin", "u ", "U",
		"e\u0301", "\u00e9", "\u202eadmin", "u\r\nlevel=ERROR", "%s%n", "' OR '1'='1"} {
		w := newWorld(t, Options{})
		from := FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
		w.clients["a"] = from
		w.packet("a", signedBy(w, from, make(auth.Key, 16), "urni", name))
		switch _, err := auth.OpaqueString(name); {
		case err != nil:
			if len(w.out.Lookups) != 0 {
				t.Errorf("%q: looked up %+v", name, w.out.Lookups)
			}
		case len(w.out.Lookups) != 1 || w.out.Lookups[0].Username != name:
			t.Errorf("%q: looked up %+v", name, w.out.Lookups)
		}
		got := strings.Join(w.drain(), "\n")
		if !strings.Contains(got, `Allocate error 401 realm="example.org" nonce`) {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// R-8489-14.3-b, R-8489-14.9-b (RFC 8489, 14.3 and 14.9): two spellings of a name
// are one user, who is counted once and whose allocation answers to both; so are
// two spellings of the realm, which clients are told prepared.
func TestSpellings(t *testing.T) {
	const composed, decomposed = "caf\u00e9", "cafe\u0301"
	w := newWorld(t, Options{})
	w.users[composed], w.users[decomposed] = "secret", "secret"
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
	do := func(line string) string {
		w.do(strings.Fields(line))
		return strings.Join(w.drain(), "\n")
	}
	if got := do("a allocate transport=17 user=" + decomposed); !strings.Contains(got, "lookup "+decomposed) ||
		!strings.Contains(got, "Allocate success") || !strings.Contains(got, `token="" user=`+composed) {
		t.Errorf("allocate: %s", got)
	}
	if got := do("a refresh user=" + composed); !strings.Contains(got, "Refresh success") {
		t.Errorf("refresh under the other spelling: %s", got)
	}
	w.s = NewServer(Options{Realm: decomposed, Start: testStart, Nonces: w.nonces, Policy: testPolicy()})
	if got := do("a allocate unsigned"); !strings.Contains(got, `realm="`+composed+`"`) {
		t.Errorf("challenge: %s", got)
	}
	for _, realm := range []string{composed, decomposed} {
		if !w.s.serves(&request{realm: w.s.o.Realm}, []byte(realm)) {
			t.Errorf("%+q is another realm than %+q", realm, decomposed)
		}
	}
	for _, realm := range []string{"cafe", "", "\xff"} {
		if w.s.serves(&request{realm: w.s.o.Realm}, []byte(realm)) {
			t.Errorf("%q is the realm %+q", realm, decomposed)
		}
	}
}

// A-A12: a signature that is short, doubled, or stands before what it should
// vouch for.
func TestOddSignatures(t *testing.T) {
	key, err := auth.LongTermKey("u", testRealm, "secret")
	if err != nil {
		t.Fatal(err)
	}
	for order, want := range map[string]string{
		"urni": "success", "nrui": "success",
		"urns": "error 401", "urnii": "error 401", "urnsi": "error 401", "urnis": "error 401",
		"rniu": "error 400", "iurn": "error 400", "urin": "error 400", "unir": "error 400",
	} {
		w := newWorld(t, Options{})
		from := FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
		w.clients["a"] = from
		w.packet("a", signedBy(w, from, key, order, "u"))
		if got := strings.Join(w.drain(), "\n"); !strings.Contains(got, "Allocate "+want) {
			t.Errorf("%s: %s", order, got)
		}
	}
}

// R-8656-6-b (RFC 8656, 6): of the password nothing stays in an allocation.
func TestAllocationKeepsNoPassword(t *testing.T) {
	w := boundWorld(t, UDP)
	a := w.s.clients[keyOf(w.clients["a"])]
	key, err := auth.LongTermKey("u", testRealm, "secret")
	if err != nil {
		t.Fatal(err)
	}
	got, asBytes := fmt.Sprintf("%+v", *a), strings.Trim(fmt.Sprint([]byte("secret")), "[]")
	if strings.Contains(got, "secret") || strings.Contains(got, asBytes) || !strings.Contains(got, fmt.Sprint([]byte(key))) {
		t.Errorf("an allocation holds %s", got)
	}
}
