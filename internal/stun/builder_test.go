package stun

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// stale returns a buffer full of what another client might have sent.
func stale(n int) []byte { return bytes.Repeat([]byte("SECRET"), n/6+1)[:n] }

// R-8489-14-a (RFC 8489, 14), A-C05: padding is zero for every length, also in
// a buffer that held something else.
func TestPaddingIsZero(t *testing.T) {
	for n := range 130 {
		build := func(dst []byte) []byte {
			b := NewBuilder(dst[:0], MethodAllocate, ClassError, testID)
			v := strings.Repeat("v", n)
			b.Add(AttrNonce, []byte(v))
			b.AddString(AttrRealm, v)
			b.AddError(401, v)
			b.AddUnknown(make([]AttrType, n%5))
			b.AddEvenPort(false)
			b.AddXORAddress(AttrXORMappedAddress, testAddrPort)
			return b.Bytes()
		}
		got := build(stale(1024))
		if !bytes.Equal(got, build(nil)) {
			t.Fatalf("%d bytes: the buffer's past is visible in %x", n, got)
		}
		for off := HeaderSize; off < len(got); {
			size := int(binary.BigEndian.Uint16(got[off+2:]))
			end := off + attrHeaderSize + size
			next := off + attrHeaderSize + padded(size)
			if pad := got[end:next]; len(bytes.Trim(pad, "\x00")) != 0 || len(pad) > 3 {
				t.Fatalf("%d bytes: padding %x", n, pad)
			}
			off = next
		}
	}
}

// The length field is right after every step, so Bytes may be taken any time.
func TestBuilderLength(t *testing.T) {
	b := NewBuilder(nil, MethodAllocate, ClassSuccess, TransactionID{})
	steps := []func(){
		func() {},
		func() { b.Add(AttrDontFragment, nil) },
		func() { b.AddString(AttrRealm, "example.org") },
		func() { b.AddUint32(AttrLifetime, 600) },
		func() { b.AddUnknown([]AttrType{0x7777}) },
		func() { b.AddIntegrity([]byte("key")) },
		func() { b.AddFingerprint() },
	}
	last := 0
	for i, step := range steps {
		step()
		mustParse(t, b.Bytes())
		if n := len(b.Bytes()); n <= last {
			t.Errorf("step %d: %d bytes, %d before", i, n, last)
		} else {
			last = n
		}
	}
}

// A message may be appended to a buffer that holds something already; it is
// the same as alone.
func TestBuilderAppends(t *testing.T) {
	build := func(dst []byte) Builder {
		b := NewBuilder(dst, MethodRefresh, ClassSuccess, testID)
		b.AddUint32(AttrLifetime, 600)
		b.AddIntegrity([]byte("key"))
		b.AddFingerprint()
		return b
	}
	prefix := make([]byte, 5, 512)
	copy(prefix, "front")
	alone, behind := build(nil), build(prefix)
	if !bytes.Equal(alone.Bytes(), behind.Bytes()) {
		t.Errorf("alone\n%x, behind a prefix\n%x", alone.Bytes(), behind.Bytes())
	}
	whole := prefix[:5+len(behind.Bytes())]
	if string(whole[:5]) != "front" || !bytes.Equal(whole[5:], behind.Bytes()) {
		t.Errorf("the buffer holds %x", whole)
	}
	m := mustParse(t, behind.Bytes())
	if _, ok := m.CheckFingerprint(); !ok || !m.CheckIntegrity([]byte("key")) {
		t.Error("the sums are wrong behind a prefix")
	}
}

// What does not fit makes no message rather than a wrong one.
func TestBuilderTooLong(t *testing.T) {
	steps := map[string]func(*Builder){
		"a word more": func(b *Builder) { b.Add(AttrSoftware, nil) },
		"number":      func(b *Builder) { b.AddUint32(AttrLifetime, 1) },
		"integrity":   func(b *Builder) { b.AddIntegrity(nil) },
		"fingerprint": func(b *Builder) { b.AddFingerprint() },
		"error":       func(b *Builder) { b.AddError(400, "") },
		"unknown":     func(b *Builder) { b.AddUnknown([]AttrType{1}) },
		"address":     func(b *Builder) { b.AddAddress(AttrMappedAddress, testAddrPort) },
		"xor address": func(b *Builder) { b.AddXORAddress(AttrXORPeerAddress, testAddrPort) },
		"even port":   func(b *Builder) { b.AddEvenPort(true) },
		"icmp":        func(b *Builder) { b.AddICMP(ICMP{}) },
		"65536 bytes": func(b *Builder) { b.Add(AttrData, make([]byte, 65536)) },
	}
	for name, step := range steps {
		b := NewBuilder(nil, MethodSend, ClassIndication, TransactionID{})
		b.Add(AttrData, make([]byte, maxAttributes-attrHeaderSize))
		mustParse(t, b.Bytes())
		step(&b)
		if got := b.Bytes(); got != nil {
			t.Errorf("%s: %d bytes in spite of all", name, len(got))
		}
		b.AddUint32(AttrLifetime, 1)
		if b.Bytes() != nil {
			t.Errorf("%s: the message has come back", name)
		}
	}
}

// R-8489-14.13-a (RFC 8489, 14.13): two bytes a type, and zeros behind an odd
// number of them.
func TestUnknownAttributes(t *testing.T) {
	tests := []struct {
		types []AttrType
		want  string
	}{
		{nil, "\x00\x0a\x00\x00"},
		{[]AttrType{0x7777}, "\x00\x0a\x00\x02\x77\x77\x00\x00"},
		{[]AttrType{0x7777, 0x1234}, "\x00\x0a\x00\x04\x77\x77\x12\x34"},
		{[]AttrType{1, 2, 3}, "\x00\x0a\x00\x06\x00\x01\x00\x02\x00\x03\x00\x00"},
	}
	for _, tt := range tests {
		b := NewBuilder(stale(100)[:0], MethodAllocate, ClassError, TransactionID{})
		b.AddUnknown(tt.types)
		if got := string(b.Bytes()[HeaderSize:]); got != tt.want {
			t.Errorf("%x: % x, want % x", tt.types, got, tt.want)
		}
	}
}
