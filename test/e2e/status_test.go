package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// running is what of a status these tests look at.
type running struct {
	State         string `json:"state"`
	PID           int    `json:"pid"`
	Configuration struct {
		File     string `json:"file"`
		Newer    bool   `json:"newer"`
		Rejected *struct {
			Reason string `json:"reason"`
		} `json:"rejected"`
	} `json:"configuration"`
	Allocations struct {
		Now         int            `json:"now"`
		ByTransport map[string]int `json:"by_transport"`
	} `json:"allocations"`
	Users struct {
		Active int `json:"active"`
	} `json:"users"`
	Traffic struct {
		PacketsIn  int `json:"packets_in"`
		PacketsOut int `json:"packets_out"`
	} `json:"traffic"`
	Hints []struct{ Name, Status, Seen, Advice string } `json:"hints"`
}

// statusOf asks a server how it is.
func statusOf(t *testing.T, at ...string) (r running) {
	t.Helper()
	must(t, "", &r, append([]string{"status"}, at...)...)
	return r
}

// legible requires that a status for people fits a terminal, and has some text.
func legible(t *testing.T, out string, want ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines:\n%s", len(lines), out)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 80 && len(strings.Fields(line)) > 3 {
			t.Errorf("too long: %s", line)
		}
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%q is missing in:\n%s", w, out)
		}
	}
}

// The status follows what happens to a server: a call with traffic, a configuration
// that is refused, and its end.
func TestStatus(t *testing.T) {
	dir := t.TempDir()
	text := "realm=example.org\nuser=alice:CANARY-one\nallow-loopback-peers\n"
	file := write(t, "turnserver.conf", text)
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	p.wait(t, "msg=ready")
	at := []string{"--data-dir=" + dir, "-c", file}
	var before running
	waitFor(t, "the end of the server's own test", func() bool { before = statusOf(t, at...); return before.Allocations.Now == 0 })
	if before.State != "serving" || before.PID != p.cmd.Process.Pid || before.Configuration.File != file || len(before.Hints) != 0 {
		t.Errorf("%+v", before)
	}

	a, b := hold(t, url, "alice", "CANARY-one"), hold(t, url, "alice", "CANARY-one")
	alive(t, a, b)
	now := statusOf(t, at...)
	if now.Allocations.Now != 2 || now.Allocations.ByTransport["udp"] != 2 || now.Users.Active != 1 ||
		now.Traffic.PacketsIn <= before.Traffic.PacketsIn || now.Traffic.PacketsOut <= before.Traffic.PacketsOut {
		t.Errorf("of %+v has become %+v", before, now)
	}
	out := must(t, "", nil, append([]string{"status"}, at...)...)
	legible(t, out, "serving ", "example.org", "2 now of 1 user, 2 over udp", "udp "+url[strings.LastIndex(strings.TrimSuffix(url, "?transport=udp"), ":")+1:][:5], "self-test      ok")
	if strings.Contains(out, "CANARY") {
		t.Errorf("a password is told:\n%s", out)
	}

	// The file is broken, and so it would be no help to read it.
	rewrite(t, file, text+"user=alice\n")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.wait(t, "the old one stays in force")
	now = statusOf(t, at...)
	if c := now.Configuration; !c.Newer || c.Rejected == nil || !strings.Contains(c.Rejected.Reason, ":4") || len(now.Hints) != 1 {
		t.Errorf("after a reload of a broken file: %+v", now)
	}
	legible(t, must(t, "", nil, append([]string{"status"}, at...)...), "WARN", "configuration: ", "-> iceserver config check")
	rewrite(t, file, text)
	must(t, "", nil, append([]string{"reload"}, at...)...)
	if now = statusOf(t, at...); now.Configuration.Newer || now.Configuration.Rejected != nil || len(now.Hints) != 0 {
		t.Errorf("after it was mended: %+v", now)
	}

	must(t, "", nil, append([]string{"drain"}, at...)...)
	if now = statusOf(t, at...); now.State != "draining" || now.Allocations.Now != 2 {
		t.Errorf("while it drains: %+v", now)
	}
	legible(t, must(t, "", nil, append([]string{"status"}, at...)...), "draining ")
	for _, c := range []held{a, b} {
		if code := c.do(func(now turn.Now, out *turn.ClientOutbox) { c.turn.Refresh(now, 0, out) }).Code; code != 0 {
			t.Errorf("the end of a call got %d", code)
		}
	}
	<-p.done
	oneLine(t, command(t, "", append([]string{"status"}, at...)...), 1, "no server runs", dir, "start it")
}

// Who may not open the data directory is told so, and what to do; a directory of
// nobody stays as it was.
func TestStatusNotForAll(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	dir := t.TempDir()
	server(t, dir)
	// The program is where only this user can start it.
	public := filepath.Join(t.TempDir(), "iceserver")
	copyProgram(t, public)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, public, "status", "--data-dir="+dir)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	oneLine(t, execute(c, ""), 1, "may not ask", dir, "as root")

	nowhere := filepath.Join(t.TempDir(), "nowhere")
	oneLine(t, command(t, "", "status", "--json", "--data-dir="+nowhere), 1, "no server runs", nowhere)
	if _, err := os.Stat(nowhere); !os.IsNotExist(err) {
		t.Errorf("asking has made %s: %v", nowhere, err)
	}
}

// copyProgram puts the program where everybody can start it.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	text, err := os.ReadFile(servertest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(to); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
