package config

import (
	"fmt"
	"reflect"
)

// A Setting is one key with what is in force for it.
type Setting struct {
	Key    string   `json:"key"`
	Group  string   `json:"group"`  // the title of its group
	Values []string `json:"values"` // as in a file, secrets redacted; none: not set
	// From says of each value where it was set. Where there is no value it says
	// so once.
	From []string `json:"from"`
	// Idle settings were written by somebody and are not in force: Why says so.
	Idle bool   `json:"idle,omitempty"`
	Why  string `json:"why,omitempty"`
}

// Lines returns the setting as lines of a file, one for each value.
func (s Setting) Lines() []string {
	out := make([]string, len(s.Values))
	for i, v := range s.Values {
		out[i] = s.Key + "=" + quoted(v)
	}
	return out
}

// fromDefault is where values come from that nobody has set.
const fromDefault = "default"

// Settings returns what is in force, in the order of the table: every supported
// key, and of the others those that were set somewhere.
//
// A-L02: no value of a secret key is in it.
func (c *Config) Settings() []Setting {
	var all []Setting
	for _, g := range Groups() {
		for i := range g.Keys {
			k := &g.Keys[i]
			switch s := (Setting{Key: k.Name, Group: g.Title}); {
			case k.at != nil:
				s.Values = c.values(k)
				s.From = c.from(k, len(s.Values))
				all = append(all, s)
			case c.Set(k.Name):
				s.Idle, s.Why = true, k.Becomes()
				for _, source := range c.Sources[k.Name] {
					s.From = append(s.From, source.String())
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// values are what a key has, without what merely fills the place of nothing: a
// number that was not set and has no default says nothing by being 0.
func (c *Config) values(k *Key) []string {
	empty := reflect.ValueOf(k.at(c)).Elem().IsZero()
	if empty && k.Default == "" && !c.Set(k.Name) && k.Kind != kindBool {
		return []string{}
	}
	return format(k, k.at(c), Secret.String)
}

// from tells for each of n values where it was set. Of a list every value has a
// place of its own; of anything else the last place wins.
func (c *Config) from(k *Key, n int) []string {
	sources := c.Sources[k.Name]
	switch {
	case k.Repeat && len(sources) == n && n > 0:
		out := make([]string, n)
		for i, s := range sources {
			out[i] = s.String()
		}
		return out
	case len(sources) > 0:
		return []string{sources[len(sources)-1].String()}
	}
	if len(k.Follows) > 0 && !c.usual(k) {
		for _, other := range k.Follows {
			if c.Set(other) {
				return []string{fmt.Sprintf("follows from %s, %s", other, c.from(&Key{Name: other}, 1)[0])}
			}
		}
	}
	return []string{fromDefault}
}

// usual says whether a key has the value that it has when nobody sets anything.
func (c *Config) usual(k *Key) bool {
	plain := &loader{table: newTable(), parsers: parsers(), cfg: &Config{}}
	plain.defaults()
	return reflect.DeepEqual(reflect.ValueOf(k.at(c)).Elem().Interface(), reflect.ValueOf(k.at(plain.cfg)).Elem().Interface())
}
