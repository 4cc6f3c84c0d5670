package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Explanation is the documentation of one key, in words.
type Explanation struct {
	Key      string   `json:"key"`
	Group    string   `json:"group"`    // the title of its group
	What     string   `json:"what"`     // what the key means
	Flag     string   `json:"flag"`     // how it looks on the command line
	Variable string   `json:"variable"` // its name in the environment
	Type     string   `json:"type"`
	Range    string   `json:"range,omitempty"`   // which values there are; empty: any
	Default  string   `json:"default,omitempty"` // empty: none
	Bare     string   `json:"bare,omitempty"`    // what the key without a value means
	List     bool     `json:"list"`              // several values add up
	Verdict  Verdict  `json:"verdict"`
	Becomes  string   `json:"becomes"` // the verdict as a sentence
	Coturn   string   `json:"coturn"`  // what coturn means by it, as a sentence
	Example  string   `json:"example"` // a line of a file
	Related  []string `json:"related,omitempty"`
	// Live keys take a new value at a reload, the others at a restart.
	Live bool `json:"live"`
}

// Explain returns the documentation of a key by its name, its long flag or its
// variable. ok is false when there is none; then suggestion is the nearest name,
// or empty.
func Explain(name string) (e Explanation, suggestion string, ok bool) {
	t := newTable()
	bare := strings.TrimPrefix(name, "--")
	k := t.byName[bare]
	for i := range t.keys {
		if other := &t.keys[i]; k == nil && (name == other.Variable() || other.Short != "" && name == "-"+other.Short) {
			k = other
		}
	}
	if k != nil {
		return t.explain(k), "", true
	}
	var names []string
	for _, k := range t.keys {
		names = append(names, k.Name)
	}
	bare = strings.ToLower(strings.TrimPrefix(bare, environPrefix))
	return e, nearest(strings.ReplaceAll(bare, "_", "-"), names), false
}

func (t *table) explain(k *Key) Explanation {
	e := Explanation{
		Key: k.Name, What: k.Doc, Flag: k.Flag(), Variable: k.Variable(), Type: string(k.Kind), Range: k.Range(), Default: k.Default,
		Bare: k.Implied, List: k.Repeat, Verdict: k.Verdict, Becomes: k.Becomes(), Coturn: k.inCoturn(), Example: k.line(), Related: t.related(k), Live: k.Live,
	}
	for _, g := range Groups() {
		if g.Name == k.Group {
			e.Group = g.Title
		}
	}
	return e
}

// Variable returns the name of the key in the environment. Verbose shares its
// name with verbose, which means the same.
func (k *Key) Variable() string { return variable(k.Name) }

// Flag returns how the key looks on the command line.
func (k *Key) Flag() string {
	flag := "--" + k.Name
	if k.Short != "" {
		flag = "-" + k.Short + ", " + flag
	}
	switch {
	case k.Kind == kindBool:
		return flag
	case k.Implied != "":
		return flag + "[=" + k.placeholder() + "]"
	}
	return flag + "=" + k.placeholder()
}

// placeholder stands for the value in help.
func (k *Key) placeholder() string { return strings.ToUpper(string(k.Kind)) }

// Range returns which values the key takes, or "" where any is taken that is of
// its type.
func (k *Key) Range() string {
	switch k.Kind {
	case kindChoice:
		return strings.Join(k.Choices, ", ")
	case kindBool:
		return "true or false; bare means true"
	case kindPort, kindInt, kindBytes, kindSeconds:
		from := strconv.FormatInt(k.Min, 10)
		if k.Max >= noLimit {
			return "at least " + from
		}
		return from + " to " + strconv.FormatInt(k.Max, 10)
	case kindRealm:
		return "at most 127 bytes"
	}
	return ""
}

// Becomes says in a sentence what becomes of the key.
func (k *Key) Becomes() string {
	note := strings.TrimSuffix(k.Note, ".")
	name, _, pair := strings.Cut(k.Means, "=")
	switch {
	case name != "" && !pair:
		return "It is another name of " + name + "."
	case name != "":
		return "It is an old form, read as " + k.Means + ", with a warning."
	}
	switch k.Verdict {
	case Settled:
		return "What it asks for is so anyway: " + note + ". To ask for the opposite is warned of and has no effect."
	case Pending:
		if note == "" {
			return "Not implemented yet: it is warned of and has no effect."
		}
		return "Not implemented yet: it is warned of and has no effect; " + note + "."
	case Obsolete:
		return "It has no effect any more, and is warned of: " + note + "."
	case Refused:
		return "It is refused: " + note + "."
	}
	return "It does what it says."
}

// inCoturn says what coturn means by the key.
func (k *Key) inCoturn() string {
	switch {
	case k.Own:
		return "coturn has no such key."
	case k.Coturn == "":
		return "The same."
	}
	return strings.ToUpper(k.Coturn[:1]) + k.Coturn[1:] + "."
}

// line is the example as a line of a file.
func (k *Key) line() string {
	if k.Kind == kindBool && k.Example == "true" {
		return k.Name
	}
	return k.Name + "=" + k.Example
}

// usualExample is a value of the key's kind, for rows that need none of their own.
func (k *Key) usualExample() string {
	number, last := strconv.FormatInt(max(k.Min, 100), 10), ""
	if n := len(k.Choices); n > 0 {
		last = k.Choices[n-1]
	}
	usual := map[Kind]string{
		kindInt: number, kindBytes: number, kindSeconds: number, kindPort: "5000", kindChoice: last,
		kindBool: "true", kindString: "word", kindPath: "/etc/turn/" + k.Name, kindChar: "|", kindRealm: "example.org",
		kindIP: "192.0.2.1", kindIPPort: "192.0.2.1:3478", kindExternal: "203.0.113.5", kindPeer: "198.51.100.0/24",
		kindUser: "alice:a-long-password", kindSecret: "a-long-secret-of-yours", kindDatabase: "host=localhost dbname=turn",
		kindURL: "https://example.org/", kindOrigin: "https://example.org", kindInterface: "eth0", kindNetwork: "10.0.0.0/8",
		kindTimestamp: "%FT%T%z",
	}
	return usual[k.Kind]
}

// related are the keys that a row names as related, those that its words name,
// and those whose rows do the same of it. Sorted, so that the documentation does
// not change with the order of rows.
func (t *table) related(k *Key) []string {
	var out []string
	for i := range t.keys {
		other := &t.keys[i]
		if other.Name != k.Name && (k.names(other.Name) || other.names(k.Name)) {
			out = append(out, other.Name)
		}
	}
	slices.Sort(out)
	return out
}

// names says whether the row of k speaks of another key. Names that are also
// plain words (user, realm, web) count only where the row says that they are
// keys.
func (k *Key) names(other string) bool {
	key, _, _ := strings.Cut(k.Means, "=")
	if key == other || slices.Contains(k.Related, other) || slices.Contains(k.Follows, other) {
		return true
	}
	if !strings.Contains(other, "-") {
		return false
	}
	words := strings.FieldsFunc(fmt.Sprint(k.Doc, " ", k.Note, " ", k.Coturn), func(r rune) bool {
		return !(r == '-' || r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
	return slices.Contains(words, other)
}
