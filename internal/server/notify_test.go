package server

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"iceserver/internal/config"
	"iceserver/test/servertest"
)

// serving runs a server until the returned function, or the end of the test.
func serving(t *testing.T, s *Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// supervisor is the side of the service manager.
type supervisor struct {
	t    *testing.T
	conn *net.UnixConn
}

// supervise listens for what servers tell their service manager; watchdog is its
// WATCHDOG_USEC, or empty.
func supervise(t *testing.T, watchdog string) *supervisor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", watchdog)
	t.Setenv("WATCHDOG_PID", "")
	return &supervisor{t, c}
}

// next is the next message with an assignment.
func (s *supervisor) next(assignment string) string {
	s.t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for {
		text, err := s.read(limit)
		if err != nil {
			s.t.Fatalf("%s never came: %v", assignment, err)
		}
		if strings.Contains("\n"+text+"\n", "\n"+assignment) {
			return text
		}
	}
}

func (s *supervisor) read(limit time.Time) (string, error) {
	buf := make([]byte, 4096)
	_ = s.conn.SetReadDeadline(limit)
	n, err := s.conn.Read(buf)
	return string(buf[:n]), err
}

// The service manager hears of the start, of a reload with its end, of what the
// server does, and of the end.
func TestNotify(t *testing.T) {
	manager := supervise(t, "")
	cfg := load(t, "realm=r\nuser=alice:pw\nallow-loopback-peers")
	s, err := New(cfg, Options{Stdout: io.Discard, Stderr: io.Discard, Load: func() (*config.Config, error) { return cfg, nil }})
	if err != nil {
		t.Fatal(err)
	}
	stop := serving(t, s)
	if text := manager.next("READY=1\n"); !strings.Contains(text, "STATUS=Serving: allocations ") {
		t.Errorf("the start: %q", text)
	}
	if _, err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if text := manager.next("RELOADING=1\n"); !strings.Contains(text, "MONOTONIC_USEC=") {
		t.Errorf("the reload has no time: %q", text)
	}
	manager.next("READY=1\n")
	stop()
	manager.next("STOPPING=1\n")
}

// The watchdog is answered while all workers answer, and not while one hangs.
func TestWatchdog(t *testing.T) {
	manager := supervise(t, "400000")
	cfg := load(t, "realm=r\nuser=alice:pw\nallow-loopback-peers\nrelay-threads=2")
	log := new(servertest.Log)
	s, err := New(cfg, Options{Stdout: io.Discard, Stderr: log})
	if err != nil {
		t.Fatal(err)
	}
	serving(t, s)
	manager.next("READY=1\n")
	c := clientOf(t, s.Addrs().UDP[0], "alice", "pw")
	if _, err := c.allocate(); err != nil {
		t.Fatal(err)
	}
	manager.next("WATCHDOG=1\n")

	// Asked whether its allocation is meant, a worker hangs until it is told.
	hangs, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan int)
	go func() {
		ended <- s.relay.End(func(string, string) bool { close(hangs); <-goOn; return false })
	}()
	<-hangs
	log.Wait(t, "a worker does not answer")
	// What is in the socket by now was sent before.
	for {
		if _, err := manager.read(time.Now().Add(time.Millisecond)); err != nil {
			break
		}
	}
	if text, err := manager.read(time.Now().Add(time.Second)); !isTimeout(err) {
		t.Errorf("while a worker hangs the watchdog hears %q (%v)", text, err)
	}
	close(goOn)
	<-ended
	manager.next("WATCHDOG=1\n")
}

// Where there is no service manager, as in a container, whoever asks for the health
// of the server hears of a worker that hangs, and that it goes on.
func TestHealthOfHungWorker(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "400000") // how often the workers are asked
	t.Setenv("WATCHDOG_PID", "")
	r := exporting(t, metricsUsers+"relay-threads=2", Options{})
	c := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
	if _, err := c.allocate(); err != nil {
		t.Fatal(err)
	}
	says := func(path string, status int) {
		t.Helper()
		if answer, body := get(t, r.browser(t, ""), "http://"+r.Addrs().Metrics[0].String()+path); answer.StatusCode != status {
			t.Errorf("%s is %d %q, want %d", path, answer.StatusCode, body, status)
		}
	}
	says("/healthz", 200)
	says("/readyz", 200)

	hangs, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan int)
	go func() {
		ended <- r.relay.End(func(string, string) bool { close(hangs); <-goOn; return false })
	}()
	<-hangs
	r.log.Wait(t, "a worker does not answer")
	says("/healthz", 503)
	says("/readyz", 503)
	says("/metrics", 200)
	close(goOn)
	<-ended
	r.awaitMetrics(t, map[string]float64{"iceserver_ready": 1})
	says("/healthz", 200)
	says("/readyz", 200)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// Without a service manager nobody is told anything, and nothing complains.
func TestNobodyToNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	r := start(t, load(t, "realm=r\nuser=alice:pw"), Options{})
	r.log.Wait(t, "msg=ready")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if strings.Contains(r.log.String(), "service manager") {
		t.Errorf("the log:\n%s", r.log)
	}
}
