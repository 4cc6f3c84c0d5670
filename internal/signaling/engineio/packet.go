package engineio

import (
	"encoding/base64"
	"errors"
	"unicode/utf8"
)

// packetType is the first character of a packet.
type packetType byte

// The packet types of the protocol; versions 3 and 4 number them alike.
const (
	packetOpen    packetType = '0'
	packetClose   packetType = '1'
	packetPing    packetType = '2'
	packetPong    packetType = '3'
	packetMessage packetType = '4'
	packetUpgrade packetType = '5'
	packetNoop    packetType = '6'
)

// packet is one unit of either transport. Only messages can be binary.
type packet struct {
	kind   packetType
	data   []byte
	binary bool
}

// Faults of a packet or payload; each closes the session.
var (
	errPacket  = errors.New("malformed packet")
	errPayload = errors.New("malformed payload")
	errCount   = errors.New("too many packets in one payload")
)

// base64Mark stands before a binary message where only text can travel.
const base64Mark = 'b'

// decodeText takes a packet that travelled as text. In version 3 the mark of a
// binary message is followed by the packet's type, in version 4 by the data.
func decodeText(b []byte, r Revision) (packet, error) {
	if len(b) == 0 || !utf8.Valid(b) {
		return packet{}, errPacket
	}
	if b[0] == base64Mark {
		return decodeBase64(b[1:], r)
	}
	kind := packetType(b[0])
	if kind < packetOpen || kind > packetNoop {
		return packet{}, errPacket
	}
	return packet{kind: kind, data: b[1:]}, nil
}

func decodeBase64(b []byte, r Revision) (packet, error) {
	if r == Revision3 {
		if len(b) == 0 || packetType(b[0]) != packetMessage {
			return packet{}, errPacket
		}
		b = b[1:]
	}
	data, err := base64.StdEncoding.AppendDecode(nil, b)
	if err != nil {
		return packet{}, errPacket
	}
	return packet{kind: packetMessage, data: data, binary: true}, nil
}

// decodeBinary takes a packet that travelled as bytes: in version 4 the bare
// message, in version 3 with its type as a number before it.
func decodeBinary(b []byte, r Revision) (packet, error) {
	if r == Revision3 {
		if len(b) == 0 || b[0] != byte(packetMessage-'0') {
			return packet{}, errPacket
		}
		b = b[1:]
	}
	return packet{kind: packetMessage, data: b, binary: true}, nil
}

// appendText appends a packet as it travels in text.
func appendText(dst []byte, p packet, r Revision) []byte {
	if !p.binary {
		return append(append(dst, byte(p.kind)), p.data...)
	}
	dst = append(dst, base64Mark)
	if r == Revision3 {
		dst = append(dst, byte(p.kind))
	}
	return base64.StdEncoding.AppendEncode(dst, p.data)
}

// frame returns a packet as one WebSocket message.
func frame(p packet, r Revision) (data []byte, binary bool) {
	switch {
	case !p.binary:
		return appendText(make([]byte, 0, 1+len(p.data)), p, r), false
	case r == Revision3:
		return append([]byte{byte(packetMessage - '0')}, p.data...), true
	}
	return p.data, true
}
