package netns

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// uclient calls itself through the server, from a client's namespace, and says
// whether that worked within so many seconds. It is no client that tries again when
// this machine is too busy, so it is asked up to tries times.
func uclient(t *testing.T, namespace, password string, seconds, tries int, more ...string) bool {
	t.Helper()
	args := append([]string{"netns", "exec", namespace, "timeout", strconv.Itoa(seconds), "turnutils_uclient", "-c", "-y",
		"-n", "2", "-l", "100", "-u", "u", "-w", password}, append(more, serverIP)...)
	for range tries {
		// What it says tells more than its exit code.
		out, _ := exec.Command("ip", args...).CombinedOutput()
		if strings.Contains(string(out), "Total lost packets 0 ") {
			return true
		}
	}
	return false
}

// Who guesses passwords is shut out, over UDP and TCP and with the right password
// too; another address is served as before.
func TestBan(t *testing.T) {
	n := build(t, "a", "b")
	s := n.start(t, "ban-after=3", "ban-time=3600", "no-tls", "web=off", "rfc5766-channel-numbers")
	served := func(client string, more ...string) bool { return uclient(t, n.clients[client], "p", 15, 3, more...) }
	if !served("a") {
		t.Fatal("no call before anybody was banned")
	}
	if uclient(t, n.clients["a"], "wrong", 3, 1) {
		t.Fatal("a wrong password opens the server")
	}
	if err := s.WaitFor(regexp.MustCompile(`level=WARN msg=banned client=198\.18\.0\.11/32 failures=3 `), patience); err != nil {
		t.Fatal(err)
	}
	if uclient(t, n.clients["a"], "p", 3, 1) || uclient(t, n.clients["a"], "p", 3, 1, "-t") {
		t.Error("who is banned is served")
	}
	if !served("b") || !served("b", "-t") {
		t.Error("somebody else is not served")
	}
}
