package stun

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// R-8656-12.4-a, R-8656-12.5-b, R-8656-12.6-a (RFC 8656, 12.4 to 12.6): empty
// data is fine, padding is let through, short datagrams and reserved numbers
// are not. A-O03: a claimed length beyond the datagram yields nothing.
func TestParseChannelData(t *testing.T) {
	tests := []struct {
		name, b string
		number  uint16
		data    string
		err     error
	}{
		{"lowest", "\x40\x00\x00\x04data", 0x4000, "data", nil},
		{"highest", "\x4f\xff\x00\x04data", 0x4FFF, "data", nil},
		{"no data", "\x40\x01\x00\x00", 0x4001, "", nil},
		{"padded", "\x40\x01\x00\x01d\x00\x00\x00", 0x4001, "d", nil},
		{"padding not zero", "\x40\x01\x00\x02dt\xff\xff", 0x4001, "dt", nil},
		{"more behind", "\x40\x01\x00\x02dtmore than padding", 0x4001, "dt", nil},
		{"nothing", "", 0, "", ErrShort},
		{"three bytes", "\x40\x01\x00", 0, "", ErrShort},
		{"a byte short", "\x40\x01\x00\x05data", 0, "", ErrShort},
		{"length 35510", "\x40\x01\x8a\xb6data", 0, "", ErrShort},
		{"length 65535", "\x40\x01\xff\xffdata", 0, "", ErrShort},
		{"number 0", "\x00\x00\x00\x04data", 0, "", ErrChannel},
		{"number 0x3FFF", "\x3f\xff\x00\x04data", 0, "", ErrChannel},
		{"number 0x5000", "\x50\x00\x00\x04data", 0, "", ErrChannel},
		{"number 0x7FFF", "\x7f\xff\x00\x04data", 0, "", ErrChannel},
		{"number 0xFFFF", "\xff\xff\x00\x04data", 0, "", ErrChannel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			number, data, err := ParseChannelData([]byte(tt.b))
			if number != tt.number || string(data) != tt.data || !errors.Is(err, tt.err) {
				t.Errorf("%#x, %q, %v", number, data, err)
			}
			if cap(data) != len(data) {
				t.Errorf("the data reaches over %d bytes behind it", cap(data)-len(data))
			}
		})
	}
}

func TestChannelDataRoundTrip(t *testing.T) {
	for _, number := range []uint16{MinChannel, 0x4ABC, MaxChannel} {
		for _, n := range []int{0, 1, 3, 4, 172, 1200, 65535} {
			b := stale(ChannelHeaderSize + n)
			PutChannelHeader(b, number, n)
			got, data, err := ParseChannelData(b)
			if got != number || !bytes.Equal(data, b[ChannelHeaderSize:]) || err != nil {
				t.Errorf("%#x with %d bytes: %#x, %d bytes, %v", number, n, got, len(data), err)
			}
		}
	}
}

// R-8656-11.3-a (RFC 8656, 11.3): a Data indication put before its data is, byte
// for byte, the one that a Builder makes.
func TestPutDataHeader(t *testing.T) {
	for addr, size := range map[string]int{"192.0.2.1:50000": 36, "[2001:db8::1]:50000": 48, "[::ffff:192.0.2.1]:50000": 48} {
		peer := netip.MustParseAddrPort(addr)
		for _, data := range []string{"", "1", "22", "333", "4444", strings.Repeat("x", 1201)} {
			b := NewBuilder(nil, MethodData, ClassIndication, testID)
			b.AddXORAddress(AttrXORPeerAddress, peer)
			b.AddString(AttrData, data)

			got := stale(size)
			if n := PutDataHeader(got, testID, peer, len(data)); n != size {
				t.Fatalf("%s: %d bytes of header, want %d", addr, n, size)
			}
			got = append(got, data...)
			got = append(got, make([]byte, padded(len(data))-len(data))...)
			if !bytes.Equal(got, b.Bytes()) {
				t.Errorf("%s, %d bytes of data:\n%x, a Builder makes\n%x", addr, len(data), got, b.Bytes())
			}
		}
	}
}

// R-8489-5-g (RFC 8489, 5): data that a message cannot hold is refused instead of
// making the length field wrap.
func TestPutDataHeaderTooLong(t *testing.T) {
	for addr, longest := range map[string]int{"192.0.2.1:1": 65516, "[2001:db8::1]:1": 65504} {
		peer := netip.MustParseAddrPort(addr)
		dst := make([]byte, 48, 48+65536)
		n := PutDataHeader(dst, testID, peer, longest)
		if n == 0 {
			t.Fatalf("%s: %d bytes do not fit", addr, longest)
		}
		m := mustParse(t, dst[:n+longest])
		if v, _ := m.Get(AttrData); len(v) != longest {
			t.Errorf("%s: %d bytes of %d", addr, len(v), longest)
		}
		before := bytes.Clone(dst)
		for _, tooLong := range []int{longest + 1, longest + 4, 65535, 65536, 1 << 20, -1, -100} {
			if n := PutDataHeader(dst, testID, peer, tooLong); n != 0 || !bytes.Equal(dst, before) {
				t.Errorf("%s: %d bytes of data get a header of %d", addr, tooLong, n)
			}
		}
	}
}
