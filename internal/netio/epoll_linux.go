package netio

import (
	"math"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEvents is how many ready sockets one round may bring. What a Poll has no
// room for is served by the next one before the kernel is asked again.
const maxEvents = 256

// An epoll knows which sockets are ready. It is level-triggered: a socket that
// was not read empty is simply reported again, so no call is spent on seeing
// EAGAIN.
type epoll struct {
	fd          int
	round       uint32 // counts the waits, and wraps
	next, count int    // events[next:count] have not been served yet
	events      [maxEvents]unix.EpollEvent
}

func newEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &epoll{fd: fd}, nil
}

// add watches fd. The id and its generation come back with each of its events.
func (p *epoll) add(fd int, flags uint32, id, generation int32) error {
	ev := unix.EpollEvent{Events: flags, Fd: id, Pad: generation}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev))
}

// wait starts a new round, after at most wait (0: at once; negative: no limit).
// A signal ends it early with no events.
func (p *epoll) wait(wait time.Duration) error {
	p.next, p.count = 0, 0
	p.round++
	events := unsafe.Pointer(&p.events[0])
	var n uintptr
	var errno unix.Errno
	if wait == 0 {
		// It cannot block, so the scheduler need not be told.
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(events), maxEvents, 0, 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(events), maxEvents, uintptr(milliseconds(wait)), 0, 0)
	}
	switch errno {
	case 0:
		p.count = int(n)
	case unix.EINTR:
	default:
		return os.NewSyscallError("epoll_pwait", errno)
	}
	return nil
}

// take returns the next event of the round, or nil.
func (p *epoll) take() *unix.EpollEvent {
	if p.next == p.count {
		return nil
	}
	p.next++
	return &p.events[p.next-1]
}

func (p *epoll) close() error {
	return os.NewSyscallError("close", unix.Close(p.fd))
}

// milliseconds rounds up, for rounding down would make a wait of half a
// millisecond a busy loop. -1 is the kernel's "no limit".
func milliseconds(wait time.Duration) int {
	if wait < 0 {
		return -1
	}
	ms := (wait + time.Millisecond - 1) / time.Millisecond
	return int(min(ms, math.MaxInt32))
}
