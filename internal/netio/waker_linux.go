package netio

import (
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The states of a waker's worker.
const (
	awake  = iota // it will look for itself before it sleeps
	asleep        // it is, or soon will be, inside a blocking epoll_pwait
	called        // somebody called Wake; the next attempt to sleep fails
)

// A waker gets the worker out of its sleep. The system call is made only for a
// worker that sleeps, and by the first caller alone: streams wake the worker
// for every message, and it is mostly awake when there are many.
type waker struct {
	state atomic.Int32
	one   uint64 // what is written to the eventfd

	mu sync.Mutex // guards fd, so that no late Wake writes to a reused number
	fd int        // an eventfd, -1 once closed
}

func newWaker() (*waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	return &waker{fd: fd, one: 1}, nil
}

// wake may be called from any goroutine.
func (w *waker) wake() {
	if w.state.Swap(called) != asleep {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 {
		return
	}
	// The counter is never read, because the eventfd is watched edge-triggered.
	// It would take 2^64 wakes to fill it.
	unix.RawSyscall(unix.SYS_WRITE, uintptr(w.fd), uintptr(unsafe.Pointer(&w.one)), 8)
}

// sleep announces a blocking call; false means that there was a Wake, which is
// used up by this.
func (w *waker) sleep() bool {
	if w.state.CompareAndSwap(awake, asleep) {
		return true
	}
	w.state.Store(awake)
	return false
}

// rise follows the blocking call. A Wake that came meanwhile is used up, since
// the Poll that slept is about to return.
func (w *waker) rise() { w.state.Store(awake) }

func (w *waker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := os.NewSyscallError("close", unix.Close(w.fd))
	w.fd = -1
	return err
}
