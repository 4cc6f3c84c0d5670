package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// A-L06: the book of what users did is refused when others may read it, or when it
// lies elsewhere; one that is broken is told with what to do.
func TestUsageThatIsNotOurs(t *testing.T) {
	for name, lay := range map[string]func(path string) error{
		"chmod 600":     func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a plain file":  func(path string) error { return os.Symlink("elsewhere", path) },
		"move the file": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("rubbish ", 1000)), 0o600) },
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := lay(filepath.Join(dir, usageName)); err != nil {
			t.Skip(err)
		}
		_, err := New(load(t, "realm=r\nuser=alice:pw\nlistening-ip=127.0.0.1\ndata-dir="+dir), Options{Stderr: new(servertest.Log), Stdout: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q: %v", name, err)
		}
	}
}
