package stun

import (
	"encoding/binary"
	"errors"
	"iter"
)

// AttrType is the type of an attribute.
type AttrType uint16

// Attributes with types below 0x8000, which a receiver must understand
// (RFC 8489 section 18.3, RFC 8656 section 18, RFC 6062, RFC 7635, and two of
// ICE, which a stray connectivity check may bring here).
const (
	AttrMappedAddress          AttrType = 0x0001
	AttrUsername               AttrType = 0x0006
	AttrMessageIntegrity       AttrType = 0x0008
	AttrErrorCode              AttrType = 0x0009
	AttrUnknownAttributes      AttrType = 0x000A
	AttrChannelNumber          AttrType = 0x000C
	AttrLifetime               AttrType = 0x000D
	AttrXORPeerAddress         AttrType = 0x0012
	AttrData                   AttrType = 0x0013
	AttrRealm                  AttrType = 0x0014
	AttrNonce                  AttrType = 0x0015
	AttrXORRelayedAddress      AttrType = 0x0016
	AttrRequestedAddressFamily AttrType = 0x0017
	AttrEvenPort               AttrType = 0x0018
	AttrRequestedTransport     AttrType = 0x0019
	AttrDontFragment           AttrType = 0x001A
	AttrAccessToken            AttrType = 0x001B
	AttrMessageIntegritySHA256 AttrType = 0x001C
	AttrPasswordAlgorithm      AttrType = 0x001D
	AttrUserhash               AttrType = 0x001E
	AttrXORMappedAddress       AttrType = 0x0020
	AttrReservationToken       AttrType = 0x0022
	AttrPriority               AttrType = 0x0024
	AttrUseCandidate           AttrType = 0x0025
	AttrConnectionID           AttrType = 0x002A
)

// Attributes from 0x8000 up, which a receiver may ignore.
const (
	AttrAdditionalAddressFamily AttrType = 0x8000
	AttrAddressErrorCode        AttrType = 0x8001
	AttrPasswordAlgorithms      AttrType = 0x8002
	AttrAlternateDomain         AttrType = 0x8003
	AttrICMP                    AttrType = 0x8004
	AttrSoftware                AttrType = 0x8022
	AttrAlternateServer         AttrType = 0x8023
	AttrFingerprint             AttrType = 0x8028
	AttrThirdPartyAuthorization AttrType = 0x802E
	AttrOrigin                  AttrType = 0x802F // draft-johnston-tram-stun-origin: a page's origin
	AttrMobilityTicket          AttrType = 0x8030
)

// What can be wrong with one attribute; the answer to a request is 400.
var (
	ErrNoAttribute = errors.New("stun: attribute missing")
	ErrAttribute   = errors.New("stun: malformed attribute")
)

const attrHeaderSize = 4

// Required says that a receiver which does not know the type must refuse the
// message (RFC 8489 section 14).
func (t AttrType) Required() bool { return t < 0x8000 }

// padded rounds a length up to whole 32-bit words.
func padded(n int) int { return (n + 3) &^ 3 }

// attr returns the attribute whose header is at off, and where the next one
// starts. Parse has checked that both lie inside the message.
//
// R-8489-14-a (RFC 8489, 14): the padding is skipped unread.
func (m *Message) attr(off int) (t AttrType, v []byte, next int) {
	t = AttrType(binary.BigEndian.Uint16(m.raw[off:]))
	n := int(binary.BigEndian.Uint16(m.raw[off+2:]))
	off += attrHeaderSize
	return t, m.raw[off : off+n : off+n], off + padded(n)
}

// Get returns the value of the first attribute of type t that counts, in the
// sense of Attributes. The bytes are the message's own.
//
// R-8489-14-b (RFC 8489, 14): of several, the first one decides.
func (m *Message) Get(t AttrType) ([]byte, bool) {
	off := 0
	switch t {
	case AttrMessageIntegrity:
		off = m.at.integrity
	case AttrMessageIntegritySHA256:
		off = m.at.sha256
	case AttrFingerprint:
		off = m.at.fingerprint
	default:
		off = m.find(t)
	}
	if off == 0 {
		return nil, false
	}
	_, v, _ := m.attr(off)
	return v, true
}

// Offset returns where in the message, from its first byte, the value of the
// first attribute t lies, or 0 if Get would not find it. Who holds the buffer
// around the message can then write in front of that value.
func (m *Message) Offset(t AttrType) int {
	if off := m.find(t); off != 0 {
		return off + attrHeaderSize
	}
	return 0
}

// find returns the offset of the first attribute of type t before the end of
// those that count, or 0.
func (m *Message) find(t AttrType) int {
	for off := HeaderSize; off < m.at.end; {
		typ, _, next := m.attr(off)
		if typ == t {
			return off
		}
		off = next
	}
	return 0
}

// Attributes yields the attributes that count, in the order of the message:
// those up to and including the first MESSAGE-INTEGRITY or
// MESSAGE-INTEGRITY-SHA256, and behind it the first of each
// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, nothing else.
//
// R-8489-9-a (RFC 8489, 9): what follows MESSAGE-INTEGRITY could have been put
// there by anybody, so it is invisible, also to the check for unknown ones.
func (m *Message) Attributes() iter.Seq2[AttrType, []byte] {
	return func(yield func(AttrType, []byte) bool) { m.walk(yield) }
}

func (m *Message) walk(yield func(AttrType, []byte) bool) {
	for off := HeaderSize; off < len(m.raw); {
		t, v, next := m.attr(off)
		if m.counts(off) && !yield(t, v) {
			return
		}
		off = next
	}
}

// counts says whether the attribute at off is to be seen at all.
func (m *Message) counts(off int) bool {
	if off < m.at.end {
		return true
	}
	return off == m.at.integrity || off == m.at.sha256 || off == m.at.fingerprint
}

// Uint32 returns an attribute that is one 32-bit number, such as LIFETIME, in
// seconds. The errors are ErrNoAttribute, and ErrAttribute for another length
// than four bytes.
func (m *Message) Uint32(t AttrType) (uint32, error) {
	v, err := m.fixed(t, 4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(v), nil
}

// fixed returns an attribute that must be n bytes long.
//
// R-8656-18-b (RFC 8656, 18): a known attribute of another length is an error,
// which makes 400 of a request and drops an indication.
func (m *Message) fixed(t AttrType, n int) ([]byte, error) {
	v, ok := m.Get(t)
	if !ok {
		return nil, ErrNoAttribute
	}
	if len(v) != n {
		return nil, ErrAttribute
	}
	return v, nil
}
