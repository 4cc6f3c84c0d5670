package stun

import (
	"encoding/binary"
	"net/netip"
)

// The address families on the wire (RFC 8489 section 14.1).
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// Sizes in bytes of an address attribute's value: reserved byte, family, port,
// address.
const (
	addressSizeIPv4 = 8
	addressSizeIPv6 = 20
)

// XORAddress returns the transport address in the first attribute of type t,
// as it stands on the wire: an IPv4-mapped IPv6 address stays one. The errors
// are ErrNoAttribute, and ErrAttribute for a wrong length or family.
func (m *Message) XORAddress(t AttrType) (netip.AddrPort, error) {
	v, ok := m.Get(t)
	if !ok {
		return netip.AddrPort{}, ErrNoAttribute
	}
	return m.DecodeXORAddress(v)
}

// DecodeXORAddress reads the value of one XOR-PEER-ADDRESS or of another
// attribute in that form (RFC 8489 section 14.2), for messages that have
// several. The error is ErrAttribute.
func (m *Message) DecodeXORAddress(v []byte) (netip.AddrPort, error) {
	return decodeAddress(v, xorMask(m.ID))
}

// Address returns the transport address in the first attribute of type t in
// the plain form of MAPPED-ADDRESS (RFC 8489 section 14.1). The errors are
// those of XORAddress.
func (m *Message) Address(t AttrType) (netip.AddrPort, error) {
	v, ok := m.Get(t)
	if !ok {
		return netip.AddrPort{}, ErrNoAttribute
	}
	return decodeAddress(v, [16]byte{})
}

// xorMask is what addresses are XORed with: the cookie and then the
// transaction id. Its first two bytes serve the port.
//
// R-8489-14.2-a (RFC 8489, 14.2): the port takes the high half of the cookie,
// IPv4 all of it, IPv6 the cookie followed by the transaction id.
func xorMask(id TransactionID) (mask [16]byte) {
	binary.BigEndian.PutUint32(mask[:], MagicCookie)
	copy(mask[4:], id[:])
	return mask
}

// decodeAddress reads an address value that was XORed with mask.
//
// R-8489-14.1-a (RFC 8489, 14.1): family and length must agree; the first byte
// is not looked at.
func decodeAddress(v []byte, mask [16]byte) (netip.AddrPort, error) {
	if len(v) < 4 {
		return netip.AddrPort{}, ErrAttribute
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ binary.BigEndian.Uint16(mask[:])
	switch {
	case v[1] == familyIPv4 && len(v) == addressSizeIPv4:
		a := [4]byte(v[4:])
		for i := range a {
			a[i] ^= mask[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom4(a), port), nil
	case v[1] == familyIPv6 && len(v) == addressSizeIPv6:
		a := [16]byte(v[4:])
		for i := range a {
			a[i] ^= mask[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom16(a), port), nil
	}
	return netip.AddrPort{}, ErrAttribute
}

// addressSize returns how many bytes encodeAddress writes for ap.
func addressSize(ap netip.AddrPort) int {
	if ap.Addr().Is4() {
		return addressSizeIPv4
	}
	return addressSizeIPv6
}

// encodeAddress writes the value of an address attribute, XORed with mask, to
// dst. The first byte is zero (R-8489-14.1-a). Zones are left out.
func encodeAddress(dst []byte, ap netip.AddrPort, mask [16]byte) {
	dst[0], dst[1] = 0, familyIPv6
	binary.BigEndian.PutUint16(dst[2:], ap.Port()^binary.BigEndian.Uint16(mask[:]))
	a := ap.Addr().As16()
	if ap.Addr().Is4() {
		dst[1] = familyIPv4
		a4 := ap.Addr().As4()
		copy(a[:], a4[:])
	}
	for i := range addressSize(ap) - 4 {
		dst[4+i] = a[i] ^ mask[i]
	}
}
