package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stopped is a log that takes lines when it is told to.
type stopped struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	open chan struct{}
}

func (s *stopped) Write(b []byte) (int, error) {
	<-s.open
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *stopped) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Split(strings.TrimSuffix(s.buf.String(), "\n"), "\n")
}

// A log that takes no lines holds up who writes them for a second, once. What it was
// given meanwhile it gets, in its order, as far as that is kept.
func TestLogThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &stopped{open: make(chan struct{})}
		w := patientWriter{new(patience), to}
		began := time.Now()
		for i := range logQueue + 3 {
			fmt.Fprintf(w, "line %d\n", i)
		}
		if took := time.Since(began); took != logPatience {
			t.Errorf("it took %v, want %v", took, logPatience)
		}
		if n, _ := w.missing(); n != 0 {
			t.Errorf("%d lines are told of while nobody can read it", n)
		}
		close(to.open)
		if !w.finish() {
			t.Fatal("the lines were not written")
		}
		lines := to.lines()
		if len(lines) != logQueue || lines[0] != "line 0" || lines[logQueue-1] != fmt.Sprint("line ", logQueue-1) {
			t.Errorf("got %d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
		}
		synctest.Wait()
		n, err := w.missing()
		if n != 3 || !errors.Is(err, errLogFull) {
			t.Errorf("%d lines were lost (%v), want 3", n, err)
		}
		if n, _ := w.missing(); n != 0 {
			t.Errorf("%d are told of again", n)
		}
	})
}

// Who ends a log that hangs waits for a while and not for ever.
func TestLogThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &stopped{open: make(chan struct{})}
		l, closed := new(logging), make(chan struct{})
		l.close = func() { <-to.open; close(closed) } // as a syslog whose lock is held
		fmt.Fprintln(patientWriter{&l.lines, to}, "line")
		began := time.Now()
		l.end()
		if took := time.Since(began); took != logFarewell {
			t.Errorf("it took %v, want %v", took, logFarewell)
		}
		close(to.open)
		<-closed
	})
}

// full is a disk without room until there is some.
type full struct{ bytes.Buffer }

var errFull = errors.New("no room")

func (f *full) Write(b []byte) (int, error) {
	if f.Len() == 0 {
		return 0, errFull
	}
	return f.Buffer.Write(b)
}

// Lines that could not be written are counted, and the log tells how many and why
// when it is written again.
func TestLogThatFails(t *testing.T) {
	disk := new(full)
	l := new(logging)
	l.Logger = slog.New(slog.NewTextHandler(patientWriter{&l.lines, disk}, nil))
	var o outlet
	o.turn(l)
	log := slog.New(switched{outlet: &o})
	for range 5 {
		log.Info("into the void")
	}
	_, _ = io.WriteString(&disk.Buffer, "there is room\n")
	log.Info("first")
	log.Info("second")
	got := disk.String()
	if strings.Contains(got, "void") || !strings.Contains(got, `msg="lines of the log were lost" lost_lines=5 error="no room"`+"\n") ||
		!strings.HasSuffix(got, "msg=second\n") || strings.Count(got, "\n") != 4 {
		t.Errorf("got %s", got)
	}
}
