package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// seeds are the files in use and a file with every key.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	var all strings.Builder
	for _, k := range Keys() {
		all.WriteString(k.Name + "=" + sampleOf(&k) + "\n")
	}
	f.Add(all.String())
	f.Add("external-ip auto\nexternal-ip turn.example.org/192.0.2.1")
}

// FuzzParse: no file makes Load panic, every problem stands on a line of the
// file, and what is written from the result is read back as the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
		last := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.File != "f" || p.Line < 1 || p.Line > last || p.Column < 1 || p.Message == "" || strings.ContainsAny(p.String(), "\n\r\x00") {
				t.Errorf("a problem outside the %d lines, or with bad text: %#v", last, p)
			}
		}
		again(t, c, Failed(problems))
	})
}

// again writes a configuration and reads it back.
func again(t interface{ Errorf(string, ...any) }, c *Config, failed bool) {
	text := c.text(Secret.Reveal)
	d, problems := Load(Input{File: "g", Text: strings.NewReader(text)})
	if Failed(problems) && !failed {
		t.Errorf("what was written is not read:\n%s%s", text, lines(problems))
	}
	if strip(c); !reflect.DeepEqual(c, strip(d)) {
		t.Errorf("what was read again differs:\n%s\n%s", text, d.text(Secret.Reveal))
	}
}

// strip takes away where things came from, and what follows from other fields.
func strip(c *Config) *Config {
	c.Sources = nil
	for _, rules := range [][]PeerRange{c.AllowedPeers, c.DeniedPeers} {
		for i := range rules {
			rules[i].File, rules[i].Line = "", 0
		}
	}
	return c
}

// Any mixture of valid settings loads, and survives being written and read.
func TestWrittenIsRead(t *testing.T) {
	keys := Keys()
	rapid.Check(t, func(t *rapid.T) {
		var file strings.Builder
		for range rapid.IntRange(0, 30).Draw(t, "lines") {
			k := keys[rapid.IntRange(0, len(keys)-1).Draw(t, "key")]
			value := sampleOf(&k)
			if k.Secret && k.Kind != kindUser {
				value = rapid.StringMatching(`[ -~]{0,12}[a-z]`).Draw(t, "secret")
			}
			sep := rapid.SampledFrom([]string{"=", " ", "\t", " = "}).Draw(t, "separator")
			file.WriteString(k.Name + sep + value + rapid.SampledFrom([]string{"", " # x", "\r", "  "}).Draw(t, "end") + "\n")
		}
		c, problems := Load(Input{File: "f", Text: strings.NewReader(file.String())})
		again(t, c, Failed(problems))
	})
}
