package stun

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	fingerprintSize = 4
	// fingerprintXOR keeps a FINGERPRINT apart from a CRC-32 of an application
	// protocol (RFC 8489 section 14.7).
	fingerprintXOR = 0x5354554E
)

// CheckFingerprint says whether the message has a FINGERPRINT, and whether it
// is right: a message with a wrong one is not STUN after all and is dropped.
//
// R-8489-7-a (RFC 8489, 7): absent is not wrong.
// R-8489-14.7-a (RFC 8489, 14.7): one that is not the last attribute is wrong.
func (m *Message) CheckFingerprint() (present, ok bool) {
	off := m.at.fingerprint
	if off == 0 {
		return false, false
	}
	_, v, next := m.attr(off)
	if len(v) != fingerprintSize || next != len(m.raw) {
		return true, false
	}
	return true, binary.BigEndian.Uint32(v) == fingerprint(m.raw[:off])
}

// AddFingerprint appends FINGERPRINT; nothing may be added afterwards.
//
// R-8489-14.7-a (RFC 8489, 14.7): the sum covers the integrity attribute and a
// length field that already counts FINGERPRINT itself.
func (b *Builder) AddFingerprint() {
	text := len(b.buf)
	if dst := b.grow(AttrFingerprint, fingerprintSize); dst != nil {
		binary.BigEndian.PutUint32(dst, fingerprint(b.buf[b.start:text]))
	}
}

func fingerprint(text []byte) uint32 { return crc32.ChecksumIEEE(text) ^ fingerprintXOR }
