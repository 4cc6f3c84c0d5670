package stun

import (
	"encoding/binary"
	"testing"
)

// R-8489-5-e (RFC 8489, 5): every method and class survives being interleaved,
// and no two make the same type.
func TestTypeRoundTrip(t *testing.T) {
	seen := make(map[uint16]bool)
	for method := range Method(0x1000) {
		for class := range Class(4) {
			typ := joinType(method, class)
			if typ&0xC000 != 0 {
				t.Fatalf("%v %v: type %#x uses the top bits", method, class, typ)
			}
			if seen[typ] {
				t.Fatalf("%v %v: type %#x came before", method, class, typ)
			}
			seen[typ] = true
			if m, c := splitType(typ); m != method || c != class {
				t.Fatalf("%v %v comes back as %v %v", method, class, m, c)
			}
		}
	}
}

// R-8489-5-e (RFC 8489, 5): the types of well-known messages, written down by
// hand, and through Builder and Parse.
func TestKnownTypes(t *testing.T) {
	tests := []struct {
		method Method
		class  Class
		typ    uint16
		name   string
	}{
		{MethodBinding, ClassRequest, 0x0001, "Binding request"},
		{MethodBinding, ClassIndication, 0x0011, "Binding indication"},
		{MethodBinding, ClassSuccess, 0x0101, "Binding success"},
		{MethodBinding, ClassError, 0x0111, "Binding error"},
		{MethodAllocate, ClassError, 0x0113, "Allocate error"},
		{MethodRefresh, ClassSuccess, 0x0104, "Refresh success"},
		{MethodSend, ClassIndication, 0x0016, "Send indication"},
		{MethodData, ClassIndication, 0x0017, "Data indication"},
		{MethodCreatePermission, ClassRequest, 0x0008, "CreatePermission request"},
		{MethodChannelBind, ClassSuccess, 0x0109, "ChannelBind success"},
		{MethodConnect, ClassRequest, 0x000A, "Connect request"},
		{MethodConnectionBind, ClassRequest, 0x000B, "ConnectionBind request"},
		{MethodConnectionAttempt, ClassIndication, 0x001C, "ConnectionAttempt indication"},
		{0xFFF, ClassError, 0x3FFF, "0xfff error"},
		{0x002, ClassRequest, 0x0002, "0x2 request"},
	}
	for _, tt := range tests {
		b := NewBuilder(nil, tt.method, tt.class, TransactionID{})
		if got := binary.BigEndian.Uint16(b.Bytes()); got != tt.typ {
			t.Errorf("%s has type %#04x, want %#04x", tt.name, got, tt.typ)
		}
		m := mustParse(t, b.Bytes())
		if got := m.Method.String() + " " + m.Class.String(); got != tt.name {
			t.Errorf("%#04x is read as %q, want %q", tt.typ, got, tt.name)
		}
	}
}

// R-8489-5-b, R-8489-5-c (RFC 8489, 5): cookie and transaction id are where
// they belong.
func TestHeaderBytes(t *testing.T) {
	id := TransactionID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	b := NewBuilder(nil, MethodBinding, ClassSuccess, id)
	want := "\x01\x01\x00\x00\x21\x12\xa4\x42\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
	if got := string(b.Bytes()); got != want {
		t.Errorf("header % x, want % x", got, want)
	}
}
