// Package stun turns bytes into STUN messages, ChannelData and STUN and TURN
// URIs, and back (RFC 8489, RFC 8656 sections 11, 12 and 18, RFC 7064, RFC 7065).
//
// Knows: the formats and their registered numbers. Does not know: sockets,
// clocks, who may do what. Owns: nothing; a Message is a view of the caller's
// bytes and a Builder writes into the caller's buffer, both without allocating.
package stun

import (
	"encoding/binary"
	"errors"
)

// What can be wrong with the bytes of a whole message. A packet with any of
// them is dropped without an answer, so the errors carry no details.
var (
	ErrShort     = errors.New("stun: too few bytes")
	ErrNotSTUN   = errors.New("stun: the first two bits are not zero")
	ErrCookie    = errors.New("stun: no magic cookie")
	ErrLength    = errors.New("stun: the length field does not fit the message")
	ErrTruncated = errors.New("stun: an attribute runs past the end of the message")
	ErrFrame     = errors.New("stun: neither a STUN message nor ChannelData")
	ErrChannel   = errors.New("stun: not a channel number")
)

// maxAttributes is the largest length field, in bytes: the field has 16 bits
// and counts multiples of four.
const maxAttributes = 65532

// A Message is a view of a STUN message (RFC 8489 section 5). It refers to the
// bytes given to Parse and is valid as long as they are. The zero Message has
// no attributes.
type Message struct {
	Method Method
	Class  Class
	ID     TransactionID

	raw []byte // the whole message, header included
	at  offsets
}

// offsets says where in the raw bytes the attributes lie that end the part of a
// message which counts. Each points to the attribute's own header; 0 is none,
// as no attribute can lie inside the message header.
type offsets struct {
	end         int // where the attributes that count without exception end
	integrity   int // the first MESSAGE-INTEGRITY
	sha256      int // the first MESSAGE-INTEGRITY-SHA256
	fingerprint int // the first FINGERPRINT
	repeated    bool
}

// Parse reads a datagram, or a frame of a stream, that must be one STUN message
// from its first byte to its last. It copies nothing and allocates nothing. The
// errors are ErrShort, ErrNotSTUN, ErrCookie, ErrLength and ErrTruncated.
//
// R-8489-6.3-a (RFC 8489, 6.3): the checks come in this order; those that need
// to know about methods and fingerprints are the caller's.
func Parse(b []byte) (Message, error) {
	if len(b) < HeaderSize {
		return Message{}, ErrShort
	}
	// R-8489-5-a (RFC 8489, 5): other top bits belong to another protocol.
	typ := binary.BigEndian.Uint16(b)
	if typ&0xC000 != 0 {
		return Message{}, ErrNotSTUN
	}
	if binary.BigEndian.Uint32(b[4:]) != MagicCookie {
		return Message{}, ErrCookie
	}
	// R-8489-5-d (RFC 8489, 5): the length leaves out the header and counts
	// whole words; R-8489-5-f: and it accounts for every byte that came.
	length := int(binary.BigEndian.Uint16(b[2:]))
	if length%4 != 0 || len(b) != HeaderSize+length {
		return Message{}, ErrLength
	}
	m := Message{raw: b}
	m.Method, m.Class = splitType(typ)
	copy(m.ID[:], b[8:HeaderSize])
	at, err := scan(b)
	if err != nil {
		return Message{}, err
	}
	m.at = at
	return m, nil
}

// Size returns the length of the message in bytes, header included.
func (m *Message) Size() int { return len(m.raw) }

// Clone returns a view of a copy of the bytes, for who keeps a message longer
// than the buffer it came in.
func (m *Message) Clone() Message {
	c := *m
	c.raw = append([]byte(nil), m.raw...)
	return c
}

// scan walks over every attribute once, so that later walks need no checks.
//
// R-8489-14-c (RFC 8489, 14): one attribute that overruns the message condemns
// all of it, also when it lies in the part that would be ignored.
func scan(b []byte) (offsets, error) {
	var at offsets
	for off := HeaderSize; off < len(b); {
		// The length field counts words, so a whole attribute header is here.
		t := AttrType(binary.BigEndian.Uint16(b[off:]))
		next := off + attrHeaderSize + padded(int(binary.BigEndian.Uint16(b[off+2:])))
		if next > len(b) {
			return offsets{}, ErrTruncated
		}
		at.note(t, off)
		off = next
	}
	if at.end == 0 {
		at.end = len(b)
	}
	return at, nil
}

// note remembers an attribute that ends or follows the part that counts.
func (at *offsets) note(t AttrType, off int) {
	switch t {
	case AttrMessageIntegrity:
		if at.integrity != 0 {
			at.repeated = true
		} else if at.sha256 == 0 {
			// Behind MESSAGE-INTEGRITY-SHA256 it would cover attributes that
			// the stronger of the two does not, so there it is ignored too.
			at.integrity = off
		}
	case AttrMessageIntegritySHA256:
		if at.sha256 == 0 {
			at.sha256 = off
		}
	case AttrFingerprint:
		if at.fingerprint == 0 {
			at.fingerprint = off
		}
		return
	default:
		return
	}
	// R-8489-9-a, R-8489-9-b (RFC 8489, 9): whichever comes first is the last
	// attribute that anybody vouches for.
	if at.end == 0 {
		at.end = off
	}
}
