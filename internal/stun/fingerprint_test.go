package stun

import (
	"bytes"
	"hash/crc32"
	"testing"
)

// R-8489-14.7-a (RFC 8489, 14.7): the value against a sum made by the book, with
// and without an integrity attribute before it.
func TestFingerprintValue(t *testing.T) {
	for _, integrity := range []bool{false, true} {
		b := NewBuilder(nil, MethodBinding, ClassRequest, testID)
		b.AddString(AttrSoftware, "x")
		if integrity {
			b.AddIntegrity(testKey)
		}
		b.AddFingerprint()
		got := b.Bytes()
		sum := crc32.Checksum(got[:len(got)-8], crc32.MakeTable(0xEDB88320)) ^ 0x5354554E
		want := []byte{0x80, 0x28, 0, 4, byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
		if !bytes.HasSuffix(got, want) {
			t.Errorf("integrity %v: ends in %x, want %x", integrity, got[len(got)-8:], want)
		}
		m := mustParse(t, got)
		if present, ok := m.CheckFingerprint(); !present || !ok {
			t.Errorf("integrity %v: CheckFingerprint = %v, %v", integrity, present, ok)
		}
	}
}

// R-8489-7-a (RFC 8489, 7): absent is told apart from wrong, and wrong is: any
// changed byte, another length, another place than the last.
func TestFingerprintWrong(t *testing.T) {
	b := NewBuilder(nil, MethodBinding, ClassRequest, testID)
	b.AddString(AttrSoftware, "soft")
	b.AddFingerprint()
	good := b.Bytes()
	refused := func(name string, b []byte) {
		t.Helper()
		m := mustParse(t, b)
		if present, ok := m.CheckFingerprint(); !present || ok {
			t.Errorf("%s: CheckFingerprint = %v, %v", name, present, ok)
		}
	}
	for i := 8; i < len(good); i++ {
		if i < HeaderSize || i >= HeaderSize+4 && i < HeaderSize+8 || i >= len(good)-4 {
			refused("changed byte", with(good, i, good[i]^1))
		}
	}
	refused("empty", raw(tlv(AttrFingerprint, 0, "")))
	refused("eight bytes", raw(tlv(AttrFingerprint, 8, "12345678")))
	refused("three bytes", raw(tlv(AttrFingerprint, 3, "123\x00")))
	behind := append(bytes.Clone(good), tlv(AttrSoftware, 0, "")...)
	behind[3] += 4
	refused("not the last", behind)
	// Right for its place, but followed by something that the length counts.
	early := raw(tlv(AttrFingerprint, 4, "    "), tlv(AttrSoftware, 0, ""))
	sum := crc32.ChecksumIEEE(early[:HeaderSize]) ^ 0x5354554E
	early = with(early, HeaderSize+4, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
	refused("right but not the last", early)
	refused("two of them", raw(tlv(AttrFingerprint, 4, "1234"), tlv(AttrFingerprint, 4, "1234")))

	m := mustParse(t, raw(tlv(AttrSoftware, 4, "soft")))
	if present, ok := m.CheckFingerprint(); present || ok {
		t.Errorf("absent: CheckFingerprint = %v, %v", present, ok)
	}
}
