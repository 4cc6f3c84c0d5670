package stun

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse, A-C13: no bytes make Parse or a reader panic or write; what was refused
// was refused for a known reason; what was accepted comes back when it is built
// anew, but for its padding.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"request", "response4", "response6", "longterm"} {
		f.Add(vector(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		m, err := Parse(b)
		readAll(&m)
		if !bytes.Equal(b, before) {
			t.Fatal("reading has changed the message")
		}
		if err != nil {
			checkRefusal(t, &m, err)
			return
		}
		checkRebuilt(t, &m)
		checkViews(t, &m)
		if n, err := FrameSize(b); b[0] <= 3 && (n != len(b) || err != nil) {
			t.Fatalf("FrameSize = %d, %v of %d bytes", n, err, len(b))
		}
	})
}

// readAll calls every reader on every attribute.
func readAll(m *Message) {
	for typ, v := range m.Attributes() {
		_, _ = m.DecodeXORAddress(v)
		_, _ = m.XORAddress(typ)
		_, _ = m.Address(typ)
		_, _ = m.Uint32(typ)
		_, _ = m.Family(typ)
	}
	_, _, _ = m.ErrorCode()
	_, _, _, _ = m.AddressError()
	_, _ = m.ChannelNumber()
	_, _ = m.EvenPort()
	_, _ = m.ReservationToken()
	_, _ = m.Transport()
	_, _ = m.ICMP()
	_, _ = m.CheckFingerprint()
	_ = m.CheckIntegrity([]byte("key"))
	_ = m.Method.String() + m.Class.String()
}

func checkRefusal(t *testing.T, m *Message, err error) {
	t.Helper()
	for _, known := range []error{ErrShort, ErrNotSTUN, ErrCookie, ErrLength, ErrTruncated} {
		if errors.Is(err, known) {
			if len(m.raw) != 0 {
				t.Fatalf("%v, and yet there is a message", err)
			}
			return
		}
	}
	t.Fatalf("an error of another kind: %v", err)
}

// checkRebuilt builds the message from all of its attributes, those that do not
// count too, and compares it with the original whose padding is cleared here.
func checkRebuilt(t *testing.T, m *Message) {
	t.Helper()
	want := bytes.Clone(m.raw)
	b := NewBuilder(stale(64)[:0], m.Method, m.Class, m.ID)
	for off := HeaderSize; off < len(m.raw); {
		typ, v, next := m.attr(off)
		b.Add(typ, v)
		clear(want[off+attrHeaderSize+len(v) : next])
		off = next
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Fatalf("rebuilt\n%x, it was\n%x", b.Bytes(), want)
	}
}

// checkViews requires that Get and Attributes agree and that nothing but the two
// exceptions is seen behind an integrity attribute (R-8489-9-a, R-8489-9-b).
func checkViews(t *testing.T, m *Message) {
	t.Helper()
	seen := make(map[AttrType]bool)
	behind := false
	for typ, v := range m.Attributes() {
		got, ok := m.Get(typ)
		if !ok || !seen[typ] && !bytes.Equal(got, v) {
			t.Fatalf("Get(%#x) = %x, %v; Attributes has %x first", uint16(typ), got, ok, v)
		}
		if behind && typ != AttrMessageIntegritySHA256 && typ != AttrFingerprint {
			t.Fatalf("%#x is seen behind the integrity attribute", uint16(typ))
		}
		if behind && seen[typ] {
			t.Fatalf("a second %#x is seen behind the integrity attribute", uint16(typ))
		}
		seen[typ] = true
		behind = behind || typ == AttrMessageIntegrity || typ == AttrMessageIntegritySHA256
	}
	if _, ok := m.Get(0x7ABC); ok != seen[0x7ABC] {
		t.Fatal("Get finds what Attributes does not have")
	}
}

// FuzzChannelData: a parsed message is the beginning of what came in, written
// anew.
func FuzzChannelData(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		number, data, err := ParseChannelData(b)
		if err != nil {
			if !errors.Is(err, ErrShort) && !errors.Is(err, ErrChannel) || data != nil || number != 0 {
				t.Fatalf("%#x, %x, %v", number, data, err)
			}
			return
		}
		if number < MinChannel || number > MaxChannel {
			t.Fatalf("number %#x", number)
		}
		header := make([]byte, ChannelHeaderSize)
		PutChannelHeader(header, number, len(data))
		if !bytes.HasPrefix(b, append(header, data...)) {
			t.Fatalf("%x is not how %x begins", append(header, data...), b)
		}
		// On a stream the same bytes are a frame with the same contents.
		if n, err := FrameSize(b); err != nil || n != ChannelHeaderSize+padded(len(data)) {
			t.Fatalf("FrameSize = %d, %v with %d bytes of data", n, err, len(data))
		}
	})
}

// FuzzFrameSize: four bytes decide, and a frame is never smaller than its header
// and length, nor larger than 65552 (A-C20).
func FuzzFrameSize(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := FrameSize(b)
		if len(b) < 4 {
			if n != 0 || !errors.Is(err, ErrShort) {
				t.Fatalf("%d, %v of %d bytes", n, err, len(b))
			}
			return
		}
		if again, err2 := FrameSize(b[:4]); again != n || !errors.Is(err2, err) {
			t.Fatalf("%d, %v; of the first four bytes %d, %v", n, err, again, err2)
		}
		if err != nil {
			if n != 0 || !errors.Is(err, ErrFrame) {
				t.Fatalf("%d, %v", n, err)
			}
			return
		}
		length := int(binary.BigEndian.Uint16(b[2:]))
		if n < 4+length || n > 65552 || n%4 != 0 {
			t.Fatalf("%d bytes with a length field of %d", n, length)
		}
	})
}

// FuzzURI: what is accepted has one canonical text that means the same.
func FuzzURI(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			if !errors.Is(err, ErrURI) || u != (URI{}) {
				t.Fatalf("%+v, %v", u, err)
			}
			return
		}
		if strings.ContainsAny(u.Host, "[]@/?#%\\ \x00\r\n") || u.Host == "" {
			t.Fatalf("host %q", u.Host)
		}
		again, err := ParseURI(u.String())
		if err != nil || again != u || again.String() != u.String() {
			t.Fatalf("%+v is written %q, which is %+v, %v", u, u, again, err)
		}
		if host, port := u.Address(); host != u.Host || port == 0 {
			t.Fatalf("address %q, %d", host, port)
		}
	})
}

// FuzzXORAddress: a value that is an address is written back as it was, but for
// the byte that nobody reads.
func FuzzXORAddress(f *testing.F) {
	f.Fuzz(func(t *testing.T, id, v []byte) {
		m := Message{}
		copy(m.ID[:], id)
		ap, err := m.DecodeXORAddress(v)
		if err != nil {
			if !errors.Is(err, ErrAttribute) || ap != (netip.AddrPort{}) {
				t.Fatalf("%v, %v", ap, err)
			}
			return
		}
		b := NewBuilder(nil, MethodData, ClassIndication, m.ID)
		b.AddXORAddress(AttrXORPeerAddress, ap)
		built := mustParse(t, b.Bytes())
		got, _ := built.Get(AttrXORPeerAddress)
		v = bytes.Clone(v)
		v[0] = 0
		if !bytes.Equal(got, v) {
			t.Fatalf("%v is written %x, it was %x", ap, got, v)
		}
	})
}

// FuzzErrorCode: a value that is an error is written back with its code and as
// much of its phrase as may be sent.
func FuzzErrorCode(f *testing.F) {
	f.Fuzz(func(t *testing.T, v []byte) {
		b := NewBuilder(nil, MethodAllocate, ClassError, testID)
		b.Add(AttrErrorCode, v)
		if b.Bytes() == nil {
			return
		}
		m := mustParse(t, b.Bytes())
		code, reason, err := m.ErrorCode()
		if err != nil {
			if !errors.Is(err, ErrAttribute) || code != 0 || reason != "" {
				t.Fatalf("%d %q, %v", code, reason, err)
			}
			return
		}
		if code < 300 || code > 699 || reason != string(v[4:]) {
			t.Fatalf("%x is %d %q", v, code, reason)
		}
		m, _ = sent(t, code, reason)
		gotCode, got, err := m.ErrorCode()
		if gotCode != code || err != nil || !strings.HasPrefix(reason, got) {
			t.Fatalf("%d %q is sent as %d %q, %v", code, reason, gotCode, got, err)
		}
		if utf8.RuneCountInString(got) > 127 || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Fatalf("sent reason %q", got)
		}
		whole := utf8.ValidString(reason) && !strings.Contains(reason, "\x00") && utf8.RuneCountInString(reason) <= 127
		if whole && got != reason {
			t.Fatalf("%q was clipped to %q", reason, got)
		}
	})
}
