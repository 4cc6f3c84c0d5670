package config

import (
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Set says whether the operator gave the key a value, by whatever name.
func (c *Config) Set(key string) bool { return len(c.Sources[key]) > 0 }

// String returns the configuration as a file: every supported key that was set
// or differs from its default, in the order of the table, secrets redacted.
func (c *Config) String() string { return c.text(Secret.String) }

// text writes the configuration as a file that Load reads back, with secrets as
// show has them.
func (c *Config) text(show func(Secret) string) string {
	plain := &loader{table: newTable(), parsers: parsers(), cfg: &Config{}}
	plain.defaults()
	var b strings.Builder
	for i := range plain.table.keys {
		k := &plain.table.keys[i]
		if k.at == nil {
			continue
		}
		values, usual := format(k, k.at(c), show), format(k, k.at(plain.cfg), show)
		if reflect.DeepEqual(values, usual) && !c.Set(k.Name) {
			continue
		}
		for _, v := range values {
			b.WriteString(k.Name + "=" + quoted(v) + "\n")
		}
	}
	return b.String()
}

// quoted puts a value in quotation marks where it would be read as something
// else without them.
func quoted(v string) string {
	if e, ok := readLine("k="+v, false); ok && e.value == v && e.warning == nil && !strings.HasSuffix(v, ";") {
		return v
	}
	return `"` + v + `"`
}

// format returns the values of a key: none or several for a list.
func format(k *Key, field any, show func(Secret) string) []string {
	v := reflect.ValueOf(field).Elem()
	if !k.Repeat {
		return []string{formatOne(v.Interface(), show)}
	}
	var out []string
	for i := range v.Len() {
		out = append(out, formatOne(v.Index(i).Interface(), show))
	}
	return out
}

// formatOne undoes what the parsers do. It knows their result types, and a test
// goes through all of them.
func formatOne(v any, show func(Secret) string) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case uint16:
		return strconv.Itoa(int(v))
	case uint64:
		return strconv.FormatUint(v, 10)
	case byte:
		return string(rune(v))
	case time.Duration:
		return strconv.FormatInt(int64(v/time.Second), 10)
	case netip.Addr:
		return v.String()
	case netip.AddrPort:
		return v.String()
	case netip.Prefix:
		return v.String()
	case ExternalIP:
		return v.String()
	case PeerRange:
		return v.Text
	case User:
		return v.Name + ":" + show(v.Password) + show(v.Key)
	case Secret:
		return show(v)
	}
	return v.(string)
}

// String returns the mapping as the file has it: public, or public/private.
func (e ExternalIP) String() string {
	public := e.Name
	if public == "" {
		public = e.Public.String()
	}
	if !e.Private.IsValid() {
		return public
	}
	return public + "/" + e.Private.String()
}
