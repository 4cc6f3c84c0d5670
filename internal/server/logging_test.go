//go:build unix

package server

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
