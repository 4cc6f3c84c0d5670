package stun

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRequired(t *testing.T) {
	for typ, want := range map[AttrType]bool{
		0x0000: true, AttrUsername: true, 0x7FFF: true,
		AttrAdditionalAddressFamily: false, AttrSoftware: false, 0xFFFF: false,
	} {
		if typ.Required() != want {
			t.Errorf("Required of %#04x is %v", uint16(typ), !want)
		}
	}
}

// The numbers in the registries of RFC 8489, RFC 8656, RFC 6062, RFC 7635 and
// RFC 8016.
func TestAttributeNumbers(t *testing.T) {
	for typ, want := range map[AttrType]uint16{
		AttrMappedAddress: 0x0001, AttrUsername: 0x0006, AttrMessageIntegrity: 0x0008,
		AttrErrorCode: 0x0009, AttrUnknownAttributes: 0x000A, AttrChannelNumber: 0x000C,
		AttrLifetime: 0x000D, AttrXORPeerAddress: 0x0012, AttrData: 0x0013,
		AttrRealm: 0x0014, AttrNonce: 0x0015, AttrXORRelayedAddress: 0x0016,
		AttrRequestedAddressFamily: 0x0017, AttrEvenPort: 0x0018,
		AttrRequestedTransport: 0x0019, AttrDontFragment: 0x001A,
		AttrMessageIntegritySHA256: 0x001C, AttrPasswordAlgorithm: 0x001D,
		AttrUserhash: 0x001E, AttrXORMappedAddress: 0x0020, AttrReservationToken: 0x0022,
		AttrConnectionID: 0x002A, AttrAdditionalAddressFamily: 0x8000,
		AttrAddressErrorCode: 0x8001, AttrPasswordAlgorithms: 0x8002,
		AttrAlternateDomain: 0x8003, AttrICMP: 0x8004, AttrSoftware: 0x8022,
		AttrAlternateServer: 0x8023, AttrFingerprint: 0x8028, AttrMobilityTicket: 0x8030,
	} {
		if uint16(typ) != want {
			t.Errorf("%#04x should be %#04x", uint16(typ), want)
		}
	}
}

// list writes the attributes that count as "type=value" words.
func list(m *Message) string {
	var words []string
	for typ, v := range m.Attributes() {
		words = append(words, fmt.Sprintf("%x=%s", uint16(typ), v))
	}
	return strings.Join(words, " ")
}

// R-8489-9-a, R-8489-9-b (RFC 8489, 9), A-C21: what stands behind the integrity
// attribute is not there, whoever asks; only MESSAGE-INTEGRITY-SHA256 and
// FINGERPRINT are.
func TestNothingCountsBehindIntegrity(t *testing.T) {
	var (
		software    = tlv(AttrSoftware, 2, "sw\x00\x00")
		nonce       = tlv(AttrNonce, 1, "n\x00\x00\x00")
		lifetime    = tlv(AttrLifetime, 4, "\x00\x00\x00\x00")
		peer        = tlv(AttrXORPeerAddress, 4, "peer")
		unknown     = tlv(0x7777, 0, "")
		integrity   = tlv(AttrMessageIntegrity, 4, "sha1")
		sha256      = tlv(AttrMessageIntegritySHA256, 4, "s256")
		second256   = tlv(AttrMessageIntegritySHA256, 4, "2nd2")
		fingerprint = tlv(AttrFingerprint, 4, "crc_")
	)
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"no integrity", raw(software, lifetime, fingerprint), "8022=sw d=\x00\x00\x00\x00 8028=crc_"},
		{"integrity last", raw(software, integrity), "8022=sw 8=sha1"},
		{"with fingerprint", raw(software, integrity, fingerprint), "8022=sw 8=sha1 8028=crc_"},
		{"lifetime behind", raw(software, integrity, lifetime), "8022=sw 8=sha1"},
		{"others behind", raw(nonce, integrity, peer, unknown, fingerprint), "15=n 8=sha1 8028=crc_"},
		{"both integrities", raw(nonce, integrity, sha256, fingerprint), "15=n 8=sha1 1c=s256 8028=crc_"},
		{"between the two", raw(nonce, integrity, peer, sha256, lifetime), "15=n 8=sha1 1c=s256"},
		{"behind sha256 alone", raw(nonce, sha256, peer, unknown, fingerprint), "15=n 1c=s256 8028=crc_"},
		{"sha1 behind sha256", raw(nonce, sha256, peer, integrity), "15=n 1c=s256"},
		{"two of sha256", raw(nonce, sha256, second256), "15=n 1c=s256"},
		{"integrity first", raw(integrity, nonce, peer), "8=sha1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := mustParse(t, tt.b)
			if got := list(&m); got != tt.want {
				t.Errorf("Attributes yields %q, want %q", got, tt.want)
			}
			// Get sees the same as Attributes.
			for _, typ := range []AttrType{AttrSoftware, AttrNonce, AttrLifetime, AttrXORPeerAddress, 0x7777,
				AttrMessageIntegrity, AttrMessageIntegritySHA256, AttrFingerprint} {
				v, ok := m.Get(typ)
				word := fmt.Sprintf("%x=%s", uint16(typ), v)
				if ok != strings.Contains(" "+tt.want+" ", " "+word+" ") {
					t.Errorf("Get(%#x) = %q, %v", uint16(typ), v, ok)
				}
			}
		})
	}
}

// R-8489-14-b (RFC 8489, 14): the first of several is the one that Get finds;
// Attributes has them all.
func TestFirstOccurrence(t *testing.T) {
	m := mustParse(t, raw(tlv(AttrXORPeerAddress, 3, "one\xff"), tlv(AttrData, 0, ""), tlv(AttrXORPeerAddress, 4, "two.")))
	if v, ok := m.Get(AttrXORPeerAddress); string(v) != "one" || !ok {
		t.Errorf("Get = %q, %v", v, ok)
	}
	if v, ok := m.Get(AttrData); len(v) != 0 || !ok {
		t.Errorf("Get of an empty attribute = %q, %v", v, ok)
	}
	if got, want := list(&m), "12=one 13= 12=two."; got != want {
		t.Errorf("Attributes yields %q, want %q", got, want)
	}
}

func TestAttributesStops(t *testing.T) {
	m := mustParse(t, raw(tlv(AttrData, 0, ""), tlv(AttrNonce, 0, ""), tlv(AttrRealm, 0, "")))
	seen := 0
	for typ := range m.Attributes() {
		if seen++; typ == AttrNonce {
			break
		}
	}
	if seen != 2 {
		t.Errorf("%d attributes before the break", seen)
	}
}

// R-8489-14-a (RFC 8489, 14): whatever the padding holds, the value is the same.
func TestPaddingIgnored(t *testing.T) {
	for n := range 4 {
		pad := strings.Repeat("\xff", (4-n)%4)
		m := mustParse(t, raw(tlv(AttrRealm, n, "rlm"[:n]+pad), tlv(AttrNonce, 4, "next")))
		if v, _ := m.Get(AttrRealm); string(v) != "rlm"[:n] {
			t.Errorf("%d bytes: %q", n, v)
		}
		if v, _ := m.Get(AttrNonce); string(v) != "next" {
			t.Errorf("%d bytes: the next attribute is %q", n, v)
		}
	}
}

// R-8656-18-b (RFC 8656, 18): LIFETIME is four bytes and nothing else.
func TestUint32(t *testing.T) {
	m := mustParse(t, raw(tlv(AttrLifetime, 4, "\x00\x00\x02\x58")))
	if v, err := m.Uint32(AttrLifetime); v != 600 || err != nil {
		t.Errorf("Uint32 = %d, %v", v, err)
	}
	if _, err := m.Uint32(AttrConnectionID); !errors.Is(err, ErrNoAttribute) {
		t.Errorf("absent: %v", err)
	}
	for _, n := range []int{0, 1, 2, 3, 5, 8} {
		m := mustParse(t, raw(tlv(AttrLifetime, n, strings.Repeat("\x01", padded(n)))))
		if v, err := m.Uint32(AttrLifetime); v != 0 || !errors.Is(err, ErrAttribute) {
			t.Errorf("%d bytes: %d, %v", n, v, err)
		}
	}
}
