package interop

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"iceserver/test/servertest"
)

var (
	bytesLine = regexp.MustCompile(`(?m)start_mclient: tot_send_bytes ~ (\d+), tot_recv_bytes ~ (\d+)$`)
	lostLine  = regexp.MustCompile(`(?m)Total lost packets (\d+) \(\S+, total send dropped (\d+) `)
)

// transport is a way from coturn's client to the server.
type transport struct {
	name              string
	flags             []string
	secure, datagrams bool
}

func transports() []transport {
	return []transport{
		{"UDP", nil, false, true},
		{"TCP", []string{"-t"}, false, false},
		{"TLS", []string{"-t", "-S"}, true, false},
		{"DTLS", []string{"-S"}, true, true},
	}
}

// traffic is what coturn's client counts at its end: bytes, and messages.
type traffic struct {
	sent, received int
	lost, dropped  int
}

// attempts is how often coturn's client may try: datagrams get lost on a busy
// machine, and once in some thousand times it draws channel numbers that nobody
// may use.
const attempts = 3

// wantAll fails the test unless coturn's client sends so many bytes through s and
// has all of them back.
func (s server) wantAll(t *testing.T, bytes int, tr transport, host string, flags ...string) {
	t.Helper()
	var all []string
	for range attempts {
		got, err := s.uclient(t, tr, host, flags...)
		if err == nil && got == (traffic{sent: bytes, received: bytes}) {
			return
		}
		all = append(all, fmt.Sprintf("%+v, %v", got, err))
	}
	t.Errorf("want %d bytes there and back; %d attempts:\n%s", bytes, attempts, strings.Join(all, "\n"))
}

// uclient runs coturn's client against s and returns what it counted. The
// client tries some errors for ever, so that its time is limited.
func (s server) uclient(t *testing.T, tr transport, host string, flags ...string) (traffic, error) {
	t.Helper()
	port := s.port
	if tr.secure {
		port = s.tlsPort
	}
	args := append([]string{}, tr.flags...)
	args = append(args, flags...)
	args = append(args, "-p", strconv.Itoa(port), host)
	output, err := tool(t, 2*time.Minute, "turnutils_uclient", args...)
	if err == nil {
		var got traffic
		if got, err = count(output); err == nil {
			return got, nil
		}
	}
	return traffic{}, fmt.Errorf("turnutils_uclient %v: %w\n%s", args, err, output)
}

// count reads what the client says at its end.
func count(output string) (traffic, error) {
	line := append(bytesLine.FindStringSubmatch(output), lostLine.FindStringSubmatch(output)...)
	if len(line) != 6 {
		return traffic{}, errors.New("it counted nothing")
	}
	var got traffic
	for i, to := range map[int]*int{1: &got.sent, 2: &got.received, 4: &got.lost, 5: &got.dropped} {
		n, err := strconv.Atoi(line[i])
		if err != nil {
			return traffic{}, err
		}
		*to = n
	}
	return got, nil
}

func tool(t *testing.T, limit time.Duration, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(output), err
}

// echo starts coturn's peer on both loopback addresses and returns its port; it
// answers on the next one too.
func echo(t *testing.T) string {
	t.Helper()
	port := strconv.Itoa(servertest.FreePorts(t, 2))
	servertest.Run(t, "turnutils_peer", "-L", "127.0.0.1", "-L", "::1", "-p", port)
	return port
}

func shared(flags ...string) []string { return append(flags, "-u", "user", "-W", secret) }

// The cases of coturn's own run_tests.sh, and each of the four ways also over
// IPv6 and with relayed addresses of the other family.
func TestUclientTransports(t *testing.T) {
	t.Parallel()
	s := startByFlags(t, "use-auth-secret", "static-auth-secret="+secret, "allow-loopback-peers")
	peer := echo(t)
	for _, tr := range transports() {
		for _, client := range []string{"127.0.0.1", "::1"} {
			for relay, family := range map[string]string{"127.0.0.1": "-X", "::1": "-x"} {
				name := fmt.Sprintf("%s/from=%s/relay=%s", tr.name, client, relay)
				flags := shared("-e", relay, "-r", peer, family)
				// DONT-FRAGMENT cannot be had from datagrams over IPv4 to IPv6.
				if !tr.datagrams || client == relay || family == "-X" {
					flags = append(flags, "-g")
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s.wantAll(t, 1000, tr, client, flags...)
				})
			}
		}
	}
}

// The same as run_tests_conf.sh does it: every key in a file. One server is
// enough for the cases below, which all need no other keys.
func TestUclientFile(t *testing.T) {
	t.Parallel()
	s := start(t, "use-auth-secret", "static-auth-secret="+secret, "allow-loopback-peers")
	peer := echo(t)
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			s.wantAll(t, 1000, tr, "127.0.0.1", shared("-e", "127.0.0.1", "-r", peer, "-X", "-g")...)
		})
		t.Run(tr.name+"/load", func(t *testing.T) {
			t.Parallel()
			// 4 sessions of 2 000 messages, one each millisecond. (The packet
			// mode of newer clients is not in every distribution's.) A busy
			// machine may lose some of them on the way.
			flags := shared("-m", "4", "-l", "100", "-c", "-n", "2000", "-z", "1", "-e", "127.0.0.1", "-r", peer, "-g")
			got, err := s.uclient(t, tr, "127.0.0.1", flags...)
			if err != nil {
				t.Fatal(err)
			}
			if got.sent != 800_000 || got.received < got.sent/2 {
				t.Errorf("sent %d bytes, received %d; want 800000 and at least half of it", got.sent, got.received)
			}
		})
	}
}

// Two clients of this server that talk to each other's relayed addresses, by
// channels and by Send indications.
func TestUclientToUclient(t *testing.T) {
	t.Parallel()
	s := start(t, "use-auth-secret", "static-auth-secret="+secret)
	for _, tr := range transports() {
		for name, extra := range map[string][]string{"channels": nil, "indications": {"-s"}, "IPv6": {"-x"}} {
			t.Run(tr.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				flags := shared(append(extra, "-y", "-n", "100", "-m", "4", "-l", "170")...)
				s.wantAll(t, 4*100*170, tr, "127.0.0.1", flags...)
			})
		}
	}
}

// A user with a password from the configuration.
func TestUclientUser(t *testing.T) {
	t.Parallel()
	s := start(t, "user=ninefingers:youhavetoberealistic", "lt-cred-mech", "allow-loopback-peers")
	peer := echo(t)
	user := []string{"-e", "127.0.0.1", "-r", peer, "-X", "-g", "-u", "ninefingers"}
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		flags := append([]string{"-n", "1000", "-m", "10", "-l", "170", "-w", "youhavetoberealistic"}, user...)
		s.wantAll(t, 10*1000*170, transports()[0], "127.0.0.1", flags...)
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		flags := append([]string{"-w", "wrong", "-p", strconv.Itoa(s.port)}, user...)
		output, err := tool(t, time.Minute, "turnutils_uclient", append(flags, "127.0.0.1")...)
		if err == nil || bytesLine.MatchString(output) {
			t.Errorf("a wrong password was good enough:\n%s", output)
		}
	})
}
