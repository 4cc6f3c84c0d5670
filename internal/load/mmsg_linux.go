package load

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams one system call may carry: a whole burst.
const batchSize = maxBurst

// controlSize holds one time stamp as the kernel writes it, with room to spare.
const controlSize = 64

// mmsghdr is struct mmsghdr of recvmmsg(2), which x/sys does not declare.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// A batch is the memory that one recvmmsg or sendmmsg needs, made once.
type batch struct {
	hdrs    []mmsghdr
	iovs    []unix.Iovec
	names   []unix.RawSockaddrInet6 // the larger of the two families
	control [][controlSize]byte
	bufs    []byte // batchSize buffers of size bytes; none in a batch for sending
	size    int
	spent   int // headers, from the first, that the kernel has written to
}

// newBatch returns a batch with receive buffers of size bytes each; size 0 is
// for sending, where the buffers are the caller's.
func newBatch(size int) *batch {
	b := &batch{
		hdrs:    make([]mmsghdr, batchSize),
		iovs:    make([]unix.Iovec, batchSize),
		names:   make([]unix.RawSockaddrInet6, batchSize),
		control: make([][controlSize]byte, batchSize),
		bufs:    make([]byte, batchSize*size),
		size:    size,
		spent:   batchSize,
	}
	for i := range b.hdrs {
		b.hdrs[i].hdr.Iov = &b.iovs[i]
		b.hdrs[i].hdr.SetIovlen(1)
		if size > 0 {
			b.iovs[i].Base = &b.bufs[i*size]
			b.iovs[i].SetLen(size)
		}
	}
	return b
}

// receive reads what has arrived at a socket, at most batchSize datagrams. Zero
// means that there was nothing, or an error of the socket such as a refused
// port, which costs a packet and no more.
func (b *batch) receive(fd int, named bool) int {
	// Most calls bring one datagram: only what the last one used is made new.
	for i := range b.spent {
		h := &b.hdrs[i].hdr
		h.Control = &b.control[i][0]
		h.SetControllen(controlSize)
		if named {
			h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
			h.Namelen = unix.SizeofSockaddrInet6
		}
	}
	b.spent = b.call(unix.SYS_RECVMMSG, fd, batchSize)
	return b.spent
}

// send writes messages to a connected socket, or to the address of each where to
// is not nil, and returns how many the kernel took.
func (b *batch) send(fd int, to []netip.AddrPort, msgs [][]byte) int {
	n := min(len(msgs), batchSize)
	for i := range n {
		b.iovs[i].Base = unsafe.SliceData(msgs[i])
		b.iovs[i].SetLen(len(msgs[i]))
		if to != nil {
			b.hdrs[i].hdr.Name = (*byte)(unsafe.Pointer(&b.names[i]))
			b.hdrs[i].hdr.Namelen = putSockaddr(&b.names[i], to[i])
		}
	}
	return b.call(unix.SYS_SENDMMSG, fd, n)
}

// call makes a system call that never blocks, so it need not tell the scheduler.
// A call that was interrupted is made once more.
func (b *batch) call(trap uintptr, fd, n int) int {
	for range 2 {
		r, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&b.hdrs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(r)
		}
		if errno != unix.EINTR {
			return 0
		}
	}
	return 0
}

// message returns the i-th datagram received.
func (b *batch) message(i int) []byte {
	return b.bufs[i*b.size:][:min(int(b.hdrs[i].len), b.size)]
}

// from returns where the i-th datagram came from.
func (b *batch) from(i int) netip.AddrPort { return sockaddr(&b.names[i]) }

// arrived returns when the kernel received the i-th datagram, in nanoseconds
// since 1970; ok is false if it did not say.
func (b *batch) arrived(i int) (ns int64, ok bool) {
	const need = unix.SizeofCmsghdr + int(unsafe.Sizeof(unix.Timespec{}))
	if int(b.hdrs[i].hdr.Controllen) < need {
		return 0, false
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b.control[i][0]))
	if h.Level != unix.SOL_SOCKET || h.Type != unix.SCM_TIMESTAMPNS {
		return 0, false
	}
	ts := (*unix.Timespec)(unsafe.Pointer(&b.control[i][unix.CmsgLen(0)]))
	return ts.Nano(), true
}

// putSockaddr writes an address as the kernel wants it and returns its length.
func putSockaddr(dst *unix.RawSockaddrInet6, a netip.AddrPort) uint32 {
	// The port lies at the same place in both families, in network order.
	port := (*[2]byte)(unsafe.Pointer(&dst.Port))
	port[0], port[1] = byte(a.Port()>>8), byte(a.Port())
	if a.Addr().Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(dst))
		v4.Family, v4.Addr = unix.AF_INET, a.Addr().As4()
		return unix.SizeofSockaddrInet4
	}
	dst.Family, dst.Addr = unix.AF_INET6, a.Addr().As16()
	return unix.SizeofSockaddrInet6
}

// sockaddr reads an address that the kernel wrote.
func sockaddr(src *unix.RawSockaddrInet6) netip.AddrPort {
	p := (*[2]byte)(unsafe.Pointer(&src.Port))
	port := uint16(p[0])<<8 | uint16(p[1])
	if src.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(src)).Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(src.Addr), port)
}

// sharpenTimers asks the kernel to wake the calling thread on time instead of up
// to 50 us later. Without it the run is only less even, so an error is ignored.
func sharpenTimers() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }
