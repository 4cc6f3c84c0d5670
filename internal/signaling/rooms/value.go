package rooms

import (
	"bytes"
	"encoding/json"
	"strings"
)

// marshal returns a value as JSON; JSON stays as it is.
func marshal(v any) json.RawMessage {
	var b []byte
	var err error
	switch v := v.(type) {
	case json.RawMessage:
		if len(v) == 0 {
			return json.RawMessage("null")
		}
		return v
	case object:
		b, err = v.MarshalJSON() // encoding/json would read all of it again
	default:
		b, err = json.Marshal(v)
	}
	if err != nil {
		panic(err) // only values of this package get here
	}
	return b
}

// textOf returns a string, or a number as it is written. Clients that mean a
// string sometimes send a number.
func textOf(raw json.RawMessage) (text string, ok bool) {
	if len(raw) == 0 {
		return "", false
	}
	switch c := raw[0]; {
	case c == '"':
		return text, json.Unmarshal(raw, &text) == nil
	case c == '-' || c >= '0' && c <= '9':
		return string(raw), true
	}
	return "", false
}

// blank says whether a text is empty or only spaces, as the client sees it.
func blank(s string) bool { return strings.ReplaceAll(s, " ", "") == "" }

// decodeInto reads an object; false: it is something else.
func decodeInto(raw json.RawMessage, into any) bool {
	return len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, into) == nil
}

// member is one key of an object with its value.
type member struct {
	key   string
	value json.RawMessage
}

// object is a JSON object that keeps the order of its keys and what this server
// does not know.
type object []member

// mostMembers bounds an object taken apart; the client sends three or four.
const mostMembers = 64

func parseObject(raw json.RawMessage) (object, bool) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	var o object
	for d.More() {
		key, err := d.Token()
		if err != nil || len(o) == mostMembers {
			return nil, false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, false
		}
		o.set(key.(string), value) // inside an object the decoder yields strings as keys
	}
	return o, true
}

func (o object) get(key string) json.RawMessage {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func (o *object) set(key string, value json.RawMessage) {
	for i, m := range *o {
		if m.key == key {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{key, value})
}

// with returns a copy with another value for a key.
func (o object) with(key string, value json.RawMessage) object {
	c := append(make(object, 0, len(o)+1), o...)
	c.set(key, value)
	return c
}

// MarshalJSON writes the keys in their order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, marshal(m.key)...), ':')
		b = append(b, m.value...)
	}
	return append(b, '}'), nil
}

// stored returns what may be kept of a client's JSON and sent to others later:
// an empty object instead of what is too long, and of what looks like a
// placeholder of binary data, which would break the client that gets it together
// with the attachments of another message.
func stored(raw json.RawMessage, limit int) json.RawMessage {
	if len(raw) == 0 || len(raw) > limit || string(raw) == "null" || placeholder(raw) {
		return json.RawMessage("{}")
	}
	return bytes.Clone(raw)
}

func placeholder(raw json.RawMessage) bool {
	if !bytes.Contains(raw, []byte("laceholde")) && !bytes.Contains(raw, []byte(`\u`)) {
		return false
	}
	var v any
	return json.Unmarshal(raw, &v) != nil || hasPlaceholder(v)
}

func hasPlaceholder(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			if hasPlaceholder(each) {
				return true
			}
		}
	case map[string]any:
		for key, each := range v {
			if key == "_placeholder" || hasPlaceholder(each) {
				return true
			}
		}
	}
	return false
}
