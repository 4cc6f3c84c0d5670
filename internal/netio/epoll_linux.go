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
	napping     bool   // events come in close succession
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

// nap is how long a wait may keep its processor of Go's scheduler. Telling the
// scheduler of a call that blocks makes Go's monitor thread look after it and
// hand the processor to another thread, again and again while packets come in
// close succession: with two workers that cost 5 to 7 us of CPU for each packet.
// A nap is a sleep like any other, for which the scheduler is not asked; a stop
// of the world ends it by a signal, and without signals it is soon over.
const nap = 3 * time.Millisecond

// wait starts a new round, after at most wait (0: at once; negative: no limit).
// A signal ends it early with no events.
func (p *epoll) wait(wait time.Duration) error {
	p.next, p.count = 0, 0
	p.round++
	if wait == 0 {
		_, err := p.raw(0)
		return err
	}
	if p.napping {
		short := nap
		if wait > 0 {
			short = min(wait, nap)
		}
		if ended, err := p.raw(short); ended || err != nil {
			return err
		}
		if wait -= short; wait == 0 {
			return nil
		}
	}
	start := time.Now()
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), maxEvents, uintptr(milliseconds(wait)), 0, 0)
	_, err := p.result(n, errno)
	p.napping = p.count > 0 && time.Since(start) < nap
	return err
}

// raw waits without telling the scheduler.
func (p *epoll) raw(wait time.Duration) (ended bool, err error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), maxEvents, uintptr(milliseconds(wait)), 0, 0)
	return p.result(n, errno)
}

// result takes what epoll_pwait returned: whether events or a signal ended it.
func (p *epoll) result(n uintptr, errno unix.Errno) (ended bool, err error) {
	switch errno {
	case 0:
		p.count = int(n)
		return n > 0, nil
	case unix.EINTR:
		return true, nil
	default:
		return true, os.NewSyscallError("epoll_pwait", errno)
	}
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
