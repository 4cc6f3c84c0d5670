package netns

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// Addresses of a machine with a firewall, and of a client beside it.
const (
	walledIP = "198.18.40.1"
	guestIP  = "198.18.40.2"
)

// private gives a machine a file system in which what firewalls keep, and where they
// listen for commands, is its own; the packages' profiles are in it. It stays
// for as long as the shell does. No service of the bus is started by it.
const private = `set -e
work=$1 packaging=$2
mount -t tmpfs tmpfs "$work"
for dir in /etc /usr/lib/firewalld; do
	name=$work/$(basename $dir)
	mkdir "$name" "$name/upper" "$name/work"
	mount -t overlay overlay -o "lowerdir=$dir,upperdir=$name/upper,workdir=$name/work" $dir
done
for dir in /run /var/log /usr/share/dbus-1/system-services; do mount -t tmpfs tmpfs $dir; done
mkdir /run/dbus
cp "$packaging/ufw/iceserver" /etc/ufw/applications.d/
cp "$packaging/firewalld/iceserver.xml" /usr/lib/firewalld/services/
echo ready
exec sleep infinity
`

// walled is a machine with a server and a firewall of its own, and a client.
type walled struct {
	t             *testing.T
	guest         string   // namespace
	enter         []string // what a command on the machine begins with
	data          string
	closed        func(walled) // switches the firewall on, which lets nothing in
	commandOfKind string       // what each of its commands begins with
}

// build makes the machine, on which everything is open, and starts the server.
func (w walled) build(t *testing.T) walled {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	machine := servertest.Namespace(t, "w")
	w.t, w.guest, w.data = t, servertest.Namespace(t, "v"), t.TempDir()
	servertest.In(t, machine, "ip link add name eth0 type veth peer name eth0 netns "+w.guest)
	for namespace, address := range map[string]string{machine: walledIP, w.guest: guestIP} {
		servertest.In(t, namespace, "ip address add "+address+"/24 dev eth0")
		servertest.In(t, namespace, "ip link set eth0 up")
	}
	keeper := servertest.Run(t, "ip", "netns", "exec", machine, "sh", "-c", private, "sh", t.TempDir(), filepath.Join(root, "packaging"))
	if err := keeper.WaitFor(regexp.MustCompile(`(?m)^ready$`), patience); err != nil {
		t.Fatal(err)
	}
	w.enter = []string{"nsenter", "--target", fmt.Sprint(keeper.Pid()), "--net", "--mount"}
	servertest.Start(t, servertest.Options{
		Conf: "listening-ip=" + walledIP + "\nrealm=test\nuser=u:p\nallowed-peer-ip=" + guestIP + "\nlog-file=stdout\ndata-dir=" + w.data + "\n",
		Via:  w.enter,
	})
	return w
}

// at runs a line of a shell on the machine.
func (w walled) at(line string) string {
	w.t.Helper()
	text, err := exec.Command(w.enter[0], append(w.enter[1:], "sh", "-c", line)...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", line, err, text)
	}
	return string(text)
}

// doctor are the lines about the firewall, and what was written beside the report.
func (w walled) doctor(more ...string) (lines []check, said string) {
	w.t.Helper()
	args := append(w.enter[1:], servertest.Binary(w.t), "doctor", "--data-dir="+w.data, "--user=u", "--password=p", "--json")
	command := exec.Command(w.enter[0], append(args, more...)...)
	var beside strings.Builder
	command.Stderr = &beside
	text, _ := command.Output() // the exit code is about more than the firewall
	var all struct{ Checks []check }
	if err := json.Unmarshal(text, &all); err != nil {
		w.t.Fatalf("%v: %s\n%s", err, text, &beside)
	}
	for _, c := range all.Checks {
		if c.Name == "firewall" {
			lines = append(lines, c)
		}
	}
	return lines, beside.String()
}

// wantShut requires that no client gets in, that the doctor sees it, and that it
// has a command for each of the four things that have to be open, which it returns.
func (w walled) wantShut() (commands []string) {
	w.t.Helper()
	probe := exec.Command("ip", "netns", "exec", w.guest, servertest.Binary(w.t), "probe", "turn:"+walledIP+":3478?transport=udp",
		"--user=u", "--password=p", "--timeout=2s")
	if text, err := probe.CombinedOutput(); err == nil {
		w.t.Fatalf("the firewall lets a client in, so that opening it would show nothing:\n%s", text)
	}
	lines, _ := w.doctor()
	if len(lines) != 4 {
		w.t.Fatalf("of the firewall the doctor says %+v", lines)
	}
	for i, ports := range []string{"UDP 3478", "TCP 3478", "TCP 5349", "UDP 49152-65535"} {
		_, command, found := strings.Cut(lines[i].Advice, "open "+ports+" on this machine: ")
		// What is said behind it is for a person.
		command, _, _ = strings.Cut(command, ", and ")
		if lines[i].Status != "FAIL" || !found || !strings.HasPrefix(command, w.commandOfKind) {
			w.t.Fatalf("%+v, want how to open %s with %s", lines[i], ports, w.commandOfKind)
		}
		// Nobody comes by IPv6 here, so that what shuts it is no fault.
		if strings.Contains(command, "ip6tables") {
			w.t.Errorf("a server without IPv6 is to be opened by %s", command)
		}
		commands = append(commands, command)
	}
	return commands
}

// wantOpen requires that the doctor has nothing to say, and that a client relays to
// a peer and back.
func (w walled) wantOpen(when string) {
	w.t.Helper()
	if lines, _ := w.doctor(); len(lines) != 1 || lines[0].Status != "OK" || !strings.Contains(lines[0].Seen, "lets in UDP 3478, TCP 3478, TCP 5349, UDP 49152-65535") {
		w.t.Errorf("%s: the doctor says %+v", when, lines)
	}
	for _, transport := range []string{"udp", "tcp"} {
		// On a busy machine the client may find no time to send what was due.
		var said string
		relayed := slices.ContainsFunc([]int{1, 2, 4}, func(seconds int) (relayed bool) {
			relayed, said = w.relays(transport, seconds)
			return relayed
		})
		if !relayed {
			w.t.Errorf("%s: over %s: %s", when, transport, said)
		}
	}
}

// relays says whether a client's packets come to a peer and a peer's to the client.
func (w walled) relays(transport string, seconds int) (relayed bool, said string) {
	bench := exec.Command("ip", "netns", "exec", w.guest, servertest.Binary(w.t), "bench", "turn:"+walledIP+":3478?transport="+transport,
		"--user=u:p", "--allocations=1", "--rate=50", fmt.Sprintf("--duration=%ds", seconds), "--direction=both", "--json")
	text, err := bench.CombinedOutput()
	said = string(text)
	return err == nil && strings.Count(said, `"received": `) == 2 && !strings.Contains(said, `"received": 0,`), fmt.Sprintf("%v\n%s", err, said)
}

// nftOnly shuts a machine with rules that somebody wrote for nftables.
func nftOnly(w walled) {
	w.at(`nft 'table inet filter { chain input { type filter hook input priority 0; policy drop; iif lo accept; ct state established,related accept; tcp dport 22 accept; }; }'`)
}

// firewalld needs a bus, which has nobody on it but the two that talk.
func firewalld(w walled) {
	w.t.Helper()
	servertest.Run(w.t, append(w.enter, "dbus-daemon", "--system", "--nofork", "--nopidfile")...)
	w.at(until("dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId"))
	servertest.Run(w.t, append(w.enter, "firewalld", "--nofork", "--nopid")...)
	w.at(until("firewall-cmd --state"))
}

// until is a line that waits for a command to succeed.
func until(command string) string {
	return "for try in $(seq 600); do " + command + " >/dev/null 2>&1 && exit; sleep 0.1; done; exit 1"
}

// byIptables shuts a machine with iptables, as a cloud's images do: by a last rule
// that rejects, or for good measure by the policy.
func byIptables(suffix string) func(walled) {
	return func(w walled) {
		if text, err := exec.Command(w.enter[0], append(w.enter[1:], "iptables"+suffix, "-S")...).CombinedOutput(); err != nil && suffix != "" {
			w.t.Skipf("this kernel has no tables of the old iptables: %v\n%s", err, text)
		}
		w.at(`for program in iptables ip6tables; do
	program=$program` + suffix + `
	$program -A INPUT -i lo -j ACCEPT
	$program -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	$program -A INPUT -p tcp -m tcp --dport 22 -m comment --comment 'to log in' -j ACCEPT
done
iptables` + suffix + ` -A INPUT -j REJECT --reject-with icmp-host-prohibited
ip6tables` + suffix + ` -P INPUT DROP`)
	}
}

// elsewhere is firewalld with the interface in another zone than the default one.
func elsewhere(w walled) {
	w.t.Helper()
	firewalld(w)
	w.at("firewall-cmd --zone=internal --add-interface=eth0")
}

// walls are the firewalls of a machine that the doctor knows to open.
func walls() map[string]walled {
	return map[string]walled{
		"nftables":        {closed: nftOnly, commandOfKind: "nft insert rule inet filter input "},
		"ufw":             {closed: func(w walled) { w.at("ufw --force enable") }, commandOfKind: "ufw allow "},
		"firewalld":       {closed: firewalld, commandOfKind: "firewall-cmd --add-port="},
		"firewalld zone":  {closed: elsewhere, commandOfKind: "firewall-cmd --zone=internal --add-port="},
		"iptables":        {closed: byIptables(""), commandOfKind: "iptables -I INPUT "},
		"iptables-legacy": {closed: byIptables("-legacy"), commandOfKind: "iptables-legacy -I INPUT "},
	}
}

// Each firewall is really switched on, and shut; the commands that the doctor prints
// open it, as typed.
func TestDoctorOpensFirewalls(t *testing.T) {
	for _, name := range []string{"nftables", "ufw", "firewalld zone", "iptables", "iptables-legacy"} {
		t.Run(name, func(t *testing.T) {
			w := walls()[name].build(t)
			w.closed(w)
			for _, command := range w.wantShut() {
				w.at(command)
			}
			w.wantOpen("the commands were run")
		})
	}
}

// With --fix the doctor runs them itself, and says where they do not last.
func TestDoctorFixesFirewalls(t *testing.T) {
	for name, lasts := range map[string]bool{"nftables": false, "iptables": false, "ufw": true, "firewalld": true} {
		t.Run(name, func(t *testing.T) {
			w := walls()[name].build(t)
			w.closed(w)
			commands := w.wantShut()
			if lasts {
				w.wantProfile(name, commands)
			}
			lines, said := w.doctor("--fix")
			for _, line := range commands {
				for command := range strings.SplitSeq(line, " && ") {
					if !strings.Contains(said, "+ "+command+"\n") {
						t.Errorf("%s was not done:\n%s", command, said)
					}
				}
			}
			if len(lines) != 1 || lines[0].Status != "OK" || strings.Contains(said, "failed") || strings.Contains(said, "until the machine restarts") == lasts {
				t.Errorf("%+v\n%s", lines, said)
			}
			if lasts {
				w.at(map[string]string{"ufw": "ufw disable && ufw --force enable", "firewalld": "firewall-cmd --reload"}[name])
			}
			w.wantOpen("--fix was given")
		})
	}
}

// wantProfile requires that the packages' profile opens the firewall too, with the
// commands of docs/install.md. Afterwards it is shut again.
func (w walled) wantProfile(name string, commands []string) {
	w.t.Helper()
	words := map[string][2]string{
		"ufw": {"ufw allow iceserver", "ufw delete allow iceserver"},
		"firewalld": {"firewall-cmd --permanent --add-service=iceserver && firewall-cmd --reload",
			"firewall-cmd --permanent --remove-service=iceserver && firewall-cmd --reload"},
	}[name]
	w.at(words[0])
	w.wantOpen("the profile")
	w.at(words[1])
	if got := w.wantShut(); !slices.Equal(got, commands) {
		w.t.Errorf("shut again: %q, want %q", got, commands)
	}
}
