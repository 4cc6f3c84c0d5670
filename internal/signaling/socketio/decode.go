package socketio

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what a client may send.
const (
	mostAttachments = 10
	// longestAttachments is for all attachments of a packet together, in bytes:
	// they wait in memory for the last of them, as long as the client likes.
	longestAttachments = 1_000_000
	deepestJSON        = 32
	longestID          = 15 // digits: such a number fits a JavaScript number too
	longestName        = 128
)

// decode takes the text of a packet apart.
//
// W-S4: whatever is malformed is an error for the caller to close on; nothing a
// client sends is used as a name or an index before it is checked.
func decode(b []byte) (packet, error) {
	if len(b) == 0 || packetType(b[0]) < packetConnect || packetType(b[0]) > packetBinaryAck {
		return packet{}, errPacket
	}
	p := packet{kind: packetType(b[0]), namespace: "/", id: noID}
	b = b[1:]
	var err error
	if p.kind == packetBinaryEvent || p.kind == packetBinaryAck {
		if p.announced, b, err = attachmentCount(b); err != nil {
			return packet{}, err
		}
	}
	if len(b) > 0 && b[0] == '/' {
		name, rest, _ := bytes.Cut(b, []byte{','})
		// A query after the name was for the server's middleware.
		p.namespace, _, _ = strings.Cut(string(name), "?")
		b = rest
	}
	if p.id, b, err = number(b); err != nil || len(p.namespace) > longestName {
		return packet{}, errPacket
	}
	if err := CheckDepth(b); err != nil {
		return packet{}, err
	}
	if len(b) > 0 && !json.Valid(b) {
		return packet{}, errPacket
	}
	p.data = b
	return p, p.check()
}

// attachmentCount reads how many attachments a packet announces.
//
// W-S6: a number that no client needs is refused before anything is kept for it.
func attachmentCount(b []byte) (n int, rest []byte, err error) {
	digits, _, ok := bytes.Cut(b[:min(len(b), 4)], []byte{'-'})
	count, err := strconv.ParseUint(string(digits), 10, 8)
	if !ok || err != nil || count > mostAttachments {
		return 0, nil, errAttachment
	}
	return int(count), b[len(digits)+1:], nil
}

// number reads the acknowledgement number, if there is one.
func number(b []byte) (id int64, rest []byte, err error) {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n == 0 {
		return noID, b, nil
	}
	if n > longestID {
		return 0, nil, errPacket
	}
	id, err = strconv.ParseInt(string(b[:n]), 10, 64)
	return id, b[n:], err
}

// check says whether the data suits the type.
func (p *packet) check() error {
	first := byte(0)
	if len(p.data) > 0 {
		first = p.data[0]
	}
	switch p.kind {
	case packetConnect:
		if first != 0 && first != '{' {
			return errPacket
		}
	case packetDisconnect:
		if first != 0 {
			return errPacket
		}
	case packetEvent, packetBinaryEvent:
		return p.checkEvent()
	case packetAck, packetBinaryAck:
		if first != '[' || p.id == noID {
			return errPacket
		}
	case packetConnectError:
		return errPacket // a server's word
	}
	return nil
}

func (p *packet) checkEvent() error {
	name, _, err := p.event()
	if err != nil || slices.Contains(reserved(), name) {
		return errEvent
	}
	return nil
}

// reserved are the names that client libraries use for themselves.
func reserved() []string {
	return []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
}

// event returns the name and the arguments of an event.
func (p *packet) event() (name string, args []json.RawMessage, err error) {
	var all []json.RawMessage
	if err := json.Unmarshal(p.data, &all); err != nil || len(all) == 0 {
		return "", nil, errEvent
	}
	if all[0][0] != '"' || json.Unmarshal(all[0], &name) != nil || len(name) > longestName {
		return "", nil, errEvent
	}
	return name, all[1:], nil
}

// CheckDepth refuses JSON that nests deeper than any client has reason to,
// without recursion.
//
// H-13: at most 32 levels.
func CheckDepth(b []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > deepestJSON {
				return errDepth
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// checkPlaceholders says whether every placeholder of a binary packet names one
// of its attachments.
//
// W-S4: `"num":"splice"` and numbers out of range are refused here, so no client
// that the event is passed on to stumbles over them.
func (p *packet) checkPlaceholders() error {
	var v any
	if err := json.Unmarshal(p.data, &v); err != nil {
		return errPacket
	}
	return checkPlaceholder(v, len(p.attachments))
}

func checkPlaceholder(v any, attachments int) error {
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			if err := checkPlaceholder(each, attachments); err != nil {
				return err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			n, ok := v["num"].(float64)
			if !ok || n < 0 || n >= float64(attachments) || n != float64(int(n)) {
				return errPlaceholder
			}
		}
		for _, each := range v {
			if err := checkPlaceholder(each, attachments); err != nil {
				return err
			}
		}
	}
	return nil
}
