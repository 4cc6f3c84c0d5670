package stun

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// raw puts a Binding request together by hand, so that it can be wrong; the
// length field is right for the attributes.
func raw(attributes ...[]byte) []byte {
	b := []byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'}
	for _, a := range attributes {
		b = append(b, a...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-HeaderSize))
	return b
}

// tlv is an attribute whose header claims n bytes and that is followed by v.
func tlv(t AttrType, n int, v string) []byte {
	return append([]byte{byte(t >> 8), byte(t), byte(n >> 8), byte(n)}, v...)
}

func with(b []byte, at int, v ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], v)
	return b
}

func TestParseRefuses(t *testing.T) {
	good := raw(tlv(AttrSoftware, 4, "test"))
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		// R-8489-5-f (RFC 8489, 5): too short or too long for its length field.
		{"nothing", nil, ErrShort},
		{"two bytes", good[:2], ErrShort},
		{"header cut", good[:19], ErrShort},
		{"body cut", good[:len(good)-1], ErrLength},
		{"body missing", good[:HeaderSize], ErrLength},
		{"trailing byte", append(bytes.Clone(good), 0), ErrLength},
		{"trailing word", append(bytes.Clone(good), 0, 0, 0, 0), ErrLength},
		// R-8489-5-a (RFC 8489, 5): other top bits are another protocol.
		{"top bits 01", with(good, 0, 0x40), ErrNotSTUN},
		{"top bits 10", with(good, 0, 0x80), ErrNotSTUN},
		{"top bits 11", with(good, 0, 0xC0), ErrNotSTUN},
		{"no cookie", with(good, 7, 0x43), ErrCookie},
		// R-8489-5-d (RFC 8489, 5): the length counts whole words.
		{"length 9", append(with(good, 3, 9), 0), ErrLength},
		{"length 10", append(with(good, 3, 10), 0, 0), ErrLength},
		{"length 11", append(with(good, 3, 11), 0, 0, 0), ErrLength},
		{"length with the header", with(good, 3, byte(len(good))), ErrLength},
		// R-8489-14-c, A-O05 (RFC 8489, 14): an attribute reaches too far.
		{"value overruns", raw(tlv(AttrSoftware, 5, "test")), ErrTruncated},
		{"length 65535", raw(tlv(AttrSoftware, 0xFFFF, "test")), ErrTruncated},
		{"padding missing", raw(tlv(AttrSoftware, 1, "")), ErrTruncated},
		{"second overruns", raw(tlv(AttrSoftware, 4, "test"), tlv(AttrData, 1, "")), ErrTruncated},
		{"overrun behind integrity", raw(tlv(AttrMessageIntegrity, 4, "test"), tlv(AttrData, 9, "test")), ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(tt.b)
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			// R-8489-14-c: nothing of a refused message can be used.
			if _, ok := m.Get(AttrSoftware); ok || m.Method != 0 || m.ID != (TransactionID{}) {
				t.Errorf("parts of the message came out: %+v", m)
			}
		})
	}
	if _, err := Parse(good); err != nil {
		t.Errorf("the message that the cases are made from: %v", err)
	}
}

func TestParseLongest(t *testing.T) {
	b := NewBuilder(nil, MethodSend, ClassIndication, TransactionID{})
	b.Add(AttrData, make([]byte, maxAttributes-attrHeaderSize))
	if n := len(b.Bytes()); n != HeaderSize+maxAttributes {
		t.Fatalf("%d bytes", n)
	}
	m := mustParse(t, b.Bytes())
	if v, ok := m.Get(AttrData); !ok || len(v) != maxAttributes-attrHeaderSize {
		t.Errorf("DATA of %d bytes, %v", len(v), ok)
	}
}

// A message without attributes, and one that was never parsed, answer every
// question.
func TestEmptyMessage(t *testing.T) {
	for name, m := range map[string]Message{"parsed": mustParse(t, raw()), "zero": {}} {
		for range m.Attributes() {
			t.Errorf("%s: an attribute", name)
		}
		if _, ok := m.Get(AttrUsername); ok {
			t.Errorf("%s: USERNAME", name)
		}
		if _, ok := m.Integrity(); ok || m.CheckIntegrity(nil) {
			t.Errorf("%s: MESSAGE-INTEGRITY", name)
		}
		if present, ok := m.CheckFingerprint(); present || ok {
			t.Errorf("%s: FINGERPRINT", name)
		}
	}
}

// R-8489-14.3-a (RFC 8489, 14.3): a user name of up to 763 bytes is read, so
// that it is refused by who knows the users.
func TestParseLongUsername(t *testing.T) {
	for _, n := range []int{0, 508, 509, 763, 764} {
		b := NewBuilder(nil, MethodAllocate, ClassRequest, TransactionID{})
		b.Add(AttrUsername, bytes.Repeat([]byte("u"), n))
		m := mustParse(t, b.Bytes())
		if v, ok := m.Get(AttrUsername); len(v) != n || !ok {
			t.Errorf("%d bytes come back as %d, %v", n, len(v), ok)
		}
	}
}

// A view never reaches past its attribute, so that an append by its holder
// cannot write into the message.
func TestValuesAreClipped(t *testing.T) {
	b := raw(tlv(AttrSoftware, 1, "s\x00\x00\x00"), tlv(AttrNonce, 4, "nnnn"))
	before := bytes.Clone(b)
	m := mustParse(t, b)
	v, _ := m.Get(AttrSoftware)
	_ = append(v, "overwritten"...)
	if !bytes.Equal(b, before) {
		t.Errorf("the message became %x", b)
	}
}
