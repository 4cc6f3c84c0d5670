// Package servertest starts the real program for tests: it builds it, runs it,
// waits until it says that it is ready, keeps its log and ends it.
//
// Knows: how the program is called. Does not know: its insides. It lies outside
// internal so that the tests with a go.mod of their own can use it too.
package servertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	readyWithin = 60 * time.Second
	endWithin   = 20 * time.Second
)

var (
	readyLine = regexp.MustCompile(`\bmsg="?ready"?(\s|$)|"msg":"ready"`)
	dataDir   = regexp.MustCompile(`(?m)^\s*(--)?data-dir\b`)
)

var errExitZero = errors.New("exit status 0")

// Options say how to start a server.
type Options struct {
	Conf  string   // the text of its configuration file
	Flags []string // further arguments, each --key or --key=value
	Via   []string // a command to run it with, as `ip netns exec NAME`
}

// Server is a running program. It ends with the test that started it.
type Server struct {
	command *exec.Cmd
	log     *Log
	exited  chan struct{}
	err     error // of the exit; valid once exited is closed
	stopped bool
}

// Start runs `iceserver serve` and returns when the server says that it is
// ready. The test fails if it does not within a minute, and also if the server
// does not end with exit code 0 when the test is over.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	dir := tb.TempDir()
	conf := filepath.Join(dir, "turnserver.conf")
	if err := os.WriteFile(conf, []byte(o.Conf), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := append(append([]string{}, o.Via...), Binary(tb), "serve", "-c", conf)
	args = append(args, o.Flags...)
	// Without this a test would share the data directory of the machine.
	if !dataDir.MatchString(o.Conf + "\n" + strings.Join(o.Flags, "\n")) {
		args = append(args, "--data-dir="+filepath.Join(dir, "data"))
	}
	s := Run(tb, args...)
	tb.Cleanup(func() { s.Stop(tb) })
	if err := s.WaitFor(readyLine, readyWithin); err != nil {
		tb.Fatalf("the server is not ready: %v", err)
	}
	return s
}

// Run starts a program beside a test, as a foreign server or peer, and kills it
// when the test is over.
func Run(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{
		command: exec.Command(args[0], args[1:]...),
		log:     new(Log),
		exited:  make(chan struct{}),
	}
	s.command.Stdout, s.command.Stderr = s.log, s.log
	if err := s.command.Start(); err != nil {
		tb.Fatalf("starting %s: %v", strings.Join(args, " "), err)
	}
	go func() {
		s.err = s.command.Wait()
		close(s.exited)
	}()
	tb.Cleanup(func() {
		s.Kill()
		if tb.Failed() {
			tb.Logf("log of %s:\n%s", filepath.Base(args[0]), s.log.Tail(200))
		}
	})
	return s
}

// Stop ends the server with SIGTERM and fails the test if its exit code is not
// 0 or it has ended before. A second call does nothing.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	select {
	case <-s.exited:
		tb.Errorf("the server has ended by itself: %v", s.err)
		return
	default:
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		tb.Errorf("ending the server: %v", err)
	}
}

// Kill ends the program at once and asks for no exit code.
func (s *Server) Kill() {
	s.stopped = true
	_ = s.end(syscall.SIGKILL)
}

func (s *Server) end(how syscall.Signal) error {
	if err := s.command.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		return s.err
	case <-time.After(endWithin):
		_ = s.command.Process.Kill()
		<-s.exited
		return fmt.Errorf("no exit within %v of %v", endWithin, how)
	}
}

// exit says how the program ended.
func (s *Server) exit() error {
	if s.err != nil {
		return s.err
	}
	return errExitZero
}

// Pid is the program's process id.
func (s *Server) Pid() int { return s.command.Process.Pid }

// Log is everything that the program has written so far.
func (s *Server) Log() string { return s.log.String() }

// WaitFor waits until a line of the log matches. It fails when the time is over
// or the program has ended without such a line.
func (s *Server) WaitFor(line *regexp.Regexp, within time.Duration) error {
	deadline := time.After(within)
	for {
		grown := s.log.Grown()
		if s.log.Match(line) {
			return nil
		}
		select {
		case <-grown:
		case <-s.exited:
			if s.log.Match(line) {
				return nil
			}
			return fmt.Errorf("the program has ended (%w) without a line like %v:\n%s", s.exit(), line, s.log.Tail(50))
		case <-deadline:
			return fmt.Errorf("no line like %v within %v:\n%s", line, within, s.log.Tail(50))
		}
	}
}
