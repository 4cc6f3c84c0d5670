package stun

import (
	"errors"
	"strings"
	"testing"
)

func request(f func(b *Builder)) []byte {
	b := NewBuilder(stale(256)[:0], MethodAllocate, ClassRequest, testID)
	f(&b)
	return b.Bytes()
}

// R-8656-18.1-a (RFC 8656, 18): what is sent has zeros in the reserved places,
// and comes back.
func TestAllocateAttributes(t *testing.T) {
	b := request(func(b *Builder) {
		b.AddTransport(17)
		b.AddFamily(AttrRequestedAddressFamily, 2)
		b.AddFamily(AttrAdditionalAddressFamily, 1)
		b.AddEvenPort(true)
		b.Add(AttrReservationToken, []byte("8 bytes!"))
		b.AddChannelNumber(0x4ABC)
	})
	want := "\x00\x19\x00\x04\x11\x00\x00\x00" + "\x00\x17\x00\x04\x02\x00\x00\x00" +
		"\x80\x00\x00\x04\x01\x00\x00\x00" + "\x00\x18\x00\x01\x80\x00\x00\x00" +
		"\x00\x22\x00\x088 bytes!" + "\x00\x0c\x00\x04\x4a\xbc\x00\x00"
	if got := string(b[HeaderSize:]); got != want {
		t.Errorf("sent\n% x, want\n% x", got, want)
	}
	m := mustParse(t, b)
	if v, err := m.Transport(); v != 17 || err != nil {
		t.Errorf("Transport = %d, %v", v, err)
	}
	if v, err := m.Family(AttrRequestedAddressFamily); v != 2 || err != nil {
		t.Errorf("REQUESTED-ADDRESS-FAMILY = %d, %v", v, err)
	}
	if v, err := m.Family(AttrAdditionalAddressFamily); v != 1 || err != nil {
		t.Errorf("ADDITIONAL-ADDRESS-FAMILY = %d, %v", v, err)
	}
	if v, err := m.EvenPort(); !v || err != nil {
		t.Errorf("EvenPort = %v, %v", v, err)
	}
	if v, err := m.ReservationToken(); string(v[:]) != "8 bytes!" || err != nil {
		t.Errorf("ReservationToken = %q, %v", v, err)
	}
	if v, err := m.ChannelNumber(); v != 0x4ABC || err != nil {
		t.Errorf("ChannelNumber = %#x, %v", v, err)
	}
}

// R-8656-18.1-a (RFC 8656, 18.1, 18.6 to 18.8): reserved bits may be set.
func TestReservedBitsIgnored(t *testing.T) {
	m := mustParse(t, raw(
		tlv(AttrRequestedTransport, 4, "\x11\xff\xff\xff"),
		tlv(AttrRequestedAddressFamily, 4, "\x01\xff\xff\xff"),
		tlv(AttrEvenPort, 1, "\x7f\xff\xff\xff"),
		tlv(AttrChannelNumber, 4, "\x40\x00\xff\xff")))
	if v, err := m.Transport(); v != 17 || err != nil {
		t.Errorf("Transport = %d, %v", v, err)
	}
	if v, err := m.Family(AttrRequestedAddressFamily); v != 1 || err != nil {
		t.Errorf("Family = %d, %v", v, err)
	}
	if v, err := m.EvenPort(); v || err != nil {
		t.Errorf("EvenPort = %v, %v", v, err)
	}
	if v, err := m.ChannelNumber(); v != MinChannel || err != nil {
		t.Errorf("ChannelNumber = %#x, %v", v, err)
	}
}

// R-8656-18-b (RFC 8656, 18): each of these attributes has one length.
func TestAllocateAttributeLengths(t *testing.T) {
	tests := []struct {
		typ  AttrType
		n    int
		read func(m *Message) error
	}{
		{AttrRequestedTransport, 4, func(m *Message) error { _, err := m.Transport(); return err }},
		{AttrRequestedAddressFamily, 4, func(m *Message) error { _, err := m.Family(AttrRequestedAddressFamily); return err }},
		{AttrAdditionalAddressFamily, 4, func(m *Message) error { _, err := m.Family(AttrAdditionalAddressFamily); return err }},
		{AttrEvenPort, 1, func(m *Message) error { _, err := m.EvenPort(); return err }},
		{AttrReservationToken, 8, func(m *Message) error { _, err := m.ReservationToken(); return err }},
		{AttrChannelNumber, 4, func(m *Message) error { _, err := m.ChannelNumber(); return err }},
		{AttrICMP, 8, func(m *Message) error { _, err := m.ICMP(); return err }},
	}
	for _, tt := range tests {
		empty := mustParse(t, raw())
		if err := tt.read(&empty); !errors.Is(err, ErrNoAttribute) {
			t.Errorf("%#04x absent: %v", uint16(tt.typ), err)
		}
		for n := range 13 {
			m := mustParse(t, raw(tlv(tt.typ, n, strings.Repeat("\x01", padded(n)))))
			if err := tt.read(&m); (n == tt.n) != (err == nil) || n != tt.n && !errors.Is(err, ErrAttribute) {
				t.Errorf("%#04x with %d bytes: %v", uint16(tt.typ), n, err)
			}
		}
	}
}

// ADDRESS-ERROR-CODE (RFC 8656, 18.12) is an error with a family before it.
func TestAddressError(t *testing.T) {
	b := request(func(b *Builder) { b.AddAddressError(2, 440, "Address Family not Supported") })
	want := "\x80\x01\x00\x20\x02\x00\x04\x28Address Family not Supported"
	if got := string(b[HeaderSize:]); got != want {
		t.Errorf("sent % x, want % x", got, want)
	}
	m := mustParse(t, b)
	family, code, reason, err := m.AddressError()
	if family != 2 || code != 440 || reason != "Address Family not Supported" || err != nil {
		t.Errorf("%d, %d, %q, %v", family, code, reason, err)
	}
	m = mustParse(t, raw(tlv(AttrAddressErrorCode, 3, "\x01\x00\x04\x00")))
	if _, _, _, err := m.AddressError(); !errors.Is(err, ErrAttribute) {
		t.Errorf("three bytes: %v", err)
	}
	m = mustParse(t, raw())
	if _, _, _, err := m.AddressError(); !errors.Is(err, ErrNoAttribute) {
		t.Errorf("absent: %v", err)
	}
}

// R-8656-18.13-a (RFC 8656, 18.13; X10): reserved bytes zero, then type and code, then
// the MTU or zero.
func TestICMP(t *testing.T) {
	tests := []struct {
		in   ICMP
		want string
	}{
		{ICMP{Type: 3, Code: 4, Data: 1280}, "\x00\x00\x03\x04\x00\x00\x05\x00"},
		{ICMP{Type: 11}, "\x00\x00\x0b\x00\x00\x00\x00\x00"},
		{ICMP{Type: 255, Code: 255, Data: 1<<32 - 1}, "\x00\x00\xff\xff\xff\xff\xff\xff"},
	}
	for _, tt := range tests {
		m := mustParse(t, request(func(b *Builder) { b.AddICMP(tt.in) }))
		if v, _ := m.Get(AttrICMP); string(v) != tt.want {
			t.Errorf("%+v: % x, want % x", tt.in, v, tt.want)
		}
		if got, err := m.ICMP(); got != tt.in || err != nil {
			t.Errorf("%+v comes back as %+v, %v", tt.in, got, err)
		}
	}
}
