//go:build unix

package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/stun"
)

// The log goes to syslog with facility, severity, name and number of the process,
// without a time of its own, and nowhere else.
func TestSyslog(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "log")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip("no unix datagram sockets here:", err)
	}
	defer l.Close()
	file := filepath.Join(dir, "turn.log")
	r := start(t, load(t, "syslog\nsyslog-facility=LOG_LOCAL3\nallow-loopback-peers\nlog-file="+file), Options{Syslog: socket})
	// 19 is local3; 6 is info and 3 an error.
	ready := regexp.MustCompile(`^<158>.* iceserver\[\d+\]: level=INFO msg=ready `)
	if line := awaitLine(t, l, "msg=ready"); !ready.MatchString(line) {
		t.Errorf("got %q", line)
	}
	r.Server.log.Error("of the test", "group", "x")
	if line := awaitLine(t, l, "of the test"); !strings.HasPrefix(line, "<155>") {
		t.Errorf("an error came as %q", line)
	}
	if _, err := os.Stat(file); err == nil || strings.Contains(r.log.String()+r.out.String(), "msg=ready") {
		t.Errorf("the log went elsewhere too: %v\n%s%s", err, r.log, r.out)
	}
}

// awaitLine returns the first datagram with text in it.
func awaitLine(t *testing.T, l *net.UnixConn, text string) string {
	t.Helper()
	_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
	for b := make([]byte, 8192); ; {
		n, err := l.Read(b)
		if err != nil {
			t.Fatalf("%q never came: %v", text, err)
		}
		if line := string(b[:n]); strings.Contains(line, text) {
			return line
		}
	}
}

// Without a syslog the log is where it would be without the key, and says why.
func TestNoSyslog(t *testing.T) {
	r := start(t, load(t, "syslog"), Options{Syslog: filepath.Join(t.TempDir(), "nobody")})
	r.log.Wait(t, "there is no syslog")
	r.log.Wait(t, "msg=ready")
}

// A log-file that cannot be opened is no reason not to serve: coturn goes on too.
func TestLogFileThatCannotBe(t *testing.T) {
	r := start(t, load(t, "log-file="+filepath.Join(t.TempDir(), "nowhere", "turn.log")), Options{})
	r.log.Wait(t, "cannot write the log")
	r.log.Wait(t, "msg=ready")
}

// The time of lines looks as new-log-timestamp-format says, in both forms of the
// log, and as in RFC 3339 without it.
func TestLogTimestamp(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    `^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S+ level=`,
		"new-log-timestamp-format=%FT%T.%f%z": `^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} level=`,
		"new-log-timestamp-format=%d/%b/%Y 100%%f\nlog-format=json": `^\{"time":"\d\d/[A-Z][a-z]{2}/\d{4} 100%f","level":`,
	} {
		r := start(t, load(t, text), Options{})
		line := r.log.Wait(t, "ready")
		if !regexp.MustCompile(want).MatchString(line) {
			t.Errorf("%q: got %s", text, line)
		}
	}
}

// log-binding logs a Binding request with who sent it, and a flood of them a few
// times; without the key none.
func TestLogBinding(t *testing.T) {
	r := start(t, load(t, "log-binding\nno-tls\nno-tcp\nrelay-threads=1"), Options{})
	r.log.Wait(t, "msg=ready")
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const flood = 300
	for range flood {
		ask(t, c, r.Addrs().UDP[0], stun.MethodBinding, func(*stun.Builder) {})
	}
	r.log.Wait(t, "client="+c.LocalAddr().(*net.UDPAddr).AddrPort().String())
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(r.log.String(), "msg=answered"); n == 0 || n > flood/2 {
		t.Errorf("%d lines for %d requests", n, flood)
	}

	quiet := start(t, load(t, "no-tls\nno-tcp"), Options{})
	ask(t, c, quiet.Addrs().UDP[0], stun.MethodBinding, func(*stun.Builder) {})
	if err := quiet.stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(quiet.log.String(), "msg=answered") {
		t.Errorf("nobody asked for it:\n%s", quiet.log)
	}
}

// Every facility has its number, and those that are local theirs in turn.
func TestFacilities(t *testing.T) {
	for name, want := range map[string]int{"LOG_KERN": 0, "LOG_DAEMON": 3, "LOG_FTP": 11, "LOG_LOCAL0": 16, "LOG_LOCAL7": 23, "": 3} {
		if got := int(facility(name)) >> 3; got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}

// A syslog that reads no more, whose socket is full after a few lines, stops neither
// the server nor a reload that sends the log elsewhere.
func TestSyslogThatHangs(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "log")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip("no unix datagram sockets here:", err)
	}
	defer l.Close()
	cfg := load(t, "syslog")
	next := *cfg
	next.Syslog = false
	r := start(t, cfg, Options{Syslog: socket, Load: func() (*config.Config, error) { return &next, nil }})
	for i := range 1000 {
		r.Server.log.Info("of the test", "number", i)
	}
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	r.Server.log.Info("after the reload")
	r.log.Wait(t, "after the reload")
}

// A line that a full disk took half of ends where the next one begins, and a file
// that was exchanged meanwhile takes the rest.
func TestLogFileThatWasFull(t *testing.T) {
	f := &logFile{path: filepath.Join(t.TempDir(), "turn.log"), torn: true}
	if err := f.reopen(); err != nil {
		t.Fatal(err)
	}
	old := f.f
	for _, line := range []string{"first\n", "second\n"} {
		if _, err := f.Write([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	if err := f.reopen(); err != nil || f.f == old {
		t.Fatal(f.f, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Write([]byte("third\n")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file took a line: %v", err)
	}
	if text, err := os.ReadFile(f.path); err != nil || string(text) != "\nfirst\nsecond\n" {
		t.Errorf("got %q %v", text, err)
	}
}

// JSON tells how long something lasts in seconds, and the others as people write it.
func TestLogDurations(t *testing.T) {
	for format, want := range map[string]string{
		"text": "lasts=1m30.5s", "json": `"lasts":90.5`, "coturn": "lasts=1m30.5s",
	} {
		r := start(t, load(t, "log-format="+format), Options{})
		r.Server.log.Info("of the test", "lasts", 90500*time.Millisecond)
		r.log.Wait(t, want)
	}
}
