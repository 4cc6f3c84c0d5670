package doctor

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listeningTCP is the state of a listener in the kernel's tables, boundUDP that of a
// socket that is bound and not connected.
const (
	listeningTCP = "0A"
	boundUDP     = "07"
)

// squatter names another program that has a port which the server would listen on,
// or nothing: there is none, or this user may not see whose it is.
func (t *Target) squatter() string {
	inodes := map[string]bool{}
	for _, e := range t.endpoints() {
		table, state := "udp", boundUDP
		if e.proto.Stream() {
			table, state = "tcp", listeningTCP
		}
		for _, file := range []string{table, table + "6"} {
			for _, inode := range holding(t.read("/proc/net/"+file), state, e.server) {
				inodes["socket:["+inode+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	links, _ := filepath.Glob(filepath.Join("/", t.Root, "/proc/[0-9]*/fd/*"))
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || !inodes[to] {
			continue
		}
		process := filepath.Base(filepath.Dir(filepath.Dir(link)))
		if program := t.program(process); program != "" && !strings.HasPrefix(program, "iceserver") {
			return fmt.Sprintf("%s (process %s)", program, process)
		}
	}
	return ""
}

// program is the name of what a process runs. An upgrade has replaced the file of
// one that was not started again since.
func (t *Target) program(process string) string {
	exe, err := os.Readlink(filepath.Join("/", t.Root, "proc", process, "exe"))
	if err != nil {
		return t.read("/proc/" + process + "/comm")
	}
	return printable(strings.TrimSuffix(filepath.Base(exe), " (deleted)"))
}

// holding lists the inodes of the sockets in one of the kernel's tables that have an
// address, or its port at all addresses.
func holding(table, state string, at netip.AddrPort) (inodes []string) {
	for line := range strings.Lines(table) {
		// The number, the own address, the other one, the state, and the inode as the tenth.
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != state {
			continue
		}
		bound, ok := tableAddress(f[1])
		if ok && bound.Port() == at.Port() && (bound.Addr().IsUnspecified() || bound.Addr().Unmap() == at.Addr().Unmap()) {
			inodes = append(inodes, f[9])
		}
	}
	return inodes
}

// tableAddress reads an address as the kernel's tables have it: words of four bytes
// in this machine's order, which on all that this program is built for is the least
// first.
func tableAddress(text string) (netip.AddrPort, bool) {
	host, number, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	port, wrong := strconv.ParseUint(number, 16, 16)
	if err != nil || wrong != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(port)), ok
}
