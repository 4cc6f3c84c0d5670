package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine writes files of a machine and returns the directory to read them from.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// want is what a check shall say: its status, its name, and a part of what was seen
// and of the advice.
type want struct {
	status             Status
	name, seen, advice string
}

// compareChecks compares checks with what is wanted, one by one.
func compareChecks(t *testing.T, got []Check, wants ...want) {
	t.Helper()
	if len(got) != len(wants) {
		t.Fatalf("%d checks, not %d: %+v", len(got), len(wants), got)
	}
	for i, w := range wants {
		c := got[i]
		if c.Status != w.status || c.Name != w.name || !strings.Contains(c.Seen, w.seen) || !strings.Contains(c.Advice, w.advice) {
			t.Errorf("got  %v %s: %s -> %s\nwant %v %s: %s -> %s", c.Status, c.Name, c.Seen, c.Advice, w.status, w.name, w.seen, w.advice)
		}
		if strings.ContainsAny(c.Seen+c.Advice, "\n\r") {
			t.Errorf("more than a line: %+v", c)
		}
		if (c.Status == OK) != (c.Advice == "") {
			t.Errorf("%v with the advice %q", c.Status, c.Advice)
		}
	}
}

func relayAt(local, external string) []Relay {
	return []Relay{{netip.MustParseAddr(local), netip.MustParseAddr(external)}}
}

func TestStatusText(t *testing.T) {
	text, err := json.Marshal(Report{Checks: []Check{warn("n", "s", "a")}})
	if err != nil || string(text) != `{"checks":[{"name":"n","status":"WARN","seen":"s","advice":"a"}]}` {
		t.Errorf("%s %v", text, err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || back.Checks[0].Status != Warn {
		t.Errorf("%+v %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"checks":[{"status":"GOOD"}]}`), &back); err == nil {
		t.Error("a status that is none was taken")
	}
	text, _ = json.Marshal(examine(t.Context(), &Target{}, nil))
	if string(text) != `{"checks":[]}` {
		t.Errorf("no checks are %s", text)
	}
}

// The order of the report is that of the list, whoever is done first.
func TestExamineOrder(t *testing.T) {
	second := make(chan struct{})
	r := examine(t.Context(), &Target{}, []checker{
		func(context.Context, *Target) []Check {
			<-second
			return []Check{ok("first", ""), fail("more", "", "x")}
		},
		func(context.Context, *Target) []Check { close(second); return []Check{warn("second", "", "x")} },
		func(context.Context, *Target) []Check { return nil },
	})
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
	}
	if strings.Join(names, " ") != "first more second" || r.Worst() != Fail {
		t.Errorf("%v, worst %v", names, r.Worst())
	}
}

func TestRunning(t *testing.T) {
	gone, refused := errors.New("nobody is there"), fmt.Errorf("the socket: %w", fs.ErrPermission)
	for _, c := range []struct {
		name string
		t    Target
		want want
	}{
		{"sound", Target{Running: true, Program: "1.2", Facts: Facts{Version: "1.2", PID: 7}}, want{OK, "server", "version 1.2 runs as process 7", ""}},
		{"old", Target{Running: true, Program: "1.3", Facts: Facts{Version: "1.2"}}, want{Warn, "server", "version 1.2 runs, and this program is 1.3", "restart"}},
		{"down", Target{NotRunning: gone}, want{Fail, "server", "not running: nobody", "start it: iceserver serve"}},
		{"down, a service", Target{NotRunning: gone, Root: machine(t, map[string]string{"run/systemd/system/x": "", "usr" + unit: ""})},
			want{Fail, "server", "not running", "systemctl start iceserver"}},
		{"another", Target{NotRunning: gone, stranger: netip.MustParseAddrPort("192.0.2.1:3478"), Facts: Facts{DataDir: "/d"}}, want{Warn, "server", "somebody answers at 192.0.2.1:3478, and not the server of /d", "ss -lntup"}},
		{"somebody else's", Target{Running: true, NotRunning: refused, Facts: Facts{DataDir: "/d"}}, want{Warn, "server", "a server answers, and tells more to its owner alone", "call this as the owner of /d, or with sudo"}},
		{"somebody else's, silent", Target{NotRunning: refused, Facts: Facts{DataDir: "/d"}}, want{Fail, "server", "nothing answers at its ports", "as the owner of /d"}},
		{"keeps nothing", Target{Running: true, NotRunning: gone}, want{OK, "server", "answers", ""}},
	} {
		t.Run(c.name, func(t *testing.T) { compareChecks(t, checkRunning(t.Context(), &c.t), c.want) })
	}
}

// A server without a socket for commands is found by what answers at its ports.
func TestFindServer(t *testing.T) {
	s := startServer(t)
	target := &Target{}
	target.Listen.UDP = []netip.AddrPort{s.endpoint(0).server}
	if target.findServer(t.Context()); !target.Running {
		t.Error("a server that answers was not found")
	}
	free := udpSocket(t)
	target = &Target{}
	target.Listen.UDP = []netip.AddrPort{addrPortOf(free.LocalAddr())}
	free.Close()
	if target.findServer(t.Context()); target.Running {
		t.Error("a server was found where there is none")
	}
}

// Where a server should tell of itself and another answers, one line is all that can
// be said; one that may not be asked is examined still.
func TestStranger(t *testing.T) {
	s := startServer(t)
	for _, c := range []struct {
		why      error
		stranger bool
	}{{errors.New("nobody has the socket"), true}, {fs.ErrPermission, false}} {
		target := s.target()
		target.Running, target.NotRunning, target.DataDir = false, c.why, "/d"
		if target.findServer(t.Context()); target.Running == c.stranger || target.stranger.IsValid() != c.stranger {
			t.Errorf("%v: running %v, stranger %v", c.why, target.Running, target.stranger)
		}
		r := examine(t.Context(), target, []checker{checkRunning, checkAccount, checkAnswers, checkCertificate})
		if (len(r.Checks) == 1) != c.stranger || r.Checks[0].Status != Warn {
			t.Errorf("%v: %+v", c.why, r.Checks)
		}
	}
}

// Ports that browsers refuse are told, once each; those they take are not.
//
// A-O13: a listener at a port of SIP, of mail or of X is a warning.
func TestBrowserPorts(t *testing.T) {
	for ports, seen := range map[string]string{
		"3478 5349": "", "53 80 443 1024 65535": "", "5060 5060 3478": "port 5060,", "25 993": "port 25, 993,", "6000 10080": "port 6000, 10080,",
	} {
		target := &Target{}
		for i, port := range strings.Fields(ports) {
			list := []*[]netip.AddrPort{&target.Listen.UDP, &target.Listen.TCP, &target.Listen.TLS}[i%3]
			*list = append(*list, netip.MustParseAddrPort("192.0.2.1:"+port))
		}
		var wants []want
		if seen != "" {
			wants = []want{{Warn, "browser ports", seen, "listening-port=3478"}}
		}
		compareChecks(t, checkBrowserPorts(t.Context(), target), wants...)
	}
}

// Where another program has a port of a server that does not run, which keeps it from
// starting, that is the finding, and which program it is.
func TestPortTaken(t *testing.T) {
	udp := udpSocket(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	everywhere, err := net.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	v4 := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addrPortOf(everywhere.LocalAddr()).Port())
	closed := udpSocket(t)
	closed.Close()
	here := fmt.Sprintf("%s (process %d)", filepath.Base(os.Args[0]), os.Getpid())
	for name, c := range map[string]struct {
		udp, tcp netip.AddrPort
		taken    bool
	}{
		"udp":                     {udp: addrPortOf(udp.LocalAddr()), taken: true},
		"tcp":                     {tcp: addrPortOf(tcp.Addr()), taken: true},
		"all addresses":           {udp: v4, taken: true},
		"free":                    {udp: addrPortOf(closed.LocalAddr())},
		"the same of another":     {udp: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), addrPortOf(udp.LocalAddr()).Port())},
		"the same of TCP":         {tcp: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), addrPortOf(tcp.Addr()).Port())},
		"udp that has it in IPv6": {udp: netip.AddrPortFrom(netip.IPv6Loopback(), v4.Port()), taken: true},
	} {
		target := &Target{NotRunning: errors.New("nobody has the socket"), Facts: Facts{DataDir: "/d"}}
		if c.udp.IsValid() {
			target.Listen.UDP = []netip.AddrPort{c.udp}
		}
		if c.tcp.IsValid() {
			target.Listen.TCP = []netip.AddrPort{c.tcp}
		}
		target.findServer(t.Context())
		if (target.taken == here) != c.taken || !c.taken && target.taken != "" {
			t.Errorf("%s: taken by %q, want %t, %q", name, target.taken, c.taken, here)
		}
		if c.taken {
			compareChecks(t, checkRunning(t.Context(), target), want{Fail, "server", "not running, and " + here + " has a port of it", "start it"})
		}
	}
}
