//go:build linux

package store_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"iceserver/internal/load"
	"iceserver/internal/store"
	"iceserver/test/servertest"
)

// relayPorts is how many ports a server may relay from.
const relayPorts = 20

// serve runs the program on a database, with alice and more configured, and returns
// the address for clients and the configuration.
func serve(t *testing.T, kind store.Kind, where string, more ...string) (s *servertest.Server, at netip.AddrPort, conf string) {
	t.Helper()
	port, relayed, dir := freePort(t), servertest.FreePorts(t, relayPorts), t.TempDir()
	text := strings.Join(append([]string{
		"listening-ip=127.0.0.1", "relay-ip=127.0.0.1", fmt.Sprint("listening-port=", port), "no-tls", "web=off", "realm=r", "user=alice:pw",
		fmt.Sprint("min-port=", relayed), fmt.Sprint("max-port=", relayed+relayPorts-1), "allow-loopback-peers",
		"data-dir=" + filepath.Join(dir, "data"), string(kind) + "=" + where,
	}, more...), "\n") + "\n"
	conf = filepath.Join(dir, "turnserver.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s = servertest.Run(t, servertest.Binary(t), "serve", "-c", conf)
	if err := s.WaitFor(regexp.MustCompile(`msg="?ready"?`), time.Minute); err != nil {
		t.Fatal(err)
	}
	return s, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), conf
}

// relay has a user relay packets for a while.
func relay(t *testing.T, at netip.AddrPort, username, password string, d time.Duration) *load.Result {
	t.Helper()
	r, err := load.Run(t.Context(), load.Options{
		Server: at, Transport: "udp", Username: username, Password: password, Allocations: 1, Window: 1, Rate: 50, Size: 172,
		Burst: 1, Direction: load.Both, Duration: d, Tick: 5 * time.Millisecond,
	})
	if err != nil {
		t.Logf("%s: %v", username, err)
		return nil
	}
	return r
}

// carried requires that nearly all packets came through.
func carried(t *testing.T, who string, r *load.Result) {
	t.Helper()
	if r == nil || r.Traffic == nil || r.Setup.Ready != 1 {
		t.Fatalf("%s does not relay: %+v", who, r)
	}
	for _, f := range []*load.Flow{r.Traffic.Up, r.Traffic.Down} {
		if f.Sent == 0 || f.Received < f.Sent*9/10 {
			t.Errorf("%s: %d of %d packets came through", who, f.Received, f.Sent)
		}
	}
}

// command runs a command of the program on the configuration of a server.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(servertest.Binary(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	if strings.Contains(string(out), "CANARY") {
		t.Errorf("%v prints the password:\n%s", args, out)
	}
	return string(out)
}

// A-A10: a server on each kind of database lets in who is added by command, and
// while the database says nothing, and while it is dead, media flows, those who are
// configured get in, and nobody else does.
func TestServed(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // nearly all of it is waiting
			where := e.fresh(t)
			p := newProxy(t, e.server.address())
			s, at, conf := serve(t, e.kind, where(p.port()))
			command(t, "user", "add", "bob", "-p", "pw", "-c", conf)
			command(t, "secret", "add", "a-secret", "-c", conf)
			if out := command(t, "user", "list", "-c", conf); !strings.Contains(out, "bob") {
				t.Errorf("the list: %s", out)
			}
			// The last start says enough, without the password in what it keeps.
			data := filepath.Join(filepath.Dir(conf), "data")
			command(t, "user", "add", "carol", "-p", "pw", "--data-dir", data)
			if text, err := os.ReadFile(filepath.Join(data, "started.json")); err != nil || strings.Contains(string(text), "CANARY") {
				t.Errorf("error %v, or the password is kept: %s", err, text)
			}
			carried(t, "carol", relay(t, at, "carol", "pw", 200*time.Millisecond))

			flows := make(chan *load.Result, 1)
			go func() { flows <- relay(t, at, "bob", "pw", 8*time.Second) }()
			allocated(t, s, "bob")
			p.stall(true)
			carried(t, "alice", relay(t, at, "alice", "pw", 500*time.Millisecond))
			if r := relay(t, at, "mallory", "pw", 100*time.Millisecond); r != nil && r.Setup.Ready > 0 {
				t.Error("mallory is let in")
			}
			carried(t, "bob", <-flows)
			p.stall(false)
			recovered(t, at)

			// The same with a server that dies and comes back.
			go func() { flows <- relay(t, at, "carol", "pw", 8*time.Second) }()
			allocated(t, s, "carol")
			e.server.kill()
			carried(t, "alice", relay(t, at, "alice", "pw", 500*time.Millisecond))
			if r := relay(t, at, "mallory", "pw", 100*time.Millisecond); r != nil && r.Setup.Ready > 0 {
				t.Error("mallory is let in")
			}
			carried(t, "carol", <-flows)
			told(t, conf, "FAIL           database: ")
			e.server.restart(t)
			recovered(t, at)
			told(t, conf, "answers\n")
			// An outage is over with the first answer, and the second may come before.
			text := s.Log()
			if n := strings.Count(text, "does not answer; configured"); strings.Contains(text, "CANARY") || n < 1 || n > 2 {
				t.Errorf("the log tells the password, or not once of an outage:\n%s", text)
			}
			s.Stop(t)
		})
	}
}

// told waits until the status of a server says something, of which nothing is secret.
func told(t *testing.T, conf, what string) {
	t.Helper()
	out := ""
	for over := time.Now().Add(40 * time.Second); time.Now().Before(over); time.Sleep(100 * time.Millisecond) {
		if out = command(t, "status", "-c", conf); strings.Contains(out, what) {
			return
		}
	}
	t.Errorf("the status does not tell %q:\n%s", what, out)
}

// allocated waits until a user has an allocation.
func allocated(t *testing.T, s *servertest.Server, username string) {
	t.Helper()
	if err := s.WaitFor(regexp.MustCompile(`msg=allocated .*user=`+username), time.Minute); err != nil {
		t.Fatal(err)
	}
}

// recovered waits until a user of the database is let in again.
func recovered(t *testing.T, at netip.AddrPort) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if r := relay(t, at, "carol", "pw", 100*time.Millisecond); r != nil && r.Setup.Ready == 1 {
			return
		}
	}
	t.Error("carol is not let in again")
}
