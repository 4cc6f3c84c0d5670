package stun

import "encoding/binary"

// ICMP is what the ICMP attribute of a Data indication tells (RFC 8656 section
// 18.13).
type ICMP struct {
	Type, Code uint8
	Data       uint32 // the MTU, in bytes, of a "too big"; otherwise 0
}

// ICMP returns the ICMP attribute. The errors are those of Uint32.
func (m *Message) ICMP() (ICMP, error) {
	v, err := m.fixed(AttrICMP, 8)
	if err != nil {
		return ICMP{}, err
	}
	return ICMP{Type: v[2], Code: v[3], Data: binary.BigEndian.Uint32(v[4:])}, nil
}

// AddICMP appends the ICMP attribute.
//
// R-8656-18.13-a (RFC 8656, 18.13; X10): two reserved zero bytes, then type and
// code of a byte each; the figure's seven and nine bits fit neither.
func (b *Builder) AddICMP(c ICMP) {
	if dst := b.grow(AttrICMP, 8); dst != nil {
		dst[2], dst[3] = c.Type, c.Code
		binary.BigEndian.PutUint32(dst[4:], c.Data)
	}
}
