package servertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryKey is the environment variable that names the program to test.
const binaryKey = "TEST_ICESERVER"

var errNoRoot = errors.New("not inside the iceserver repository")

// Main is for a package's TestMain: it builds the program once, unless the
// environment variable TEST_ICESERVER names one, runs the tests and returns their
// exit code.
func Main(m *testing.M) int {
	if os.Getenv(binaryKey) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "iceserver-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(filepath.Join(dir, "iceserver"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "servertest:", err)
		return 1
	}
	return m.Run()
}

func build(out string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	command := exec.Command("go", "build", "-o", out, "./cmd/iceserver")
	command.Dir = root
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/iceserver: %w\n%s", err, text)
	}
	return os.Setenv(binaryKey, out)
}

// Binary is the path of the program to test. The package's TestMain must have
// called Main.
func Binary(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv(binaryKey)
	if path == "" {
		tb.Fatalf("no program to test: TestMain must call servertest.Main, or set %s", binaryKey)
	}
	return path
}

// Root is the repository's folder: the nearest one above the working directory
// whose go.mod is the main module's.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module iceserver\n")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errNoRoot
		}
		dir = parent
	}
}
