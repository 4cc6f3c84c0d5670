//go:build linux

package packages_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// bench is a machine to build on, whose programs are those that make needs and
// those that are put there.
func bench(t *testing.T, programs map[string]string) (build func(args ...string) (string, error)) {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"make", "sh", "git", "sed", "sort", "head", "grep", "cat", "find", "touch", "mkdir", "rm"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return func(args ...string) (string, error) {
		command := exec.Command(filepath.Join(dir, "make"), append([]string{"-C", root}, args...)...)
		command.Env = []string{"PATH=" + dir}
		out, err := command.CombinedOutput()
		return string(out), err
	}
}

// Who has no Go is told so, whatever is to be built.
func TestMakeWithoutGo(t *testing.T) {
	build := bench(t, nil)
	for _, target := range []string{"build", "run", "image", "deb", "rpm", "bench", "docs", "fuzz", "lint", "test"} {
		out, err := build(target)
		if err == nil || !strings.Contains(out, "https://go.dev/dl") || strings.Contains(out, "not found") {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
}

// Who has one that knows no other versions is told which is needed; a later one fetches
// that by itself.
func TestMakeWithOldGo(t *testing.T) {
	for version, enough := range map[string]bool{
		"go1.2.1": false, "go1.9": false, "go1.19.8": false, "go1.20": false, "go1.21.0": true, "go1.26.0": true, "devel go1.27-1a2b3c": true,
	} {
		program := `[ "$1" != version ] || echo "go version ` + version + ` linux/amd64"`
		out, err := bench(t, map[string]string{"go": program})("build", "PAGES="+filepath.Join(t.TempDir(), "index.html"))
		if told := strings.Contains(out, "This needs Go 1.26, and installed is an older one (go version "+version); told == enough || (err == nil) != enough {
			t.Errorf("%s: %v\n%s", version, err, out)
		}
	}
}

// A folder may have blanks in its name.
func TestMakeInFolderWithBlanks(t *testing.T) {
	build := bench(t, map[string]string{"go": "exit 0"})
	for target, want := range map[string]string{
		"test-interop": "TEST_ICESERVER='/a new folder/bin/iceserver' go ",
		"image":        "-binary 'amd64=/a new folder/bin/linux-amd64/iceserver'",
		"lint":         "&& '/a new folder/bin/tools/golangci-lint-",
	} {
		out, err := build("--dry-run", "CURDIR=/a new folder", target)
		if err != nil || strings.Contains(out, "warning: ") || !strings.Contains(out, want) {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
}

// Where npm reaches nobody there is a way on, which is named.
func TestMakeWithoutRegistry(t *testing.T) {
	build := bench(t, map[string]string{"go": "exit 0", "npm": "[ $1 != ci ]", "node": "echo 22.12.0"})
	pages := "PAGES=" + filepath.Join(t.TempDir(), "index.html")
	if out, err := build("build", pages); err == nil || !strings.Contains(out, "To build without them: make build NODED=false") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := build("build", pages, "NODED=false"); err != nil || !strings.Contains(out, "Built without the web pages") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A node that is too old for the pages is as none: the program is made without them,
// which is said at the end, where one looks.
func TestMakeWithOldNode(t *testing.T) {
	for _, step := range []struct {
		version string
		pages   bool
	}{
		{"", false}, {"18.19.0", false}, {"20.9.0", false}, {"20.18.9", false},
		{"20.19.0", true}, {"20.20.1", true}, {"22.12.0", true}, {"100.0.0", true},
	} {
		programs := map[string]string{"go": "exit 0", "npm": "exit 0", "node": "echo " + step.version}
		if step.version == "" {
			delete(programs, "node")
		}
		// Neither does anything, so that what is there stays as it is.
		out, err := bench(t, programs)("build", "PAGES="+filepath.Join(t.TempDir(), "index.html"))
		if err != nil {
			t.Fatalf("node %s: %v\n%s", step.version, err, out)
		}
		if made := strings.Contains(out, "npm run build"); made != step.pages {
			t.Errorf("node %s: the pages are made: %v\n%s", step.version, made, out)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		for len(lines) > 1 && strings.Contains(lines[len(lines)-1], "Leaving directory") {
			lines = lines[:len(lines)-1]
		}
		if without := strings.HasPrefix(lines[len(lines)-1], "Built without the web pages"); without == step.pages {
			t.Errorf("node %s: the last line is %q", step.version, lines[len(lines)-1])
		}
	}
}
