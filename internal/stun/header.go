package stun

import "encoding/binary"

// HeaderSize is the length of a STUN message header in bytes.
const HeaderSize = 20

// MagicCookie is the constant at bytes 4 to 7 of every message (RFC 8489
// section 5).
const MagicCookie = 0x2112A442

// TransactionID is the 96-bit transaction id of RFC 8489 section 5.
type TransactionID [12]byte

// putHeader writes a message header with the given length field, in bytes, to
// the first HeaderSize bytes of b.
//
// R-8489-5-b (RFC 8489, 5): whatever is sent carries the magic cookie.
// R-8489-5-c (RFC 8489, 5): a response is built with the id of its request.
func putHeader(b []byte, m Method, c Class, length int, id TransactionID) {
	binary.BigEndian.PutUint16(b, joinType(m, c))
	binary.BigEndian.PutUint16(b[2:], uint16(length))
	binary.BigEndian.PutUint32(b[4:], MagicCookie)
	copy(b[8:HeaderSize], id[:])
}

// splitType takes a message type apart. The two class bits lie at positions 4
// and 8, in between those of the method (RFC 8489 section 5, figure 3).
//
// R-8489-5-e (RFC 8489, 5): splitType and joinType are each other's inverse.
func splitType(typ uint16) (Method, Class) {
	m := typ&0x000F | typ>>1&0x0070 | typ>>2&0x0F80
	c := typ>>4&1 | typ>>7&2
	return Method(m), Class(c)
}

// joinType puts a message type together; bits of m above the twelfth are lost.
func joinType(m Method, c Class) uint16 {
	t := uint16(m)
	typ := t&0x000F | t&0x0070<<1 | t&0x0F80<<2
	return typ | uint16(c)&1<<4 | uint16(c)&2<<7
}
