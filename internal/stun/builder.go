package stun

import (
	"encoding/binary"
	"net/netip"
)

// A Builder writes one message, attribute by attribute, into a buffer of the
// caller. It allocates only when the buffer is too small. The order is the
// caller's: AddIntegrity behind all that it shall protect, AddFingerprint last.
type Builder struct {
	buf   []byte
	start int // where the message starts in buf
	id    TransactionID
	full  bool // something did not fit: there will be no message
}

// NewBuilder appends the header of a message to dst; pass dst[:0] to write over
// a buffer that was used before.
func NewBuilder(dst []byte, method Method, class Class, id TransactionID) Builder {
	b := Builder{buf: dst, start: len(dst), id: id}
	var header [HeaderSize]byte
	putHeader(header[:], method, class, 0, id)
	b.buf = append(b.buf, header[:]...)
	return b
}

// Bytes returns the whole message, without what was in the buffer before it, or
// nil if its attributes do not fit into the 65532 bytes that a length field can
// count.
func (b *Builder) Bytes() []byte {
	if b.full {
		return nil
	}
	return b.buf[b.start:]
}

// grow appends an attribute header and a value of n zero bytes with its
// padding, brings the length field up to date, and returns the value to be
// filled in; nil when it does not fit.
//
// R-8489-14-a (RFC 8489, 14), A-C05: padding is written as zeros, whatever the
// buffer held before.
func (b *Builder) grow(t AttrType, n int) []byte {
	length := len(b.buf) - b.start - HeaderSize + attrHeaderSize + padded(n)
	if b.full || length > maxAttributes {
		b.full = true
		return nil
	}
	at := len(b.buf)
	b.buf = append(b.buf, byte(t>>8), byte(t), byte(n>>8), byte(n))
	b.buf = appendZeros(b.buf, padded(n))
	binary.BigEndian.PutUint16(b.buf[b.start+2:], uint16(length))
	return b.buf[at+attrHeaderSize : at+attrHeaderSize+n]
}

func appendZeros(b []byte, n int) []byte {
	var zeros [64]byte
	for ; n > len(zeros); n -= len(zeros) {
		b = append(b, zeros[:]...)
	}
	return append(b, zeros[:n]...)
}

// Add appends an attribute with the bytes v; nil makes an empty one.
func (b *Builder) Add(t AttrType, v []byte) { copy(b.grow(t, len(v)), v) }

// AddString appends an attribute with the bytes of s.
func (b *Builder) AddString(t AttrType, s string) { copy(b.grow(t, len(s)), s) }

// AddUint32 appends an attribute that is one 32-bit number.
func (b *Builder) AddUint32(t AttrType, v uint32) {
	if dst := b.grow(t, 4); dst != nil {
		binary.BigEndian.PutUint32(dst, v)
	}
}

// AddXORAddress appends a transport address in the form of XOR-MAPPED-ADDRESS
// (RFC 8489 section 14.2). An IPv4-mapped IPv6 address is written as IPv6, so
// addresses from sockets are unmapped by the caller.
func (b *Builder) AddXORAddress(t AttrType, ap netip.AddrPort) {
	if dst := b.grow(t, addressSize(ap)); dst != nil {
		encodeAddress(dst, ap, xorMask(b.id))
	}
}

// AddAddress appends a transport address in the plain form of MAPPED-ADDRESS
// (RFC 8489 section 14.1).
func (b *Builder) AddAddress(t AttrType, ap netip.AddrPort) {
	if dst := b.grow(t, addressSize(ap)); dst != nil {
		encodeAddress(dst, ap, [16]byte{})
	}
}

// AddUnknown appends UNKNOWN-ATTRIBUTES with the given types.
//
// R-8489-14.13-a (RFC 8489, 14.13): an odd number is padded like any value, not
// by naming one type twice.
func (b *Builder) AddUnknown(types []AttrType) {
	dst := b.grow(AttrUnknownAttributes, 2*len(types))
	if dst == nil {
		return
	}
	for i, t := range types {
		binary.BigEndian.PutUint16(dst[2*i:], uint16(t))
	}
}
