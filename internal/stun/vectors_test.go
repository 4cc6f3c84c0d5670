package stun

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
)

const icePassword = "VOkJxbRl1RmTxUk/WvJxBt"

// longTermKey is made here from the password as it is after preparation, which
// is the work of another package.
func longTermKey() []byte {
	key := md5.Sum([]byte("マトリックス:example.org:TheMatrIX"))
	return key[:]
}

func vector(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/rfc5769-" + name + ".hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustParse(t testing.TB, b []byte) Message {
	t.Helper()
	m, err := Parse(b)
	if err != nil {
		t.Fatalf("Parse(%x): %v", b, err)
	}
	return m
}

// checkSums requires that the sums which the vector has are right and that a
// wrong key is noticed.
func checkSums(t *testing.T, m Message, key []byte, fingerprint bool) {
	t.Helper()
	if !m.CheckIntegrity(key) {
		t.Error("MESSAGE-INTEGRITY does not verify")
	}
	if m.CheckIntegrity(append([]byte("x"), key...)) {
		t.Error("MESSAGE-INTEGRITY verifies with a wrong key")
	}
	if present, ok := m.CheckFingerprint(); present != fingerprint || ok != fingerprint {
		t.Errorf("CheckFingerprint = %v, %v", present, ok)
	}
}

// R-5769-2.1-a (RFC 5769, 2.1): the request, whose user name is padded with
// spaces: they count in both sums as they came.
func TestVectorRequest(t *testing.T) {
	m := mustParse(t, vector(t, "request"))
	if m.Method != MethodBinding || m.Class != ClassRequest {
		t.Errorf("a %v %v", m.Method, m.Class)
	}
	want := TransactionID{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}
	if m.ID != want {
		t.Errorf("id %x", m.ID)
	}
	if v, _ := m.Get(AttrUsername); string(v) != "evtj:h6vY" {
		t.Errorf("USERNAME %q", v)
	}
	if v, _ := m.Get(AttrSoftware); string(v) != "STUN test client" {
		t.Errorf("SOFTWARE %q", v)
	}
	if v, err := m.Uint32(AttrPriority); v != 0x6e0001ff || err != nil {
		t.Errorf("PRIORITY %#x, %v", v, err)
	}
	checkSums(t, m, []byte(icePassword), true)
}

// R-5769-2.2-a, R-5769-2.3-a (RFC 5769, 2.2 and 2.3): the responses, with one
// address of each family.
func TestVectorResponses(t *testing.T) {
	for name, want := range map[string]string{
		"response4": "192.0.2.1:32853",
		"response6": "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
	} {
		t.Run(name, func(t *testing.T) {
			m := mustParse(t, vector(t, name))
			if m.Method != MethodBinding || m.Class != ClassSuccess {
				t.Errorf("a %v %v", m.Method, m.Class)
			}
			got, err := m.XORAddress(AttrXORMappedAddress)
			if got != netip.MustParseAddrPort(want) || err != nil {
				t.Errorf("XOR-MAPPED-ADDRESS %v, %v", got, err)
			}
			if v, _ := m.Get(AttrSoftware); string(v) != "test vector" {
				t.Errorf("SOFTWARE %q", v)
			}
			checkSums(t, m, []byte(icePassword), true)
		})
	}
}

// R-5769-2.4-a (RFC 5769, 2.4): the request with long-term credentials, which
// has no FINGERPRINT.
func TestVectorLongTerm(t *testing.T) {
	m := mustParse(t, vector(t, "longterm"))
	for typ, want := range map[AttrType]string{
		AttrUsername: "マトリックス",
		AttrRealm:    "example.org",
		AttrNonce:    "f//499k954d6OL34oL9FSTvy64sA",
	} {
		if v, ok := m.Get(typ); string(v) != want || !ok {
			t.Errorf("attribute %#x is %q", uint16(typ), v)
		}
	}
	checkSums(t, m, longTermKey(), false)
}

// R-5769-neg-a (RFC 5769): no bit of a vector can be turned without either sum,
// or the message itself, being refused.
func TestVectorsEveryBitMatters(t *testing.T) {
	for name, key := range map[string][]byte{
		"request":   []byte(icePassword),
		"response4": []byte(icePassword),
		"response6": []byte(icePassword),
		"longterm":  longTermKey(),
	} {
		b := vector(t, name)
		hasFingerprint := name != "longterm"
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			m, err := Parse(b)
			_, fingerprint := m.CheckFingerprint()
			if err == nil && m.CheckIntegrity(key) && fingerprint == hasFingerprint {
				t.Errorf("%s: bit %d of byte %d goes unnoticed", name, bit%8, bit/8)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		if m := mustParse(t, b); !m.CheckIntegrity(key) {
			t.Errorf("%s: the test did not restore the vector", name)
		}
	}
}

// The Builder makes the same bytes as the authors of RFC 5769 where both pad
// with zeros.
func TestVectorRebuilt(t *testing.T) {
	want := vector(t, "longterm")
	m := mustParse(t, want)
	b := NewBuilder(nil, m.Method, m.Class, m.ID)
	b.AddString(AttrUsername, "マトリックス")
	b.AddString(AttrNonce, "f//499k954d6OL34oL9FSTvy64sA")
	b.AddString(AttrRealm, "example.org")
	b.AddIntegrity(longTermKey())
	if got := b.Bytes(); string(got) != string(want) {
		t.Errorf("built\n%x, the vector is\n%x", got, want)
	}
}
