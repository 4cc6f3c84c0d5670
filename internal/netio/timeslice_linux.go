package netio

import (
	"runtime"
	"time"
)

// sliceLength is how long a worker goes on before it yields. Go's monitor takes
// away the processor of a goroutine that it finds inside a system call after
// 10 ms without a rescheduling, finds it so again some microseconds later, and
// so on, and each time other threads are woken to look for work. That doubled
// the CPU time of a packet; yielding before the 10 ms are over costs nothing
// that can be measured.
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
