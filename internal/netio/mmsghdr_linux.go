package netio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// An mmsghdr is one message of recvmmsg and sendmmsg, which x/sys lacks. The
// kernel pads it as Go does.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32 // bytes received or sent
}

// messages is the memory of one recvmmsg or sendmmsg. Everything that does not
// change from call to call is linked once.
type messages struct {
	headers []mmsghdr
	vectors []unix.Iovec
	names   []sockaddr
}

func newMessages(n int) messages {
	m := messages{
		headers: make([]mmsghdr, n),
		vectors: make([]unix.Iovec, n),
		names:   make([]sockaddr, n),
	}
	for i := range m.headers {
		h := &m.headers[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&m.names[i]))
		h.Namelen = sockaddrSize
		h.Iov = &m.vectors[i]
		h.SetIovlen(1)
	}
	return m
}
