package stun

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// sent builds ERROR-CODE and returns its value.
func sent(t *testing.T, code int, reason string) (Message, []byte) {
	t.Helper()
	b := NewBuilder(stale(2048)[:0], MethodAllocate, ClassError, testID)
	b.AddError(code, reason)
	m := mustParse(t, b.Bytes())
	v, ok := m.Get(AttrErrorCode)
	if !ok {
		t.Fatal("no ERROR-CODE")
	}
	return m, v
}

// R-8489-14.8-b (RFC 8489, 14.8): hundreds and the rest apart, reserved bits
// zero, the phrase without a terminator.
func TestErrorBytes(t *testing.T) {
	tests := []struct {
		code   int
		reason string
		want   string
	}{
		{300, "", "\x00\x00\x03\x00"},
		{401, "Unauthenticated", "\x00\x00\x04\x01Unauthenticated"},
		{438, "", "\x00\x00\x04\x26"},
		{508, "Größe", "\x00\x00\x05\x08Größe"},
		{699, "x", "\x00\x00\x06\x63x"},
		// Not codes at all: the peer still gets one that it understands.
		{0, "", "\x00\x00\x05\x00"}, {299, "", "\x00\x00\x05\x00"},
		{700, "", "\x00\x00\x05\x00"}, {-401, "", "\x00\x00\x05\x00"},
	}
	for _, tt := range tests {
		m, v := sent(t, tt.code, tt.reason)
		if string(v) != tt.want {
			t.Errorf("%d %q: % x, want % x", tt.code, tt.reason, v, tt.want)
		}
		want := int(tt.want[2])*100 + int(tt.want[3])
		if code, reason, err := m.ErrorCode(); code != want || reason != tt.reason || err != nil {
			t.Errorf("%d %q comes back as %d %q, %v", tt.code, tt.reason, code, reason, err)
		}
	}
}

// R-8489-14.8-b (RFC 8489, 14.8): fewer than 128 characters, no NUL, UTF-8.
func TestErrorReasonIsClipped(t *testing.T) {
	tests := map[string]string{
		strings.Repeat("a", 127):          strings.Repeat("a", 127),
		strings.Repeat("a", 128):          strings.Repeat("a", 127),
		strings.Repeat("𝄞", 500):          strings.Repeat("𝄞", 127),
		"Bad Request\x00":                 "Bad Request",
		"\x00":                            "",
		"half a letter: \xc3":             "half a letter: ",
		"a real replacement character: �": "a real replacement character: �",
	}
	for reason, want := range tests {
		_, v := sent(t, 400, reason)
		if got := string(v[4:]); got != want || !utf8.ValidString(got) {
			t.Errorf("%q is sent as %q", reason, got)
		}
	}
}

// R-8489-14.8-b (RFC 8489, 14.8), A-O05: too short, too long, or numbers that no
// error has; reserved bits do not matter.
func TestErrorCodeRefuses(t *testing.T) {
	tests := []struct {
		v    string
		code int
	}{
		{"", 0}, {"\x00", 0}, {"\x00\x00\x04", 0},
		{"\x00\x00\x02\x00", 0}, {"\x00\x00\x07\x00", 0}, {"\x00\x00\x00\x00", 0},
		{"\x00\x00\x04\x64", 0}, {"\x00\x00\x04\xff", 0},
		{"\x00\x00\x04" + strings.Repeat("r", 765), 0},
		{"\x00\x00\x03\x63" + strings.Repeat("r", 763), 399},
		{"\x00\x00\x03\x63" + strings.Repeat("r", 764), 0},
		{"\xff\xff\xfc\x01", 401},
		{"\x00\x00\x06\x63", 699},
	}
	for _, tt := range tests {
		pad := strings.Repeat("\x00", padded(len(tt.v))-len(tt.v))
		m := mustParse(t, raw(tlv(AttrErrorCode, len(tt.v), tt.v+pad)))
		code, _, err := m.ErrorCode()
		if code != tt.code || (tt.code == 0) != errors.Is(err, ErrAttribute) {
			t.Errorf("%.8q (%d bytes): %d, %v", tt.v, len(tt.v), code, err)
		}
	}
	m := mustParse(t, raw())
	if _, _, err := m.ErrorCode(); !errors.Is(err, ErrNoAttribute) {
		t.Errorf("absent: %v", err)
	}
}
