package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A-L02: after successes and failures of every kind, no secret, password, key or
// minted credential stands in the log, at the level that tells most and in any of
// its forms; the greeting shows none but those of the first run. The command line of
// a command that reads a password from standard input does not hold it.
func TestCanary(t *testing.T) {
	for format, allocated := range map[string]string{
		"text": "msg=allocated", "json": `"msg":"allocated"`, "coturn": " allocation new, ", "coturn-4.17": ": new, ",
	} {
		t.Run(format, func(t *testing.T) { searchForSecrets(t, format, allocated) })
	}
}

func searchForSecrets(t *testing.T, format, allocated string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(t.TempDir(), "log")
	conf := write(t, "turnserver.conf", "realm=example.org\nverbose\nlog-min-level=debug\nlog-format="+format+"\nlog-file="+log+
		"\nuser=alice:CANARY-password\nuser=bob:0xca4a57ca4a57ca4a57ca4a57ca4a57aa\nstatic-auth-secret=CANARY-secret\n")
	flags := append(onLoopback(t, dir), "-c", conf, "--json")
	sub := []string{"-c", conf, "--data-dir=" + dir}
	must(t, "CANARY-database\n", nil, append([]string{"user", "add", "carol", "-p", "-"}, sub...)...)
	must(t, "CANARY-second\n", nil, append([]string{"secret", "add", "-"}, sub...)...)

	p := serve(t, flags...)
	g := greetingOf(t, p)
	s := g.ICEServers[0]
	for _, url := range s.URLs {
		relays(t, url, "alice", "CANARY-password", g.Certificate)
		relays(t, url, "carol", "CANARY-database", g.Certificate)
		relays(t, url, s.Username, s.Credential, g.Certificate)
	}
	refused(t, s.URLs[0], "alice", "CANARY-wrong")
	refused(t, s.URLs[0], "bob", "CANARY-wrong")
	refused(t, s.URLs[0], "9999999999:x", "CANARY-wrong")
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}

	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	all := string(text) + p.err.String() + p.out.String()
	if n := strings.Count(all, allocated); n < 6 {
		t.Fatalf("%d allocations in the log: it is not the one to search", n)
	}
	for _, secret := range append(keptSecrets(t, dir), "CANARY-", "ca4a57ca4a57", "BEGIN PRIVATE") {
		if strings.Contains(strings.ToLower(all), strings.ToLower(secret)) {
			t.Errorf("%q is printed:\n%s", secret, all)
		}
	}
	if strings.Contains(string(text)+p.err.String(), s.Credential) {
		t.Errorf("a minted credential is in the log:\n%s", text)
	}
}

// keptSecrets are the values in the state of a data directory.
func keptSecrets(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, word := range strings.Split(string(text), `"`) {
		if i%4 == 3 && len(word) > 12 { // every second string is a value
			out = append(out, word)
		}
	}
	if len(out) != 3 {
		t.Fatalf("%d secrets in the state", len(out))
	}
	return out
}

// A-L02: the log of a first run does not hold what its greeting prints.
func TestCanaryFirstRun(t *testing.T) {
	dir := t.TempDir()
	p := server(t, dir, "--json", "--verbose")
	s := greetingOf(t, p).ICEServers[0]
	relays(t, s.URLs[0], s.Username, s.Credential, "")
	p.end(t, syscall.SIGTERM)
	for _, secret := range keptSecrets(t, dir) {
		if strings.Contains(p.err.String(), secret) {
			t.Errorf("the log holds a kept secret:\n%s", p.err)
		}
	}
}

// R-8656-21.3.2-a (RFC 8656, 21.3.2): the log tells who held which relayed
// address when, and at the level debug with whom.
// A-O07: peers and bytes stand in the log, so that a tunnel can be found.
func TestLogTellsWho(t *testing.T) {
	p := server(t, t.TempDir(), "--realm=r", "--user=alice:pw", "--verbose")
	c := dial(t, "turn:"+udpOf(t, p)+"?transport=udp", "alice", "pw", "")
	relayed, _ := c.allocate()
	if code := c.permit(relayed.Addr()); code != 0 {
		t.Fatalf("refused with %d", code)
	}
	data := []byte("twelve bytes")
	c.receive(relayed, data, func() { c.turn.Send(relayed, data, &c.out) })
	p.end(t, syscall.SIGTERM)
	for what, parts := range map[string][]string{
		"msg=allocated": {"relayed=" + relayed.String()},
		"msg=permitted": {"relayed=" + relayed.String(), "peer=" + relayed.Addr().String()},
		"msg=deleted":   {"relayed=" + relayed.String(), "client_bytes=12", "peer_bytes=12"},
	} {
		found := false
		for line := range strings.Lines(p.err.String()) {
			found = found || strings.Contains(line, what) && strings.Contains(line, "user=alice") &&
				strings.Contains(line, "time=") && strings.Contains(line, "client="+c.conn.LocalAddr().String()) &&
				strings.Contains(line, parts[0]) && strings.Contains(line, parts[len(parts)-1])
		}
		if !found {
			t.Errorf("no line %s with %q:\n%s", what, parts, p.err)
		}
	}
}
