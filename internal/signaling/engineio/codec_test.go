package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func text(kind packetType, data string) packet { return packet{kind: kind, data: []byte(data)} }
func bin(data string) packet {
	return packet{kind: packetMessage, data: []byte(data), binary: true}
}

func equal(a, b []packet) bool {
	return slices.EqualFunc(a, b, func(x, y packet) bool {
		return x.kind == y.kind && x.binary == y.binary && bytes.Equal(x.data, y.data)
	})
}

func TestPayload(t *testing.T) {
	for _, c := range []struct {
		name     string
		revision Revision
		binary   bool
		body     string
		want     []packet
		err      error
	}{
		{"one", Revision4, false, "4hello", []packet{text('4', "hello")}, nil},
		{"several", Revision4, false, "4a\x1e2\x1e4€😀", []packet{text('4', "a"), text('2', ""), text('4', "€😀")}, nil},
		{"base64", Revision4, false, "bAQID\x1e4x", []packet{bin("\x01\x02\x03"), text('4', "x")}, nil},
		{"nothing", Revision4, false, "", nil, errPacket},
		{"nothing at the end", Revision4, false, "4a\x1e", nil, errPacket},
		{"no such type", Revision4, false, "7x", nil, errPacket},
		{"bad base64", Revision4, false, "b!!", nil, errPacket},
		{"no UTF-8", Revision4, false, "4\xff", nil, errPacket},
		{"too many", Revision4, false, strings.Repeat("2\x1e", 10) + "2", nil, errCount},
		{"old", Revision3, false, "6:4hello2:4€", []packet{text('4', "hello"), text('4', "€")}, nil},
		{"old counts in UTF-16", Revision3, false, "3:4😀1:2", []packet{text('4', "😀"), text('2', "")}, nil},
		{"old base64", Revision3, false, "6:b4AQID", []packet{bin("\x01\x02\x03")}, nil},
		{"old, half a pair", Revision3, false, "2:4😀", nil, errPayload},
		{"old, too short", Revision3, false, "9:4a", nil, errPayload},
		{"old, no length", Revision3, false, "4hello", nil, errPayload},
		{"old, huge length", Revision3, false, "99999999999999999999:4", nil, errPayload},
		{"old, negative", Revision3, false, "-1:4", nil, errPayload},
		{"old, empty packet", Revision3, false, "0:", nil, errPacket},
		{"old, too many", Revision3, false, strings.Repeat("1:2", 11), nil, errCount},
		{"old bytes", Revision3, true, "\x00\x02\xff4a\x01\x03\xff\x04\x01\x02", []packet{text('4', "a"), bin("\x01\x02")}, nil},
		{"old bytes, no end", Revision3, true, "\x00\x02", nil, errPayload},
		{"old bytes, digit", Revision3, true, "\x00\x0a\xff4", nil, errPayload},
		{"old bytes, too short", Revision3, true, "\x00\x09\xff4a", nil, errPayload},
		{"old bytes, mark", Revision3, true, "\x02\x02\xff4a", nil, errPayload},
		{"old bytes, wrong type", Revision3, true, "\x01\x02\xff\x02a", nil, errPacket},
		{"old bytes, too many", Revision3, true, strings.Repeat("\x00\x01\xff2", 11), nil, errCount},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodePayload([]byte(c.body), c.revision, c.binary, 10)
			if !errors.Is(err, c.err) || !equal(got, c.want) {
				t.Fatalf("got %v, %v", got, err)
			}
			if err != nil || c.binary {
				return
			}
			if again := encodePayload(got, c.revision); string(again) != c.body {
				t.Errorf("encoded as %q", again)
			}
		})
	}
}

func TestFrame(t *testing.T) {
	for _, c := range []struct {
		p        packet
		revision Revision
		want     string
		binary   bool
	}{
		{text('4', "x"), Revision4, "4x", false},
		{bin("\x01"), Revision4, "\x01", true},
		{bin("\x01"), Revision3, "\x04\x01", true},
	} {
		data, binary := frame(c.p, c.revision)
		if string(data) != c.want || binary != c.binary {
			t.Errorf("%v in version %d: %q, %v", c.p, c.revision, data, binary)
		}
		if !binary {
			continue
		}
		if back, err := decodeBinary(data, c.revision); err != nil || !equal([]packet{back}, []packet{c.p}) {
			t.Errorf("%q: %v, %v", data, back, err)
		}
	}
}

// W-S1: a payload of a million packets is refused after one look at it, and one
// of many bytes costs time in proportion: twice the bytes, not four times.
func TestPayloadIsLinear(t *testing.T) {
	if _, err := decodePayload(bytes.Repeat([]byte("2\x1e"), 1_000_000), Revision4, false, 256); !errors.Is(err, errCount) {
		t.Error(err)
	}
	if _, err := decodePayload(bytes.Repeat([]byte("2:42"), 1_000_000), Revision3, false, 256); !errors.Is(err, errCount) {
		t.Error(err)
	}
	allocated := func(n int) float64 {
		body := []byte(fmt.Sprintf("%d:4%s", n+1, strings.Repeat("x", n)))
		return testing.AllocsPerRun(5, func() {
			if _, err := decodePayload(body, Revision3, false, 256); err != nil {
				t.Fatal(err)
			}
		})
	}
	if small, big := allocated(1000), allocated(900_000); big > small {
		t.Errorf("%v allocations for 1 KB, %v for 900 KB", small, big)
	}
}

// FuzzPayload: nothing a client posts makes the decoder panic, and what it
// accepts as text comes out of the encoder as it went in.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"4hello", "4a\x1ebAQID\x1e2probe", "6:4hello6:b4AQID", "\x00\x02\xff4a\x01\x03\xff\x04\x01\x02", "2:4😀", "", "b", "\x1e"} {
		f.Add([]byte(seed), true, false)
		f.Add([]byte(seed), false, false)
		f.Add([]byte(seed), false, true)
	}
	f.Fuzz(func(t *testing.T, body []byte, four, binary bool) {
		r := Revision3
		if four {
			r = Revision4
		}
		all, err := decodePayload(body, r, binary, 64)
		if err != nil {
			return
		}
		again, err := decodePayload(encodePayload(all, r), r, false, 64)
		if err != nil || !equal(all, again) {
			t.Errorf("%q became %v, then %v (%v)", body, all, again, err)
		}
	})
}
