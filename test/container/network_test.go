package container

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"iceserver/internal/load"
	"iceserver/test/servertest"
)

// limit bounds every wait. Nothing is measured against it.
const limit = 60 * time.Second

var readyLine = regexp.MustCompile(`\bmsg="?ready"?(\s|$)`)

// Addresses: a client's network and that of a container, with a machine in both.
const (
	clientIP   = "198.18.1.2"
	machineIP  = "198.18.1.1"
	bridgeIP   = "198.18.2.1"
	containIP  = "198.18.2.2"
	inMachine  = "docker" // the machine's interface to the container
	inPublic   = "pub"    // and to the client
	noSuchHost = "198.18.1.254"
)

// network is a machine that a client reaches, and maybe a container behind it.
type network struct{ machine, client, container string }

// newNetwork makes a machine and a client.
func newNetwork(t *testing.T) network {
	t.Helper()
	n := network{machine: servertest.Namespace(t, "m"), client: servertest.Namespace(t, "k")}
	join(t, n.machine, inPublic, machineIP, n.client, clientIP)
	servertest.In(t, n.machine, "ip route add default via "+noSuchHost)
	return n
}

// contain puts a container behind the machine, on a bridge of its own as Docker
// does. The client has no route to it.
func (n network) contain(t *testing.T) network {
	t.Helper()
	n.container = servertest.Namespace(t, "c")
	join(t, n.machine, inMachine, bridgeIP, n.container, containIP)
	servertest.In(t, n.container, "ip route add default via "+bridgeIP)
	servertest.In(t, n.machine, "sysctl -q -w net.ipv4.ip_forward=1")
	return n
}

// port is one that is published, or a range of them, the same inside and outside.
type port struct{ protocol, ports string }

// publish writes the rules that `docker run -p` writes: what comes for a published
// port goes to the container, what the container sends leaves under the address
// of the machine, and nothing else comes in.
func (n network) publish(t *testing.T, ports ...port) {
	t.Helper()
	var rules strings.Builder
	for _, p := range ports {
		fmt.Fprintf(&rules, "\t\tfib daddr type local %s dport %s dnat to %s\n", p.protocol, p.ports, containIP)
	}
	servertest.Firewall(t, n.machine, fmt.Sprintf(`
table ip nat {
	chain pre {
		type nat hook prerouting priority -100;
%s	}
	chain post {
		type nat hook postrouting priority 100;
		ip saddr %s/24 oifname != "%s" masquerade
	}
}
table ip filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		iifname "%s" accept
		ct status dnat accept
	}
}`, &rules, bridgeIP, inMachine, inMachine))
}

// join connects two namespaces.
func join(t *testing.T, one, device, oneIP, other, otherIP string) {
	t.Helper()
	servertest.In(t, one, "ip link add name "+device+" type veth peer name eth0 netns "+other)
	servertest.In(t, one, "ip address add "+oneIP+"/24 dev "+device)
	servertest.In(t, one, "ip link set "+device+" up")
	servertest.In(t, other, "ip address add "+otherIP+"/24 dev eth0")
	servertest.In(t, other, "ip link set eth0 up")
}

// relay has the client make allocations and send packets through them, and
// returns how many came out at the other end in each direction.
func (n network) relay(t *testing.T, url string, args ...string) (up, down uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	words := append(n.bench(t, url), "--duration", "1s", "--json")
	command := exec.CommandContext(ctx, "ip", append(words, args...)...)
	var complaint strings.Builder
	command.Stderr = &complaint
	text, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", url, err, complaint.String())
	}
	var r load.Result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if r.Traffic == nil || r.Setup.Ready != r.Setup.Wanted {
		t.Fatalf("%s: no allocations: %+v", url, r.Setup)
	}
	if r.Traffic.Up != nil {
		up = r.Traffic.Up.Received
	}
	if r.Traffic.Down != nil {
		down = r.Traffic.Down.Received
	}
	return up, down
}

// bench is the words after "ip" of a client that relays.
func (n network) bench(t *testing.T, url string) []string {
	t.Helper()
	return []string{"netns", "exec", n.client, servertest.Binary(t), "bench", url,
		"--allocations", "2", "--rate", "100", "--warm-up", "100ms"}
}

// status asks a web server in a namespace, and returns the code of its answer.
func status(t *testing.T, namespace, url string) int {
	t.Helper()
	// A socket belongs to the namespace of the thread that made it. The thread of
	// this goroutine ends with it, since nobody unlocks it.
	dial := func(_ context.Context, network, address string) (c net.Conn, err error) {
		var done sync.WaitGroup
		done.Go(func() {
			runtime.LockOSThread()
			if err = enter(namespace); err == nil {
				c, err = net.DialTimeout(network, address, limit)
			}
		})
		done.Wait()
		return c, err
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: limit}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// enter takes the thread into a namespace.
func enter(namespace string) error {
	f, err := os.Open("/run/netns/" + namespace)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}
