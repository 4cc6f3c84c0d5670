package netio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiveLimit is one byte more than may come, by which a datagram that was cut
// short, or is longer than promised to the caller, is recognised.
const receiveLimit = MaxPayload + 1

// A receiver reads datagrams into the slots of its slab.
type receiver struct {
	slab     slab
	messages messages // the i-th reads into the i-th slot
	used     int      // slots that the caller of Poll holds
	zones    *zones
	stats    *Stats
}

func newReceiver(z *zones, st *Stats) (*receiver, error) {
	s, err := newSlab()
	if err != nil {
		return nil, err
	}
	r := &receiver{slab: s, messages: newMessages(slabSlots), zones: z, stats: st}
	for i := range r.messages.vectors {
		r.messages.vectors[i].Base = &s.slot(i)[Headroom]
		r.messages.vectors[i].SetLen(receiveLimit)
	}
	return r, nil
}

// room is how many more datagrams can be received before reset.
func (r *receiver) room() int { return slabSlots - r.used }

// reset takes back every slot.
func (r *receiver) reset() { r.used = 0 }

// receive reads once from s, in a round of epoll, and returns how many
// datagrams it put in.
func (r *receiver) receive(round uint32, id SocketID, s *socket, in []Datagram) int {
	want := s.guess.want(round, min(len(in), r.room()))
	first := r.used
	var got int
	if want == 1 {
		got = r.one(s)
	} else {
		got = r.many(s, want)
	}
	s.guess.learn(want, got)
	r.used += got
	n := 0
	for i := first; i < first+got; i++ {
		if r.fill(&in[n], i) {
			in[n].Socket = id
			n++
		}
	}
	return n
}

// fill makes the datagram of slot i; false if it has to be dropped.
func (r *receiver) fill(d *Datagram, i int) bool {
	m := &r.messages.headers[i]
	m.hdr.Namelen = sockaddrSize // the kernel wrote over it
	if m.n > MaxPayload {
		r.stats.Truncated++
		return false
	}
	d.Buf = r.slab.slot(i)[:Headroom+m.n]
	d.Peer = r.messages.names[i].addrPort(r.zones)
	d.DF = false
	return true
}

// one reads a single datagram with recvfrom. Errors mean that there was nothing
// or that the socket had a pending error, which is cleared by this.
func (r *receiver) one(s *socket) int {
	m := &r.messages.headers[r.used]
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd),
		uintptr(unsafe.Pointer(r.messages.vectors[r.used].Base)), receiveLimit, 0,
		uintptr(unsafe.Pointer(m.hdr.Name)), uintptr(unsafe.Pointer(&m.hdr.Namelen)))
	if errno != 0 {
		return 0
	}
	m.n = uint32(n)
	return 1
}

// many reads up to want datagrams with recvmmsg.
func (r *receiver) many(s *socket, want int) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd),
		uintptr(unsafe.Pointer(&r.messages.headers[r.used])), uintptr(want), 0, 0, 0)
	r.stats.ReceiveCalls++
	if errno != 0 {
		return 0
	}
	r.stats.Received += uint64(n)
	return int(n)
}

func (r *receiver) free() error { return r.slab.free() }
