package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The line of the unit that the packages bring is read as what it is: coturn's name
// and coturn's file. A unit whose line cannot be followed is none.
func TestParseUnit(t *testing.T) {
	text, err := os.ReadFile("../../packaging/systemd/iceserver.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "turnserver.conf")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unit := strings.ReplaceAll(string(text), "-c /etc/turnserver.conf", "-c "+file)
	if unit == string(text) {
		t.Fatal("the unit names no configuration")
	}
	c := parseUnit(unit)
	if c == nil || !c.coturn || c.file != file {
		t.Fatalf("got %+v", c)
	}
	cfg, err := c.before(nil, new(strings.Builder))
	if err != nil || cfg.DefaultDatabase != coturnDatabase("") {
		t.Errorf("%+v %v", cfg, err)
	}
	for _, bad := range []string{
		"", "ExecStart=\n", "ExecStart=/usr/bin/turnadmin -l\n", "ExecStart=/usr/bin/iceserver doctor\n",
		"ExecStart=/usr/bin/turnserver -c " + file + ".missing\n", "ExecStart=/usr/bin/turnserver --no-such-key -c " + file + "\n",
	} {
		if c := parseUnit(bad); c != nil {
			t.Errorf("%q: got %+v", bad, c)
		}
	}
}
