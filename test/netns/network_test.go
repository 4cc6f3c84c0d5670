package netns

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prefix begins the name of every namespace of these tests; the process id
// follows, so that two runs do not meet and leftovers can be told.
const prefix = "icetest"

// Addresses: one public segment, and a private one behind each NAT.
const (
	serverIP    = "198.18.0.1"
	serverOther = "198.18.0.2" // the server's second, to see what a NAT does
	nobody      = "198.18.0.254"
	firstNAT    = 11 // 198.18.0.11 and up
)

// network is a public segment with a server and clients behind symmetric NATs.
type network struct {
	server  string            // its namespace
	clients map[string]string // name of a client to its namespace
}

// build makes a network with a client of each name. It needs root, ip and nft
// and fails without them: these tests are never skipped.
func build(t *testing.T, clients ...string) network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	removeLeftovers(t)
	n := network{server: namespace(t, "s"), clients: map[string]string{}}
	in(t, n.server, "ip link add name pub type bridge")
	in(t, n.server, "ip link set pub up")
	in(t, n.server, "ip address add "+serverIP+"/24 dev pub")
	in(t, n.server, "ip address add "+serverOther+"/24 dev pub")
	in(t, n.server, "ip route add default via "+nobody)
	for i, name := range clients {
		n.clients[name] = n.addClient(t, name, i)
	}
	return n
}

// addClient makes a client's namespace and that of its NAT, and returns the
// client's. It sees nothing but its NAT.
func (n network) addClient(t *testing.T, name string, i int) string {
	t.Helper()
	nat, client := namespace(t, "n"+name), namespace(t, "c"+name)
	inside, outside := fmt.Sprintf("198.18.%d", 100+i), fmt.Sprintf("198.18.0.%d", firstNAT+i)

	in(t, n.server, fmt.Sprintf("ip link add name to%d type veth peer name pub netns %s", i, nat))
	in(t, n.server, fmt.Sprintf("ip link set to%d master pub up", i))
	in(t, nat, "ip link add name lan type veth peer name eth0 netns "+client)

	in(t, nat, "ip address add "+outside+"/24 dev pub")
	in(t, nat, "ip address add "+inside+".1/24 dev lan")
	in(t, nat, "ip link set pub up")
	in(t, nat, "ip link set lan up")
	in(t, nat, "sysctl -q -w net.ipv4.ip_forward=1")
	load(t, nat)

	in(t, client, "ip address add "+inside+".2/24 dev eth0")
	in(t, client, "ip link set eth0 up")
	in(t, client, "ip route add default via "+inside+".1")
	return client
}

// load makes a NAT of the worst kind: another outside port for every
// destination, and nothing comes in that was not asked for.
func load(t *testing.T, nat string) {
	t.Helper()
	const rules = `
table ip nat {
	chain post {
		type nat hook postrouting priority 100;
		oifname "pub" masquerade random,fully-random
	}
}
table ip filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		iifname "lan" accept
		ct state established,related accept
	}
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lan" accept
		ct state established,related accept
	}
}`
	command := exec.Command("ip", "netns", "exec", nat, "nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, text)
	}
}

// namespace makes a namespace that goes with the test.
func namespace(t *testing.T, role string) string {
	t.Helper()
	name := fmt.Sprintf("%s%d-%s", prefix, os.Getpid(), role)
	command(t, "ip netns add "+name)
	t.Cleanup(func() {
		if text, err := exec.Command("ip", "netns", "delete", name).CombinedOutput(); err != nil {
			t.Errorf("removing the namespace %s: %v\n%s", name, err, text)
		}
	})
	in(t, name, "ip link set lo up")
	return name
}

// removeLeftovers deletes the namespaces of runs that were killed: the process
// in their name is gone.
func removeLeftovers(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(command(t, "ip netns list")) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), "-")
		pid, err := strconv.Atoi(number)
		if !strings.HasPrefix(name, prefix) || err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		command(t, "ip netns delete "+name)
	}
}

func in(t *testing.T, namespace, line string) string {
	t.Helper()
	return command(t, "ip netns exec "+namespace+" "+line)
}

func command(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	words := strings.Fields(line)
	text, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, text)
	}
	return string(text)
}
