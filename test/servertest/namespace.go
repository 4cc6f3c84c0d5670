package servertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// prefix begins the name of every namespace; the process id follows, so that two
// runs do not meet and leftovers can be told.
const prefix = "icetest"

// commandWithin bounds a command of Do. Nothing is measured against it.
const commandWithin = time.Minute

// Namespace makes a network namespace with a loopback device that goes with the
// test, and returns its name; the role tells those of one run apart. It needs root
// and ip, and fails without them: tests with namespaces are never skipped.
func Namespace(tb testing.TB, role string) string {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Fatal("network namespaces need root")
	}
	removeLeftovers(tb)
	name := fmt.Sprintf("%s%d-%s", prefix, os.Getpid(), role)
	Do(tb, "ip netns add "+name)
	tb.Cleanup(func() {
		if text, err := exec.Command("ip", "netns", "delete", name).CombinedOutput(); err != nil {
			tb.Errorf("removing the namespace %s: %v\n%s", name, err, text)
		}
	})
	In(tb, name, "ip link set lo up")
	return name
}

// removeLeftovers deletes the namespaces of runs that were killed: the process
// in their name is gone.
func removeLeftovers(tb testing.TB) {
	tb.Helper()
	for line := range strings.Lines(Do(tb, "ip netns list")) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, prefix)
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		if _, running := os.Stat(fmt.Sprintf("/proc/%d", pid)); !ours || err != nil || !os.IsNotExist(running) {
			continue
		}
		// Another run may be at it too, and be faster.
		if text, err := exec.Command("ip", "netns", "delete", name).CombinedOutput(); err != nil {
			tb.Logf("removing the leftover %s: %v\n%s", name, err, text)
		}
	}
}

// In runs a command in a namespace, as Do does.
func In(tb testing.TB, namespace, line string) string {
	tb.Helper()
	return Do(tb, "ip netns exec "+namespace+" "+line)
}

// Do runs a command whose words are parted by spaces, and returns all that it
// prints. The test fails with it.
func Do(tb testing.TB, line string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	words := strings.Fields(line)
	text, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", line, err, text)
	}
	return string(text)
}

// Firewall loads rules of nftables into a namespace, beside those it has.
func Firewall(tb testing.TB, namespace, rules string) {
	tb.Helper()
	command := exec.Command("ip", "netns", "exec", namespace, "nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if text, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("nft: %v\n%s", err, text)
	}
}
