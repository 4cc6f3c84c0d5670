package stun

import (
	"errors"
	"testing"
)

// R-8656-12-a, R-7983-7-a (RFC 8656, 12; RFC 7983, 7): which first bytes frame
// what. R-8656-12.5-b (RFC 8656, 12.5): ChannelData with its padding.
func TestFrameSize(t *testing.T) {
	tests := []struct {
		b    string
		want int
		err  error
	}{
		{"", 0, ErrShort}, {"\x00", 0, ErrShort}, {"\x00\x01\x00", 0, ErrShort}, {"\x40\x00\x00", 0, ErrShort},
		{"\x00\x01\x00\x00", 20, nil},
		{"\x01\x13\x00\x58", 108, nil},
		{"\x03\xff\x00\x04", 24, nil},
		{"\x00\x01\x00\x01", 0, ErrFrame}, {"\x00\x01\x00\x02", 0, ErrFrame}, {"\x00\x01\x00\x03", 0, ErrFrame},
		{"\x40\x00\x00\x00", 4, nil},
		{"\x40\x00\x00\x01", 8, nil}, {"\x40\x00\x00\x03", 8, nil}, {"\x40\x00\x00\x04", 8, nil}, {"\x4f\xff\x00\x05", 12, nil},
		{"GET ", 21540, nil},
		{"\x16\x03\x01\x02", 0, ErrFrame},
		{"\x50\x00\x00\x00", 4, nil}, {"\x7f\xff\x00\x01", 8, nil},
		{"\x80\x00\x00\x00", 0, ErrFrame}, {"\xff\xff\xff\xff", 0, ErrFrame},
		// R-8489-5-g, A-C20 (RFC 8489, 5): lengths that 16 bits cannot sum up.
		{"\x00\x01\xff\xf0", 65540, nil}, {"\x00\x01\xff\xfc", 65552, nil},
		{"\x40\x00\xff\xfc", 65536, nil}, {"\x40\x00\xff\xfd", 65540, nil}, {"\x40\x00\xff\xff", 65540, nil},
	}
	for _, tt := range tests {
		n, err := FrameSize([]byte(tt.b))
		if n != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("% x: %d, %v, want %d, %v", tt.b, n, err, tt.want, tt.err)
		}
	}
}

// R-8656-12-a (RFC 8656, 12): every first byte there is.
func TestFrameSizeFirstByte(t *testing.T) {
	for first := range 256 {
		_, err := FrameSize([]byte{byte(first), 0, 0, 0})
		framed := first <= 3 || first >= 64 && first <= 127
		if framed != (err == nil) {
			t.Errorf("first byte %d: %v", first, err)
		}
	}
}

// R-8489-5-g, A-C20 (RFC 8489, 5): for every length there is, a frame is at least
// as long as its header and length say, so nothing inside it is ever taken for
// the next message.
func TestFrameSizeNeverWraps(t *testing.T) {
	for length := range 1 << 16 {
		b := []byte{0, 1, byte(length >> 8), byte(length)}
		n, err := FrameSize(b)
		if length%4 == 0 && n != 20+length || length%4 != 0 && err == nil {
			t.Fatalf("STUN of length %d: %d, %v", length, n, err)
		}
		b[0] = 0x40
		n, err = FrameSize(b)
		if err != nil || n < 4+length || n > 4+length+3 || n%4 != 0 {
			t.Fatalf("ChannelData of length %d: %d, %v", length, n, err)
		}
	}
}

// What FrameSize cuts out of a stream is what the parsers want, also for several
// messages in a row.
func TestFrameSizeCutsAStream(t *testing.T) {
	stream := protected(true)
	stream = append(stream, "\x40\x01\x00\x05hello\x00\x00\x00"...)
	stream = append(stream, raw()...)
	var got []string
	for len(stream) > 0 {
		n, err := FrameSize(stream)
		if err != nil || n > len(stream) {
			t.Fatalf("FrameSize = %d, %v of %d bytes", n, err, len(stream))
		}
		frame := stream[:n]
		stream = stream[n:]
		if m, err := Parse(frame); err == nil {
			got = append(got, m.Method.String())
		} else if _, data, err := ParseChannelData(frame); err == nil {
			got = append(got, string(data))
		}
	}
	if len(got) != 3 || got[0] != "Refresh" || got[1] != "hello" || got[2] != "Binding" {
		t.Errorf("the stream held %q", got)
	}
}
