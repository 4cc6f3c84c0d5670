package container

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

var (
	userLine     = regexp.MustCompile(`"username": "([^"]+)"`)
	passwordLine = regexp.MustCompile(`"credential": "([^"]+)"`)
	stoppedLine  = regexp.MustCompile(`\bmsg=stopped\b`)
)

// account is the user that a container without a configuration has made.
func account(t *testing.T, s *servertest.Server) string {
	t.Helper()
	user, password := userLine.FindStringSubmatch(s.Log()), passwordLine.FindStringSubmatch(s.Log())
	if user == nil || password == nil {
		t.Fatal("the container names no account")
	}
	return user[1] + ":" + password[1]
}

// The image alone, with no argument, variable or file of anybody: it serves as a
// user without any right, on a root that it cannot write to, and relays. What it
// has made is in the volume: the next container has the same account.
func TestStartsWithoutConfiguration(t *testing.T) {
	n, data := newNetwork(t), newVolume(t)
	first := newContainer(t, data).start(t, n.machine)
	wantConfined(t, first.Pid())
	for _, transport := range []string{"udp", "tcp"} {
		url := "turn:" + machineIP + ":3478?transport=" + transport
		up, down := n.relay(t, url, "--user", account(t, first), "--direction", "both")
		if up == 0 || down == 0 {
			t.Errorf("over %s %d packets came to the peer, and %d to the client", transport, up, down)
		}
	}
	if up, _ := n.relay(t, "turns:"+machineIP+":5349", "--user", account(t, first), "--insecure"); up == 0 {
		t.Error("over TLS nothing came to the peer")
	}
	first.Stop(t)
	second := newContainer(t, data).start(t, n.machine)
	if account(t, first) != account(t, second) {
		t.Error("a new container with the volume of the old one has another account")
	}
	second.Stop(t)
}

// wantConfined looks at a process from outside: what it was started with must be
// what it has.
func wantConfined(t *testing.T, pid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Uid:\t65532\t65532\t65532\t65532\n", "Gid:\t65532\t65532\t65532\t65532\n",
		"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the status of the process:\n%s", want, text)
		}
	}
	text, err = os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^\S+ \S+ \S+ \S+ / ro[, ]`).Match(text) {
		t.Errorf("the root of the process is not read-only:\n%s", text)
	}
}

// What preStop calls: `drain --wait` returns with an error while a call goes on,
// and without one when the server has ended with the last.
func TestDrains(t *testing.T) {
	n, data := newNetwork(t), newVolume(t)
	box := newContainer(t, data)
	s := box.start(t, n.machine)
	words := append(n.bench(t, "turn:"+machineIP+":3478?transport=tcp"), "--user", account(t, s), "--duration", "3m")
	call := servertest.Run(t, append([]string{"ip"}, words...)...)
	if err := s.WaitFor(regexp.MustCompile(`msg=allocated .*transport=TCP`), limit); err != nil {
		t.Fatal(err)
	}
	drain := func(wait string) (string, error) {
		words := box.command(t, n.machine, "drain", "--wait", wait)
		text, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		return string(text), err
	}
	if text, err := drain("1s"); err == nil || !strings.Contains(text, "calls go on") {
		t.Errorf("with a call that goes on: %v\n%s", err, text)
	}
	call.Kill()
	if text, err := drain("1m"); err != nil && !strings.Contains(text, "no server runs") {
		t.Errorf("without a call: %v\n%s", err, text)
	}
	if err := s.WaitFor(stoppedLine, limit); err != nil {
		t.Error(err)
	}
}
