package listener

import (
	"encoding/binary"
	"io"
	"strings"

	"iceserver/internal/stun"
)

// protocol is what a client speaks.
type protocol uint8

const (
	undecided     protocol = iota // more bytes are needed
	speaksTURN                    // STUN or TURN messages, framed in a stream
	speaksTLS                     // a TLS ClientHello
	speaksHTTP                    // a request line of HTTP/1, or the preface of HTTP/2
	speaksNothing                 // none of these
)

// headSize is how many bytes decide what a client speaks: a STUN header up to
// the end of its magic cookie.
const headSize = 8

// recognise tells from the first bytes of a stream what it carries. With
// headSize bytes or more the answer is never undecided.
//
// The first byte alone does not do: 'G', 'H', 'C', 'D' and 'O' of the HTTP
// methods lie among the channel numbers. But nobody has a channel before the
// first request, so a stream that begins like ChannelData is no TURN client's.
func recognise(head []byte) protocol {
	switch {
	case len(head) == 0:
		return undecided
	case head[0] == 0x16: // a handshake record (RFC 8446, 5.1)
		return recogniseTLS(head)
	case head[0]&0xC0 == 0:
		return recogniseSTUN(head)
	}
	return recogniseHTTP(head)
}

// recogniseTLS wants the major version 3 that every TLS has in its records.
func recogniseTLS(head []byte) protocol {
	switch {
	case len(head) == 1:
		return undecided
	case head[1] == 3:
		return speaksTLS
	}
	return speaksNothing
}

// recogniseSTUN says no as soon as a byte is wrong: a client that waits for an
// answer to something else shall not wait for the deadline.
//
// R-8489-6.3-a (RFC 8489, 6.3): what does not begin like a STUN message, magic
// cookie included, is not answered as one.
func recogniseSTUN(head []byte) protocol {
	if len(head) >= 4 {
		if _, err := stun.FrameSize(head); err != nil {
			return speaksNothing
		}
		var cookie [4]byte
		binary.BigEndian.PutUint32(cookie[:], stun.MagicCookie)
		got := head[4:min(len(head), headSize)]
		if string(got) != string(cookie[:len(got)]) {
			return speaksNothing
		}
	}
	if len(head) < headSize {
		return undecided
	}
	return speaksTURN
}

func recogniseHTTP(head []byte) protocol {
	start := string(head[:min(len(head), 4)])
	for _, method := range [...]string{
		"GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN", "PRI ",
	} {
		if start == method {
			return speaksHTTP
		}
		if strings.HasPrefix(method, start) {
			return undecided
		}
	}
	return speaksNothing
}

// readHead reads until it is clear what r speaks, and returns what it has read.
func readHead(r io.Reader) ([]byte, protocol, error) {
	head := make([]byte, 0, headSize)
	for {
		n, err := r.Read(head[len(head):headSize])
		head = head[:len(head)+n]
		if p := recognise(head); p != undecided {
			return head, p, nil
		}
		if err != nil {
			return head, undecided, err
		}
	}
}
