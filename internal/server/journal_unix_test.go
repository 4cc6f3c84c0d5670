//go:build unix

package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"iceserver/test/servertest"
)

// A-L02: the greeting holds credentials, so it stays out of the journal, which says
// instead how to get some.
func TestGreetingAndJournal(t *testing.T) {
	for _, journal := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "stdout")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var st syscall.Stat_t
		if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		// Not even the same file on another device is the journal.
		if !journal {
			st.Dev++
		}
		t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", st.Dev, st.Ino))
		cfg := load(t, "realm=r\nuser=alice:a-password-to-hide\nstatic-auth-secret=a-secret-to-hide")
		log := new(servertest.Log)
		s, err := New(cfg, Options{Stdout: f, Stderr: log})
		if err != nil {
			t.Fatal(err)
		}
		stop := serving(t, s)
		log.Wait(t, "msg=ready")
		stop()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if (len(text) == 0) != journal || strings.Contains(string(text), "turn:") == journal {
			t.Errorf("journal %v: it holds %q", journal, text)
		}
		if strings.Contains(log.String(), "iceserver credentials") != journal || strings.Contains(log.String(), "to-hide") {
			t.Errorf("journal %v: the log:\n%s", journal, log)
		}
	}
}
