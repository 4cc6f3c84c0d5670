package netns

import (
	"fmt"
	"testing"

	"iceserver/test/servertest"
)

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
	n := network{server: servertest.Namespace(t, "s"), clients: map[string]string{}}
	servertest.In(t, n.server, "ip link add name pub type bridge")
	servertest.In(t, n.server, "ip link set pub up")
	servertest.In(t, n.server, "ip address add "+serverIP+"/24 dev pub")
	servertest.In(t, n.server, "ip address add "+serverOther+"/24 dev pub")
	servertest.In(t, n.server, "ip route add default via "+nobody)
	for i, name := range clients {
		n.clients[name] = n.addClient(t, name, i)
	}
	return n
}

// addClient makes a client's namespace and that of its NAT, and returns the
// client's. It sees nothing but its NAT.
func (n network) addClient(t *testing.T, name string, i int) string {
	t.Helper()
	nat, client := servertest.Namespace(t, "n"+name), servertest.Namespace(t, "c"+name)
	inside, outside := fmt.Sprintf("198.18.%d", 100+i), fmt.Sprintf("198.18.0.%d", firstNAT+i)

	servertest.In(t, n.server, fmt.Sprintf("ip link add name to%d type veth peer name pub netns %s", i, nat))
	servertest.In(t, n.server, fmt.Sprintf("ip link set to%d master pub up", i))
	servertest.In(t, nat, "ip link add name lan type veth peer name eth0 netns "+client)

	servertest.In(t, nat, "ip address add "+outside+"/24 dev pub")
	servertest.In(t, nat, "ip address add "+inside+".1/24 dev lan")
	servertest.In(t, nat, "ip link set pub up")
	servertest.In(t, nat, "ip link set lan up")
	servertest.In(t, nat, "sysctl -q -w net.ipv4.ip_forward=1")
	load(t, nat)

	servertest.In(t, client, "ip address add "+inside+".2/24 dev eth0")
	servertest.In(t, client, "ip link set eth0 up")
	servertest.In(t, client, "ip route add default via "+inside+".1")
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
	servertest.Firewall(t, nat, rules)
}
