package iceserver

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What a compiler has made is no source: who gets the tree would have it for ever,
// and nobody can read it. `go build` in a folder leaves such a file behind.
func TestNoPrograms(t *testing.T) {
	names, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not in a checkout: ", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if err == nil && bytes.HasPrefix(text, []byte("\x7fELF")) {
			t.Errorf("%s is a program: git rm it", name)
		}
	}
}
