package listener

import (
	"io"
	"testing"
	"testing/iotest"

	"strings"
)

// R-8489-6.3-a (RFC 8489, 6.3): a stream is STUN's only if its first bytes are
// those of a STUN message.
func TestRecognise(t *testing.T) {
	stunHead := string(binding(0)[:8])
	for _, c := range []struct {
		name, head string
		want       protocol
	}{
		{"nothing yet", "", undecided},
		{"a Binding", stunHead, speaksTURN},
		{"an Allocate", "\x00\x03\x00\x08\x21\x12\xa4\x42", speaksTURN},
		{"half a cookie", stunHead[:6], undecided},
		{"classic STUN without a cookie", "\x00\x01\x00\x00\x00\x00\x00\x00", speaksNothing},
		{"a wrong byte in the cookie", "\x00\x01\x00\x00\x21\x13", speaksNothing},
		{"a length that is no multiple of four", "\x00\x01\x00\x03", speaksNothing},
		{"a method beyond all", "\x3f\xff\x00\x00", speaksNothing},
		{"ChannelData before any request", "\x40\x00\x00\x04abcd", speaksNothing},
		{"a ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01", speaksTLS},
		{"a record type alone", "\x16", undecided},
		{"a DTLS ClientHello", "\x16\xfe\xff\x00", speaksNothing},
		{"SSL 2", "\x80\x2e\x01\x03\x01", speaksNothing},
		{"GET", "GET / HT", speaksHTTP},
		{"OPTIONS", "OPTIONS ", speaksHTTP},
		{"HTTP/2 in plain text", "PRI * HT", speaksHTTP},
		{"a G, which might be a channel", "G", undecided},
		{"lower case", "get / ht", speaksNothing},
		{"RFC 4571 or SSH", "SSH-2.0-", speaksNothing},
		{"all ones", "\xff\xff\xff\xff\xff\xff\xff\xff", speaksNothing},
	} {
		if got := recognise([]byte(c.head)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for _, method := range []string{"GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT"} {
		if got := recognise([]byte(method + " / HTTP/1.1")[:8]); got != speaksHTTP {
			t.Errorf("%s: %d", method, got)
		}
	}
}

// R-8489-6.2.2-f (RFC 8489, 6.2.2): what a connection speaks does not depend on
// how its first bytes are cut into segments.
func TestReadHeadByteByByte(t *testing.T) {
	for _, c := range []struct {
		in   string
		want protocol
	}{
		{string(binding(4)), speaksTURN},
		{"GET / HTTP/1.1\r\n\r\n", speaksHTTP},
		{"\x16\x03\x01\x00\xff", speaksTLS},
		{"HELP me", speaksNothing},
	} {
		head, p, err := readHead(iotest.OneByteReader(strings.NewReader(c.in)))
		if err != nil || p != c.want || !strings.HasPrefix(c.in, string(head)) {
			t.Errorf("%q: %q %d %v", c.in, head, p, err)
		}
	}
	if _, p, err := readHead(strings.NewReader("GE")); err != io.EOF || p != undecided {
		t.Errorf("an end in the middle: %d %v", p, err)
	}
}

// What was decided once stays so whatever follows, and headSize bytes decide.
func FuzzRecognise(f *testing.F) {
	f.Add(binding(0))
	f.Add([]byte("GET / HTTP/1.1"))
	f.Add([]byte("\x16\x03\x01\x02\x00"))
	f.Add([]byte("\x40\x00\x00\x00"))
	f.Add([]byte("PRI * HTTP/2.0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := undecided
		for n := range len(b) + 1 {
			p := recognise(b[:n])
			if last != undecided && p != last {
				t.Fatalf("%d bytes say %d, one less %d", n, p, last)
			}
			if n >= headSize && p == undecided {
				t.Fatalf("undecided after %d bytes", n)
			}
			last = p
		}
	})
}

// A-C04, A-X01: what nobody here speaks is closed at once, on every port, and
// nothing of it comes back.
func TestGarbageIsClosed(t *testing.T) {
	s := serve(t)
	var n uint64
	for _, addr := range []string{s.tcp, s.tls} {
		for _, garbage := range []string{
			"SSH-2.0-x\r\n", "\x00\x01\x00\x00\x00\x00\x00\x00", "\x40\x00\x00\x04abcd",
			"\xff\xff\xff\xff", "EHLO mail\r\n", "\x80\x2e\x01\x03\x01\x00",
		} {
			c := dial(t, addr)
			send(t, c, []byte(garbage))
			mustEnd(t, c)
			n++
			s.counted(t, unrecognised, n)

			inner := dialTLS(t, addr)
			send(t, inner, []byte(garbage))
			mustEnd(t, inner)
			n++
			s.counted(t, unrecognised, n)
		}
	}
}

// A TLS ClientHello inside TLS is nobody's.
func TestNoTLSInsideTLS(t *testing.T) {
	s := serve(t)
	c := dialTLS(t, s.tls)
	send(t, c, []byte("\x16\x03\x01\x02\x00\x01\x00"))
	mustEnd(t, c)
	s.counted(t, unrecognised, 1)
}
