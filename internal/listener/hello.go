package listener

import "encoding/binary"

// Sizes in bytes and offsets of DTLS 1.2 (RFC 6347, 4.1 and 4.2.2).
const (
	recordHeader    = 13
	handshakeHeader = 12
	randomSize      = 32
	cookieSize      = 20
	helloAt         = recordHeader + handshakeHeader // client_version
	randomAt        = helloAt + 2
	sessionAt       = randomAt + randomSize // length of session_id
	verifySize      = helloAt + 2 + 1 + cookieSize

	recordCipherSpec = 20
	recordAlert      = 21
	recordHandshake  = 22
	recordData       = 23

	handshakeClientHello = 1
	handshakeVerify      = 3
)

// clientHello is an unfragmented ClientHello, a view of a datagram.
type clientHello struct {
	record   []byte // the whole record
	old      bool   // of a version before DTLS 1.2
	sequence uint64 // of the record
	message  uint16 // message_seq
	random   []byte
	cookie   []byte
	cookieAt int // offset of the cookie's length byte in record
	extended int // offset behind compression_methods, where extensions begin
}

// parseClientHello reads the first record of a datagram. It says no to anything
// but one whole, well-formed ClientHello in plaintext.
//
// R-6347-4.2.1-c (RFC 6347, 4.2.1), A-C22: a ClientHello in fragments would have
// to be collected for a client whose address nobody has verified. It is refused,
// and no client that fits its ClientHello into a packet notices.
func parseClientHello(b []byte) (h clientHello, ok bool) {
	if !beginsClientHello(b) || len(b) < sessionAt+1 {
		return h, false
	}
	length := int(binary.BigEndian.Uint16(b[11:]))
	if recordHeader+length > len(b) || recordHeader+length < sessionAt+1 {
		return h, false
	}
	h.record = b[:recordHeader+length]
	body := length - handshakeHeader
	if uint24(b[14:]) != body || uint24(b[19:]) != 0 || uint24(b[22:]) != body {
		return h, false
	}
	h.old = b[helloAt] != 0xFE || b[helloAt+1] > 0xFD // versions count down: 0xFEFF is DTLS 1.0
	h.sequence = binary.BigEndian.Uint64(b[3:])       // the epoch in front of it is 0
	h.message = binary.BigEndian.Uint16(b[17:])
	h.random = b[randomAt:sessionAt]
	return h, h.parseVectors()
}

// parseVectors walks through what has a length of its own.
func (h *clientHello) parseVectors() bool {
	r := h.record
	h.cookieAt = sessionAt + 1 + int(r[sessionAt])
	if r[sessionAt] > 32 || h.cookieAt >= len(r) {
		return false
	}
	at := h.cookieAt + 1 + int(r[h.cookieAt])
	if at+2 > len(r) {
		return false
	}
	h.cookie = r[h.cookieAt+1 : at]
	suites := int(binary.BigEndian.Uint16(r[at:]))
	at += 2 + suites
	if suites == 0 || suites%2 != 0 || at >= len(r) {
		return false
	}
	methods := int(r[at])
	at += 1 + methods
	if methods == 0 || at > len(r) {
		return false
	}
	h.extended = at
	if at == len(r) {
		return true // no extensions
	}
	return at+2 <= len(r) && at+2+int(binary.BigEndian.Uint16(r[at:])) == len(r)
}

// beginsClientHello tells whether a datagram begins with a handshake record in
// plaintext whose message is, or continues, a ClientHello.
func beginsClientHello(b []byte) bool {
	return len(b) > recordHeader && b[0] == recordHandshake && b[1] == 0xFE &&
		epoch(b) == 0 && b[recordHeader] == handshakeClientHello
}

// epoch of a record, whose header must be there.
func epoch(record []byte) uint16 { return binary.BigEndian.Uint16(record[3:]) }

// withoutCookie is the ClientHello as the client had sent it before it was
// given its cookie, in a record of its own with the sequence number before.
func (h *clientHello) withoutCookie() []byte {
	first := make([]byte, 0, len(h.record)-len(h.cookie))
	first = append(first, h.record[:h.cookieAt]...)
	first = append(first, 0)
	first = append(first, h.record[h.cookieAt+1+len(h.cookie):]...)
	binary.BigEndian.PutUint64(first[3:], h.sequence-1)
	binary.BigEndian.PutUint16(first[11:], uint16(len(first)-recordHeader))
	putUint24(first[14:], len(first)-helloAt)
	binary.BigEndian.PutUint16(first[17:], 0)
	putUint24(first[22:], len(first)-helloAt)
	return first
}

// appendVerify appends the HelloVerifyRequest that answers h.
//
// R-6347-4.2.1-c (RFC 6347, 4.2.1): it carries the sequence numbers of the
// ClientHello, so that it needs none of its own, and version 1.0, which says
// nothing about what will be negotiated.
func (h *clientHello) appendVerify(dst, cookie []byte) []byte {
	var b [verifySize]byte
	b[0], b[1], b[2] = recordHandshake, 0xFE, 0xFF
	binary.BigEndian.PutUint64(b[3:], h.sequence)
	binary.BigEndian.PutUint16(b[11:], verifySize-recordHeader)
	b[recordHeader] = handshakeVerify
	putUint24(b[14:], verifySize-helloAt)
	binary.BigEndian.PutUint16(b[17:], h.message)
	putUint24(b[22:], verifySize-helloAt)
	b[helloAt], b[helloAt+1], b[helloAt+2] = 0xFE, 0xFF, cookieSize
	copy(b[helloAt+3:], cookie)
	return append(dst, b[:]...)
}

// appendRefusal appends the alert for a client whose newest version is too old:
// protocol_version. It is a seventh of the hello, and leaves no state.
func (h *clientHello) appendRefusal(dst []byte) []byte {
	const fatal, protocolVersion = 2, 70
	var b [recordHeader + 2]byte
	b[0], b[1], b[2] = recordAlert, 0xFE, 0xFF
	binary.BigEndian.PutUint64(b[3:], h.sequence)
	b[12], b[13], b[14] = 2, fatal, protocolVersion
	return append(dst, b[:]...)
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }
