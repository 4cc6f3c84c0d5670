package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestChanged(t *testing.T) {
	read := func(text string) *Config {
		t.Helper()
		cfg, problems := Load(Input{File: "turnserver.conf", Text: strings.NewReader(text)})
		if Failed(problems) {
			t.Fatal(problems)
		}
		return cfg
	}
	before := "realm=r\nuser=alice:one\nlistening-port=3478\n"
	for _, c := range []struct {
		name, after   string
		live, restart []string
	}{
		{"nothing", before + "# a comment\n", nil, nil},
		{"a default that is spelled out", before + "user-quota=0\n", nil, nil},
		// Without the key the log goes to standard error.
		{"a log on standard output", before + "log-file=stdout\n", []string{"log-file"}, nil},
		{"a password", strings.Replace(before, "one", "two", 1), []string{"user"}, nil},
		{"a user more", before + "user=bob:two\n", []string{"user"}, nil},
		{"a port", strings.Replace(before, "3478", "3479", 1), nil, []string{"listening-port"}},
		{"both", "realm=s\nuser=alice:one\nmin-port=50000\n", []string{"realm"}, []string{"min-port"}},
	} {
		live, restart := Changed(read(before), read(c.after))
		if !reflect.DeepEqual(live, c.live) || !reflect.DeepEqual(restart, c.restart) {
			t.Errorf("%s: %q and %q, want %q and %q", c.name, live, restart, c.live, c.restart)
		}
	}
}
