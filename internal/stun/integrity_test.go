package stun

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"testing"
)

var testKey = []byte("0123456789abcdef")

// protected returns a message with MESSAGE-INTEGRITY, and FINGERPRINT behind it
// if wanted.
func protected(fingerprint bool) []byte {
	b := NewBuilder(nil, MethodRefresh, ClassRequest, testID)
	b.AddString(AttrUsername, "alice")
	b.AddUint32(AttrLifetime, 600)
	b.AddIntegrity(testKey)
	if fingerprint {
		b.AddFingerprint()
	}
	return b.Bytes()
}

// R-8489-14.5-a (RFC 8489, 14.5): the sum, made here by the book: all before the
// attribute, with the length pointing to its end.
func TestIntegrityText(t *testing.T) {
	for _, fingerprint := range []bool{false, true} {
		b := protected(fingerprint)
		at := bytes.Index(b, []byte{0, 8, 0, 20})
		text := bytes.Clone(b[:at])
		text[2], text[3] = 0, byte(at+24-HeaderSize)
		mac := hmac.New(sha1.New, testKey)
		mac.Write(text)
		m := mustParse(t, b)
		if v, ok := m.Integrity(); !ok || !bytes.Equal(v, mac.Sum(nil)) {
			t.Errorf("fingerprint %v: MESSAGE-INTEGRITY %x", fingerprint, v)
		}
		if !m.CheckIntegrity(testKey) {
			t.Errorf("fingerprint %v: does not verify", fingerprint)
		}
	}
}

// The caller's bytes are read and nothing else, at no moment: they lie in
// memory that other packets share.
func TestCheckIntegrityLeavesTheBytesAlone(t *testing.T) {
	b := protected(true)
	before := bytes.Clone(b)
	m := mustParse(t, b)
	done := make(chan bool)
	// Two at once, for the race detector to see a write that is undone.
	go func() { done <- m.CheckIntegrity(testKey) }()
	if !m.CheckIntegrity(testKey) || !<-done {
		t.Error("does not verify")
	}
	if !bytes.Equal(b, before) {
		t.Errorf("the message became\n%x", b)
	}
}

// R-8489-9-c (RFC 8489, 9), A-A12, A-A13: absent, short, long or repeated
// attributes never verify, nor does a right one under another key.
func TestIntegrityRefused(t *testing.T) {
	good := protected(false)
	sum := good[len(good)-20:]
	again := func(parts ...[]byte) []byte {
		b := bytes.Clone(good)
		for _, p := range parts {
			b = append(b, p...)
		}
		b[3] = byte(len(b) - HeaderSize)
		return b
	}
	short := func(n int) []byte {
		at := len(good) - 24
		b := append(bytes.Clone(good[:at]), tlv(AttrMessageIntegrity, n, string(sum)+"\x00\x00\x00\x00")[:4+padded(n)]...)
		b[3] = byte(len(b) - HeaderSize)
		return b
	}
	tests := []struct {
		name string
		b    []byte
		want bool
	}{
		{"as it was", good, true},
		{"absent", raw(tlv(AttrUsername, 4, "user")), false},
		{"empty", short(0), false},
		{"16 bytes", short(16), false},
		{"19 bytes", short(19), false},
		{"21 bytes", short(21), false},
		{"24 bytes", short(24), false},
		{"the same twice", again(tlv(AttrMessageIntegrity, 20, string(sum))), false},
		{"another behind it", again(tlv(AttrMessageIntegrity, 20, string(make([]byte, 20)))), false},
		{"an empty one behind it", again(tlv(AttrMessageIntegrity, 0, "")), false},
		{"one behind FINGERPRINT", again(tlv(AttrFingerprint, 4, "crc_"), tlv(AttrMessageIntegrity, 0, "")), false},
		{"LIFETIME behind it", again(tlv(AttrLifetime, 4, "\x00\x00\x00\x00")), true},
		{"SHA256 behind it", again(tlv(AttrMessageIntegritySHA256, 4, "s256")), true},
		{"SHA256 before it", raw(tlv(AttrMessageIntegritySHA256, 4, "s256"), tlv(AttrMessageIntegrity, 20, string(sum))), false},
	}
	for _, tt := range tests {
		m := mustParse(t, tt.b)
		if got := m.CheckIntegrity(testKey); got != tt.want {
			t.Errorf("%s: CheckIntegrity is %v", tt.name, got)
		}
	}
	m := mustParse(t, good)
	for _, key := range [][]byte{nil, {}, testKey[1:], append(bytes.Clone(testKey), 1)} {
		if m.CheckIntegrity(key) {
			t.Errorf("verifies with the key %q", key)
		}
	}
}

// Every single changed bit of the sum is noticed, whether the first or the last.
func TestIntegrityEveryBit(t *testing.T) {
	b := protected(false)
	for bit := range 160 {
		at := len(b) - 20 + bit/8
		b[at] ^= 1 << (bit % 8)
		m := mustParse(t, b)
		if m.CheckIntegrity(testKey) {
			t.Errorf("bit %d of the sum does not matter", bit)
		}
		b[at] ^= 1 << (bit % 8)
	}
}

// Keys of every length work as HMAC keys, those longer than a block too.
func TestIntegrityKeys(t *testing.T) {
	for _, n := range []int{0, 1, 16, 32, 64, 65, 200} {
		key := bytes.Repeat([]byte("k"), n)
		b := NewBuilder(nil, MethodBinding, ClassRequest, testID)
		b.AddIntegrity(key)
		m := mustParse(t, b.Bytes())
		if !m.CheckIntegrity(key) {
			t.Errorf("key of %d bytes: does not verify", n)
		}
	}
}
