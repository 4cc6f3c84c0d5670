package netio

import (
	"runtime"
	"time"
)

// sliceLength is how long a worker goes on before it yields. Go's monitor takes
// away the processor of a goroutine that has not been rescheduled for 10 ms, by
// a signal if it runs (or naps, see epoll), and then threads are woken to look
// for work. With 50 000 lone datagrams a second the process took 13 us of CPU
// for each because of that, and 8 to 9 when it yields before the 10 ms are over
// (on a busy machine with 2 processors). Yielding is dear only for a goroutine
// that is locked to its thread: it is handed to another thread and back, which
// was seen to hold up packets for 100 us. So workers are not.
const sliceLength = 7 * time.Millisecond

// sliceCheck is how many sleeps pass between two looks at the clock.
const sliceCheck = 8

// A timeslice reminds a worker that sleeps and wakes all the time, and hence
// never gets rescheduled, to yield.
type timeslice struct {
	sleeps uint
	start  time.Time
}

// pause is to be called before each sleep.
func (t *timeslice) pause() {
	if t.sleeps++; t.sleeps%sliceCheck != 0 || time.Since(t.start) < sliceLength {
		return
	}
	runtime.Gosched()
	t.start = time.Now()
}
