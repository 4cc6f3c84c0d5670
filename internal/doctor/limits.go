package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// spareFiles is what a server opens besides relayed ports: listeners, databases,
// logs, and connections of clients.
const spareFiles = 256

// ports is how many ports may be relayed at.
func (t *Target) ports() int { return int(t.MaxPort) - int(t.MinPort) + 1 }

// wanted is how many allocations the server would hold at most.
func (t *Target) wanted() int {
	if t.TotalQuota > 0 {
		return min(t.TotalQuota, t.ports())
	}
	return t.ports()
}

// process is the directory of /proc of the server, or of this process, which has
// the same limits if it was started the same way.
func (t *Target) process() string {
	if t.PID != 0 && t.exists(fmt.Sprintf("/proc/%d", t.PID)) {
		return fmt.Sprintf("/proc/%d", t.PID)
	}
	return "/proc/self"
}

// checkFiles compares the limit of open files with the allocations that there may
// be: each takes a socket, and one more if the client comes over TCP.
func checkFiles(_ context.Context, t *Target) []Check {
	const name = "open files"
	if t.STUNOnly {
		return nil
	}
	limit, known := openFiles(t.read(t.process() + "/limits"))
	switch {
	case !known:
		return nil
	case limit < t.wanted()+spareFiles:
		return []Check{warn(name, fmt.Sprintf("the limit is %d, and %d allocations take a socket each", limit, t.wanted()),
			"raise it: LimitNOFILE=1048576 in the unit (systemctl edit iceserver), or ulimit -n 1048576 before the start")}
	case limit == noLimit:
		return []Check{ok(name, "no limit")}
	}
	return []Check{ok(name, fmt.Sprintf("the limit is %d, for up to %d allocations", limit, t.wanted()))}
}

// noLimit stands for one that is not there.
const noLimit = int(^uint(0) >> 1)

// openFiles reads the soft limit out of /proc/PID/limits.
func openFiles(text string) (int, bool) {
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, "Max open files")
		words := strings.Fields(rest)
		if !found || len(words) == 0 {
			continue
		}
		if words[0] == "unlimited" {
			return noLimit, true
		}
		n, err := strconv.Atoi(words[0])
		return n, err == nil
	}
	return 0, false
}

// checkBuffers looks for datagrams that were lost because a listener's buffer was
// full. That it could be larger is no fault before that.
func checkBuffers(_ context.Context, t *Target) []Check {
	const name = "socket buffers"
	most, known := t.number("/proc/sys/net/core/rmem_max")
	if !known || len(t.Listen.UDP)+len(t.Listen.DTLS) == 0 {
		return nil
	}
	lost := 0
	for _, file := range []string{"udp", "udp6"} {
		lost += lostDatagrams(t.read(t.process()+"/net/"+file), t.udpPorts())
	}
	bad := lost > lostADay*(1+t.daysUp())
	switch {
	case bad && most < t.SocketBuffer:
		command := []string{"sysctl", "-w", fmt.Sprintf("net.core.rmem_max=%d", t.SocketBuffer)}
		return []Check{warn(name, fmt.Sprintf("%s found the buffer of a listener full; the kernel gives %d bytes at most, and %d are wanted",
			times(lost, "datagram"), most, t.SocketBuffer),
			shellLine(command)+", the same into /etc/sysctl.d/60-iceserver.conf, and restart the server").with(run(command...))}
	case bad:
		return []Check{warn(name, fmt.Sprintf("%s found the buffer of a listener full, so the machine was too busy to read", times(lost, "datagram")),
			"restart the server if its buffers were made larger since it was started ("+t.restartCommand()+"), else give it more processors, or set total-quota")}
	case lost > 0:
		return []Check{ok(name, fmt.Sprintf("up to %d bytes; %s found the buffer of a listener full, which is no more than a burst", most, times(lost, "datagram")))}
	}
	return []Check{ok(name, fmt.Sprintf("up to %d bytes; no datagram was lost at the listeners", most))}
}

// lostADay is how many datagrams a burst may cost in a day, before anybody notices:
// two seconds of one call.
const lostADay = 100

// clockTicks are those of a second in /proc, on all that Go runs on.
const clockTicks = 100

// daysUp is for how many whole days the server has been running; 0 where that is
// not told.
func (t *Target) daysUp() int {
	_, stat, _ := strings.Cut(t.read(t.process()+"/stat"), ") ")
	const started = 22 - 3 // of proc(5), counted from the third on
	words, uptime := strings.Fields(stat), strings.Fields(t.read("/proc/uptime"))
	if len(words) <= started || len(uptime) == 0 {
		return 0
	}
	ticks, err1 := strconv.Atoi(words[started])
	up, err2 := strconv.ParseFloat(uptime[0], 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return max(0, int(up)-ticks/clockTicks) / (24 * 60 * 60)
}

// udpPorts are those that listeners are bound to.
func (t *Target) udpPorts() map[uint16]bool {
	ports := map[uint16]bool{}
	for _, a := range t.Listen.UDP {
		ports[a.Port()] = true
	}
	for _, a := range t.Listen.DTLS {
		ports[a.Port()] = true
	}
	return ports
}

// lostDatagrams adds up the last column of /proc/net/udp over some ports.
func lostDatagrams(text string, ports map[uint16]bool) int {
	lost := 0
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		const local, drops = 1, 12
		if len(words) <= drops {
			continue
		}
		_, port, _ := strings.Cut(words[local], ":")
		p, err := strconv.ParseUint(port, 16, 16)
		n, nerr := strconv.Atoi(words[drops])
		if err == nil && nerr == nil && ports[uint16(p)] {
			lost += n
		}
	}
	return lost
}

// smallRange is how many relayed ports are few enough that those which outgoing
// connections take are missed.
const smallRange = 1024

// checkPorts compares the relayed ports with those that the kernel gives to
// outgoing connections. Of a wide range some may be taken; a listener's port, or
// many of a small range, must not be.
func checkPorts(_ context.Context, t *Target) []Check {
	const name = "ports"
	words := strings.Fields(t.read("/proc/sys/net/ipv4/ip_local_port_range"))
	if t.MinPort == 0 || t.STUNOnly || len(words) != 2 {
		return nil
	}
	from, err1 := strconv.Atoi(words[0])
	to, err2 := strconv.Atoi(words[1])
	if err1 != nil || err2 != nil {
		return nil
	}
	first, last := max(from, int(t.MinPort)), min(to, int(t.MaxPort))
	reserved := t.read("/proc/sys/net/ipv4/ip_local_reserved_ports")
	span := fmt.Sprintf("%d-%d", t.MinPort, t.MaxPort)
	switch {
	case first > last || covers(reserved, first, last):
		return []Check{ok(name, fmt.Sprintf("%s for relays, none of them for outgoing connections", span))}
	case t.ports() > smallRange:
		return []Check{ok(name, fmt.Sprintf("%s for relays; of these outgoing connections may take some of %d-%d, which are passed over", span, first, last))}
	}
	kept := span
	if reserved != "" {
		kept = reserved + "," + span
	}
	command := []string{"sysctl", "-w", "net.ipv4.ip_local_reserved_ports=" + kept}
	return []Check{warn(name, fmt.Sprintf("%s for relays are few, and outgoing connections may take any of %d-%d", span, first, last),
		shellLine(command)+", and the same into /etc/sysctl.d/60-iceserver.conf").with(run(command...))}
}

// covers says whether a list like 5000,6000-6100 has all ports of a range in one
// of its own.
func covers(list string, first, last int) bool {
	for part := range strings.SplitSeq(list, ",") {
		a, b, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			b = a
		}
		from, err1 := strconv.Atoi(a)
		to, err2 := strconv.Atoi(b)
		if err1 == nil && err2 == nil && from <= first && last <= to {
			return true
		}
	}
	return false
}

// conntrackFull is the part of the table, in percent, from which on there may be
// no room when many clients come at once.
const conntrackFull = 80

// checkConntrack looks whether the kernel's table of connections is near its end:
// then it drops packets of new clients, and says so nowhere but in its own log.
func checkConntrack(_ context.Context, t *Target) []Check {
	const name = "conntrack"
	most, limited := t.number("/proc/sys/net/netfilter/nf_conntrack_max")
	count, counted := t.number("/proc/sys/net/netfilter/nf_conntrack_count")
	if !limited || !counted || most == 0 {
		return []Check{ok(name, "no table of connections here")}
	}
	seen := fmt.Sprintf("%d of %d entries of the table of connections are taken", count, most)
	if count*100 < most*conntrackFull {
		return []Check{ok(name, seen)}
	}
	command := []string{"sysctl", "-w", fmt.Sprintf("net.netfilter.nf_conntrack_max=%d", 4*most)}
	advice := shellLine(command) + ", the same into /etc/sysctl.d/60-iceserver.conf; or keep the relayed ports out of the table, with notrack in a raw prerouting chain"
	return []Check{warn(name, seen+": when it is full, packets of new clients are dropped", advice).with(run(command...))}
}
