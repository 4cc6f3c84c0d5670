package netio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxRun is how many datagrams one sendmmsg takes.
	maxRun = 64
	// minRun is the shortest run for which sendmmsg is used. One datagram costs
	// 9 % more by sendmmsg than by sendto, three cost the same, eight 6 % less
	// (BenchmarkSend, amd64, Linux 6.18): what a call costs to enter is little
	// beside the way through UDP and IP.
	minRun = 4
)

// A sender hands datagrams to the kernel.
type sender struct {
	messages messages
	zones    *zones
	stats    *Stats
}

func newSender(z *zones, st *Stats) *sender {
	return &sender{messages: newMessages(maxRun), zones: z, stats: st}
}

// run is how many datagrams at the head of out can share one sendmmsg: those of
// one socket that agree on the don't-fragment bit.
func run(out []Datagram) int {
	n := 1
	for n < len(out) && n < maxRun && out[n].Socket == out[0].Socket && out[n].DF == out[0].DF {
		n++
	}
	return n
}

// send sends one run and returns how many the kernel took.
func (t *sender) send(s *socket, out []Datagram) int {
	if s.setDF(out[0].DF) != nil {
		t.stats.SendError += uint64(len(out))
		return 0
	}
	if len(out) < minRun {
		sent := 0
		for i := range out {
			sent += t.one(s, &out[i])
		}
		return sent
	}
	return t.many(s, out)
}

func (t *sender) one(s *socket, d *Datagram) int {
	name := &t.messages.names[0]
	size := name.set(d.Peer, t.zones)
	for again := s.icmp; ; again = false {
		_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(d.Buf))), uintptr(len(d.Buf)), 0,
			uintptr(unsafe.Pointer(name)), uintptr(size))
		switch {
		case errno == 0:
			return 1
		case again && pending(errno):
		default:
			t.fail(errno)
			return 0
		}
	}
}

// pending says whether the failure of a send may be that of an earlier datagram:
// a socket with Options.ICMP reports an ICMP error in place of its next send, and
// has then forgotten it. So that one is tried again, once, or any forged error
// would cost a packet. A full buffer is never another's.
func pending(errno unix.Errno) bool { return errno != unix.EAGAIN && errno != unix.ENOBUFS }

// many sends a run with sendmmsg. That stops at the first message that fails,
// and says why only if it is the first of the call: so the call is repeated
// from there, and a message that fails as the first is left out.
func (t *sender) many(s *socket, out []Datagram) int {
	for i := range out {
		t.prepare(i, &out[i])
	}
	sent, again := 0, s.icmp
	for at := 0; at < len(out); {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd),
			uintptr(unsafe.Pointer(&t.messages.headers[at])), uintptr(len(out)-at), 0, 0, 0)
		t.stats.SendCalls++
		switch {
		case errno == 0:
			t.stats.Sent += uint64(n)
			sent += int(n)
			at += int(n)
		case again && pending(errno):
			again = false
			continue
		default:
			t.fail(errno)
			at++
		}
		again = s.icmp
	}
	return sent
}

func (t *sender) prepare(i int, d *Datagram) {
	v := &t.messages.vectors[i]
	v.Base = unsafe.SliceData(d.Buf)
	v.SetLen(len(d.Buf))
	t.messages.headers[i].hdr.Namelen = t.messages.names[i].set(d.Peer, t.zones)
}

// fail counts a datagram that the kernel did not take. A full buffer is the
// sign of overload, so it is counted apart.
func (t *sender) fail(errno unix.Errno) {
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS:
		t.stats.SendFull++
	default:
		t.stats.SendError++
	}
}
