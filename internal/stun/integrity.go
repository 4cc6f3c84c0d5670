package stun

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"hash"
)

// Integrity returns the value of MESSAGE-INTEGRITY, of whatever length, and
// whether there is one. One behind a MESSAGE-INTEGRITY-SHA256 is ignored.
func (m *Message) Integrity() ([]byte, bool) { return m.Get(AttrMessageIntegrity) }

// CheckIntegrity says whether the message carries exactly one
// MESSAGE-INTEGRITY and it was made with key. The comparison takes the same
// time wherever the values differ (A-A01, A-D09).
//
// R-8489-9-c (RFC 8489, 9): a repeated one, or one of another length than 20
// bytes, never verifies.
func (m *Message) CheckIntegrity(key []byte) bool {
	v, ok := m.Integrity()
	if !ok || len(v) != sha1.Size || m.at.repeated {
		return false
	}
	return m.checkMAC(sha1.New, m.at.integrity, key, v)
}

// checkMAC compares v with the HMAC over all that lies before the attribute at
// off, with the length field set to where that attribute, len(v) bytes long,
// ends. The changed length lives in a copy: the bytes are the caller's.
//
// R-8489-14.5-a (RFC 8489, 14.5): what follows the attribute, FINGERPRINT for
// one, counts in neither the text nor the length.
func (m *Message) checkMAC(h func() hash.Hash, off int, key, v []byte) bool {
	header := [HeaderSize]byte(m.raw)
	length := off + attrHeaderSize + len(v) - HeaderSize
	binary.BigEndian.PutUint16(header[2:], uint16(length))
	mac := hmac.New(h, key)
	mac.Write(header[:])
	mac.Write(m.raw[HeaderSize:off])
	return hmac.Equal(mac.Sum(header[:0]), v)
}

// AddIntegrity appends MESSAGE-INTEGRITY, the HMAC-SHA1 with key over the
// message so far (RFC 8489 section 14.5).
func (b *Builder) AddIntegrity(key []byte) {
	b.addMAC(AttrMessageIntegrity, sha1.New, sha1.Size, key)
}

// addMAC appends an attribute with the HMAC over all before it. The length
// field already says where the attribute ends, as grow has set it.
func (b *Builder) addMAC(t AttrType, h func() hash.Hash, size int, key []byte) {
	text := len(b.buf)
	dst := b.grow(t, size)
	if dst == nil {
		return
	}
	mac := hmac.New(h, key)
	mac.Write(b.buf[b.start:text])
	mac.Sum(dst[:0])
}
