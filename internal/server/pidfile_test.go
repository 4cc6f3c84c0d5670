package server

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// The file holds the number of the process while the server runs, whatever lay
// there before: what a dead process left, or another program's number.
func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turnserver.pid")
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Skip("no program to run:", err)
	}
	for _, before := range []string{"", strconv.Itoa(dead.Process.Pid), "1\n", strconv.Itoa(os.Getpid())} {
		if before != "" {
			if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := start(t, load(t, "pidfile="+path), Options{})
		if got := readPID(path); got != os.Getpid() {
			t.Errorf("behind %q: the file holds %d, want %d", before, got, os.Getpid())
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("behind %q: the file is still there: %v", before, err)
		}
	}
	none := start(t, load(t, "pidfile="), Options{})
	none.log.Wait(t, "msg=ready")
}

// A file that holds no process number is somebody's, and a link leads to one.
func TestPIDFileSparesOthers(t *testing.T) {
	other, link := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(other, []byte("dear diary"), 0o644), os.Symlink(other, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, link} {
		if _, err := New(load(t, "pidfile="+path), Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "holds no process number") {
			t.Errorf("pidfile=%s: %v", path, err)
		}
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "dear diary" {
		t.Errorf("%q, %v", text, err)
	}
}

// What another process has written meanwhile stays.
func TestPIDFileOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turnserver.pid")
	r := start(t, load(t, "pidfile="+path), Options{})
	if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if got := readPID(path); got != 1 {
		t.Errorf("the file holds %d", got)
	}
}

// One that names a running process of this program stops the start, and so does
// one that cannot be written; then nothing is left behind.
func TestPIDFileRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turnserver.pid")
	refused := func(path, want string) {
		t.Helper()
		_, err := New(load(t, "pidfile="+path), Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	refused(filepath.Join(path, "missing"), "correct pidfile")
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what runs under a number")
	}
	other := exec.Command(os.Args[0], "-test.run=^TestLingers$")
	other.Env = append(os.Environ(), "ICESERVER_TEST_LINGER=1")
	hold, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		hold.Close()
		_ = other.Wait()
	}()
	pid := strconv.Itoa(other.Process.Pid)
	if err := os.WriteFile(path, []byte(pid), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(path, "process "+pid+" runs already")
	if got := readPID(path); got != other.Process.Pid {
		t.Errorf("the file holds %d", got)
	}
}

// TestLingers is the other process of TestPIDFileRefused: it ends with its input.
func TestLingers(t *testing.T) {
	if os.Getenv("ICESERVER_TEST_LINGER") == "" {
		t.Skip("part of another test")
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
