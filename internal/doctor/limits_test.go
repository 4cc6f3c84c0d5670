package doctor

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

func TestOpenFiles(t *testing.T) {
	const head = "Limit                     Soft Limit           Hard Limit           Units     \nMax processes             31446                31446                processes \n"
	limits := func(soft string) string {
		return head + "Max open files            " + soft + "                 524288               files     \n"
	}
	for _, c := range []struct {
		soft  string
		quota int
		want  want
	}{
		{"524288", 0, want{OK, "open files", "524288, for up to 16384", ""}},
		{"1024", 0, want{Warn, "open files", "the limit is 1024, and 16384", "LimitNOFILE"}},
		{"1024", 500, want{OK, "open files", "for up to 500", ""}},
		{"unlimited", 0, want{OK, "open files", "no limit", ""}},
	} {
		target := &Target{Facts: Facts{PID: 9, MinPort: 49152, MaxPort: 65535, TotalQuota: c.quota},
			Root: machine(t, map[string]string{"proc/9/limits": limits(c.soft), "proc/self/limits": limits("1")})}
		compareChecks(t, checkFiles(t.Context(), target), c.want)
	}
	if checks := checkFiles(t.Context(), &Target{Root: t.TempDir()}); checks != nil {
		t.Errorf("without /proc there is %v", checks)
	}
}

func TestBuffers(t *testing.T) {
	// As the kernel writes it, with a listener at 3478 (0D96) and a stranger's port.
	table := func(drops string) string {
		return "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" +
			"  100: 0100007F:0D96 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1234 2 0000000000000000 " + drops + "\n" +
			"  101: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1235 2 0000000000000000 99\n"
	}
	for _, c := range []struct {
		drops, days, most string
		want              want
	}{
		{"0", "0", "212992", want{OK, "socket buffers", "up to 212992 bytes", ""}},
		{"500", "0", "212992", want{Warn, "socket buffers", "500 datagrams", "sysctl -w net.core.rmem_max=2097152"}},
		{"500", "0", "4194304", want{Warn, "socket buffers", "too busy", "restart the server if its buffers were made larger since"}},
		{"1", "0", "212992", want{OK, "socket buffers", "1 datagram found", ""}},
		{"500", "9", "212992", want{OK, "socket buffers", "no more than a burst", ""}},
	} {
		days, _ := strconv.Atoi(c.days)
		target := &Target{Facts: Facts{SocketBuffer: 2 << 20, PID: 9}, Root: machine(t, map[string]string{
			"proc/sys/net/core/rmem_max": c.most + "\n", "proc/9/net/udp": table(c.drops),
			"proc/9/stat": "9 (a b) S 1 9 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 9 0 8640000 1 1 1\n",
			"proc/uptime": fmt.Sprintf("%d.42 1.00\n", 86400+86400*days+60)})}
		target.Listen.UDP = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:3478")}
		compareChecks(t, checkBuffers(t.Context(), target), c.want)
	}
}

func TestPorts(t *testing.T) {
	for _, c := range []struct {
		name           string
		min, max       uint16
		local, reserve string
		want           want
	}{
		{"wide", 49152, 65535, "32768\t60999", "", want{OK, "ports", "some of 49152-60999", ""}},
		{"apart", 20000, 20100, "32768 60999", "", want{OK, "ports", "none of them", ""}},
		{"few", 49152, 49252, "32768 60999", "", want{Warn, "ports", "may take any of 49152-49252", "ip_local_reserved_ports=49152-49252"}},
		{"few, with others", 49152, 49252, "32768 60999", "8080", want{Warn, "ports", "are few", "ip_local_reserved_ports=8080,49152-49252"}},
		{"reserved", 49152, 49252, "32768 60999", "8080,49000-49300", want{OK, "ports", "none of them", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Facts: Facts{MinPort: c.min, MaxPort: c.max}, Root: machine(t, map[string]string{
				"proc/sys/net/ipv4/ip_local_port_range": c.local + "\n", "proc/sys/net/ipv4/ip_local_reserved_ports": c.reserve + "\n"})}
			compareChecks(t, checkPorts(t.Context(), target), c.want)
		})
	}
}

func TestConntrack(t *testing.T) {
	for count, w := range map[string]want{
		"100": {OK, "conntrack", "100 of 1000", ""},
		"900": {Warn, "conntrack", "900 of 1000", "nf_conntrack_max=4000"},
	} {
		root := machine(t, map[string]string{"proc/sys/net/netfilter/nf_conntrack_max": "1000\n", "proc/sys/net/netfilter/nf_conntrack_count": count + "\n"})
		compareChecks(t, checkConntrack(t.Context(), &Target{Root: root}), w)
	}
	compareChecks(t, checkConntrack(t.Context(), &Target{Root: t.TempDir()}), want{OK, "conntrack", "no table", ""})
}

// On the machine of the test itself everything can be read.
func TestThisMachine(t *testing.T) {
	target := startServer(t).target()
	for _, look := range []checker{checkFiles, checkBuffers, checkPorts, checkConntrack, checkKernel, checkClock, checkFirewall} {
		for _, c := range look(t.Context(), target) {
			if c.Name == "" || c.Seen == "" || strings.Contains(c.Seen, "%!") || strings.Contains(c.Advice, "%!") {
				t.Errorf("%+v", c)
			}
		}
	}
}
