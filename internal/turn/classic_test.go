package turn

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"

	"iceserver/internal/stun"
)

// R-8489-11-a, R-7350-3-a (RFC 8489, 11; RFC 7350, 3): over DTLS a request of the
// old kind gets a 500 that it can recognise by its 128 bits, as long as the
// source has answers left; what is no request gets nothing. X3, R-8656-5-j: over
// the other transports nobody gets anything.
func TestClassic(t *testing.T) {
	const id = "0102030405060708090a0b0c0d0e0f10"
	cases := []struct {
		name, packet string
		proto        Proto
		answer       string
	}{
		{"binding", "00010000" + id, DTLS, "01110008" + id + "0009000400000500"},
		{"shared secret", "00020000" + id, DTLS, "01120008" + id + "0009000400000500"},
		{"allocate", "00030008" + id + "0019000411000000", DTLS, "01130008" + id + "0009000400000500"},
		{"indication", "00110000" + id, DTLS, ""},
		{"response", "01010000" + id, DTLS, ""},
		{"cut short", "00010004" + id, DTLS, ""},
		{"overrun", "00010004" + id + "00060004", DTLS, ""},
		{"UDP", "00010000" + id, UDP, ""},
		{"TCP", "00010000" + id, TCP, ""},
		{"TLS", "00010000" + id, TLS, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{Fingerprint: true, ChallengeRate: 1})
			from := FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000"), Proto: c.proto}
			pkt, err := hex.DecodeString(c.packet)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				w.s.Client(w.now, from, headroom(pkt), &w.out)
			}
			want := 0
			if c.answer != "" {
				want = 1
			}
			if len(w.out.Sends) != want {
				t.Fatalf("%d answers to two, want %d", len(w.out.Sends), want)
			}
			if want == 1 && hex.EncodeToString(w.out.Sends[0].Buf) != c.answer {
				t.Errorf("answered %x, want %s", w.out.Sends[0].Buf, c.answer)
			}
			if dropped := w.out.Drops[DropMalformed] + w.out.Drops[DropRateLimit]; dropped != uint64(2-want) {
				t.Errorf("%d counted as dropped", dropped)
			}
		})
	}
}

// A wrong cookie in front of a good message is not enough to be taken for one.
func TestClassicHasNoCookie(t *testing.T) {
	w := newWorld(t, Options{})
	from := FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000"), Proto: DTLS}
	msg := w.build(from, "allocate", []string{"transport=17"})
	binary.BigEndian.PutUint32(msg[4:], stun.MagicCookie^1)
	w.s.Client(w.now, from, headroom(msg), &w.out)
	if len(w.out.Opens)+len(w.out.Lookups) != 0 || len(w.out.Sends) != 1 {
		t.Errorf("%d sends, %d look-ups, %d opens", len(w.out.Sends), len(w.out.Lookups), len(w.out.Opens))
	}
}
