package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Pages say nothing twice, nothing that contradicts itself, and show the examples.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	if code := run([]string{"iceserver", "man", dir}, nil, os.Stdout, os.Stderr); code != 0 {
		t.Fatal("exit code ", code)
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if n := strings.Count(read("iceserver-turnadmin.1"), "Usage: turnadmin"); n != 1 {
		t.Errorf("the page of turnadmin has its commands %d times", n)
	}
	for _, name := range []string{"iceserver-doctor.1", "iceserver-probe.1"} {
		if page := read(name); !strings.Contains(page, "exit code") || strings.Contains(page, "EXIT STATUS") {
			t.Errorf("%s does not tell the exit codes once", name)
		}
	}
	if page := read("iceserver-probe.1"); !strings.Contains(page, "EXAMPLES") {
		t.Error("the page of probe has no examples")
	}
}
