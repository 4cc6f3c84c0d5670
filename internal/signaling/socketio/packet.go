package socketio

import (
	"encoding/json"
	"errors"
	"strconv"
)

// packetType is the first character of a packet.
type packetType byte

// The packet types; versions 4 and 5 number them alike.
const (
	packetConnect      packetType = '0'
	packetDisconnect   packetType = '1'
	packetEvent        packetType = '2'
	packetAck          packetType = '3'
	packetConnectError packetType = '4'
	packetBinaryEvent  packetType = '5'
	packetBinaryAck    packetType = '6'
)

// noID stands for a packet without acknowledgement number.
const noID = -1

// packet is one unit of the protocol. Bytes inside its JSON are placeholders
// that number the attachments.
type packet struct {
	kind        packetType
	namespace   string
	id          int64
	data        json.RawMessage // absent, an object, an array or a string
	attachments [][]byte
	announced   int // attachments that follow
	attached    int // bytes in attachments
}

// Faults of a packet; each closes the session.
var (
	errPacket      = errors.New("malformed packet")
	errAttachment  = errors.New("attachment out of place")
	errPlaceholder = errors.New("placeholder without attachment")
	errEvent       = errors.New("reserved or malformed event name")
	errDepth       = errors.New("JSON nested too deep")
)

// encode returns the text of a packet.
func (p packet) encode() []byte {
	b := make([]byte, 0, len(p.data)+len(p.namespace)+16)
	b = append(b, byte(p.kind))
	if p.kind == packetBinaryEvent || p.kind == packetBinaryAck {
		b = append(strconv.AppendInt(b, int64(len(p.attachments)), 10), '-')
	}
	if p.namespace != "/" {
		b = append(append(b, p.namespace...), ',')
	}
	if p.id != noID {
		b = strconv.AppendInt(b, p.id, 10)
	}
	return append(b, p.data...)
}

// array writes JSON values as an array.
func array(values ...json.RawMessage) json.RawMessage {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}
