//go:build linux

package packages_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// link is where a document leads to within the documents.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// documents are the documents in a folder, below it too, and how many links they
// have that lead somewhere. Those that do not are errors.
func documents(t *testing.T, root string) (count, links int) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || path == filepath.Join(root, "bin")) {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".md") {
			return err
		}
		text, err := os.ReadFile(path)
		count++
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), found[1])); err != nil {
				t.Errorf("%s leads to %s: %v", path, found[1], err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return count, links
}

// Every link in a document leads somewhere, in the source and in what a package
// installs of it.
func TestLinks(t *testing.T) {
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	if count, links := documents(t, root); count < 15 || links < 30 {
		t.Errorf("%d documents with %d links in the source", count, links)
	}
	dir := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "-x", built(t, older, "*.deb"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if count, links := documents(t, filepath.Join(dir, "usr/share/doc/iceserver")); count < 15 || links < 30 {
		t.Errorf("%d documents with %d links in the package", count, links)
	}
}
