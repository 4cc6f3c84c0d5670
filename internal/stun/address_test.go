package stun

import (
	"errors"
	"net/netip"
	"testing"
)

var testAddrPort = netip.MustParseAddrPort("192.0.2.1:3478")

var testID = TransactionID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}

var testAddresses = []string{
	"192.0.2.1:32853", "0.0.0.0:0", "255.255.255.255:65535", "127.0.0.1:3478",
	"[2001:db8::1]:443", "[::]:0", "[::1]:1", "[::ffff:192.0.2.1]:7",
	"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
}

func TestAddressRoundTrip(t *testing.T) {
	for _, s := range testAddresses {
		want := netip.MustParseAddrPort(s)
		b := NewBuilder(nil, MethodBinding, ClassSuccess, testID)
		b.AddXORAddress(AttrXORMappedAddress, want)
		b.AddAddress(AttrMappedAddress, want)
		m := mustParse(t, b.Bytes())
		if got, err := m.XORAddress(AttrXORMappedAddress); got != want || err != nil {
			t.Errorf("XOR-MAPPED-ADDRESS: %v, %v, want %v", got, err, want)
		}
		if got, err := m.Address(AttrMappedAddress); got != want || err != nil {
			t.Errorf("MAPPED-ADDRESS: %v, %v, want %v", got, err, want)
		}
		// What a disguised IPv4 address means is not for the codec to say.
		if got, _ := m.XORAddress(AttrXORMappedAddress); got.Addr().Is4() != want.Addr().Is4() {
			t.Errorf("%v has changed its family", want)
		}
	}
}

// R-8489-14.2-a (RFC 8489, 14.2): port and address against values XORed by hand.
// R-8489-14.1-a (RFC 8489, 14.1): the first byte is zero.
func TestAddressBytes(t *testing.T) {
	tests := []struct{ name, addr, plain, xored string }{
		{"IPv4", "1.2.3.4:256",
			"\x00\x01\x01\x00\x01\x02\x03\x04",
			"\x00\x01\x20\x12\x20\x10\xa7\x46"},
		{"IPv6", "[102:304:506:708:90a:b0c:d0e:f10]:256",
			"\x00\x02\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
			"\x00\x02\x20\x12\x20\x10\xa7\x46\x04\x04\x04\x0c\x0c\x0c\x0c\x04\x04\x04\x04\x1c"},
	}
	for _, tt := range tests {
		b := NewBuilder(nil, MethodBinding, ClassSuccess, testID)
		b.AddAddress(AttrMappedAddress, netip.MustParseAddrPort(tt.addr))
		b.AddXORAddress(AttrXORMappedAddress, netip.MustParseAddrPort(tt.addr))
		m := mustParse(t, b.Bytes())
		if v, _ := m.Get(AttrMappedAddress); string(v) != tt.plain {
			t.Errorf("%s: MAPPED-ADDRESS % x, want % x", tt.name, v, tt.plain)
		}
		if v, _ := m.Get(AttrXORMappedAddress); string(v) != tt.xored {
			t.Errorf("%s: XOR-MAPPED-ADDRESS % x, want % x", tt.name, v, tt.xored)
		}
	}
}

// R-8489-14.1-a (RFC 8489, 14.1): only the two families with their own lengths
// are addresses; the first byte may be anything.
func TestAddressRefuses(t *testing.T) {
	value := func(family byte, n int) string {
		b := make([]byte, n)
		if n > 1 {
			b[1] = family
		}
		return string(b)
	}
	for family := range 256 {
		for n := range 24 {
			good := family == 1 && n == 8 || family == 2 && n == 20
			v := value(byte(family), n)
			m := mustParse(t, raw(tlv(AttrXORPeerAddress, n, v+string(make([]byte, padded(n)-n)))))
			if _, err := m.XORAddress(AttrXORPeerAddress); good != (err == nil) || !good && !errors.Is(err, ErrAttribute) {
				t.Errorf("XORAddress of family %d and %d bytes: %v", family, n, err)
			}
			if _, err := m.Address(AttrXORPeerAddress); good != (err == nil) || !good && !errors.Is(err, ErrAttribute) {
				t.Errorf("Address of family %d and %d bytes: %v", family, n, err)
			}
		}
	}
	m := mustParse(t, raw())
	if _, err := m.XORAddress(AttrXORPeerAddress); !errors.Is(err, ErrNoAttribute) {
		t.Errorf("XORAddress of nothing: %v", err)
	}
	if _, err := m.Address(AttrMappedAddress); !errors.Is(err, ErrNoAttribute) {
		t.Errorf("Address of nothing: %v", err)
	}
	if got, err := m.DecodeXORAddress([]byte("\xff\x01\x21\x12\x21\x12\xa4\x42")); got.String() != "0.0.0.0:0" || err != nil {
		t.Errorf("a first byte of 255: %v, %v", got, err)
	}
}

// Several XOR-PEER-ADDRESS of one message, as in CreatePermission.
func TestDecodeXORAddress(t *testing.T) {
	b := NewBuilder(nil, MethodCreatePermission, ClassRequest, testID)
	for _, s := range testAddresses {
		b.AddXORAddress(AttrXORPeerAddress, netip.MustParseAddrPort(s))
	}
	m := mustParse(t, b.Bytes())
	i := 0
	for typ, v := range m.Attributes() {
		got, err := m.DecodeXORAddress(v)
		if got.String() != testAddresses[i] || err != nil || typ != AttrXORPeerAddress {
			t.Errorf("address %d is %v, %v", i, got, err)
		}
		i++
	}
	if i != len(testAddresses) {
		t.Errorf("%d addresses of %d", i, len(testAddresses))
	}
}

// A zone means something on one host alone and is not sent; no address at all
// is sent as the unspecified one.
func TestAddressWithoutWireForm(t *testing.T) {
	for s, ap := range map[string]netip.AddrPort{
		"[fe80::1]:9": netip.MustParseAddrPort("[fe80::1%eth0]:9"),
		"[::]:0":      {},
	} {
		b := NewBuilder(nil, MethodBinding, ClassSuccess, testID)
		b.AddXORAddress(AttrXORMappedAddress, ap)
		m := mustParse(t, b.Bytes())
		if got, err := m.XORAddress(AttrXORMappedAddress); got.String() != s || err != nil {
			t.Errorf("%v is sent as %v, %v", ap, got, err)
		}
	}
}
