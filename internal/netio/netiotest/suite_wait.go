package netiotest

import (
	"sync"
	"testing"
	"time"

	"iceserver/internal/netio"
)

// testWait: Poll waits no shorter than it is told to, as its caller has nothing to
// do before then; that it waits no longer cannot be tested on a busy machine.
func testWait(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	if got := h.poll(0); len(got) != 0 {
		t.Errorf("received %+v of nobody", got)
	}
	for _, wait := range []time.Duration{time.Microsecond, 1500 * time.Microsecond, 20 * time.Millisecond} {
		start := time.Now()
		if got := h.poll(wait); len(got) != 0 {
			t.Errorf("received %+v of nobody", got)
		}
		if took := time.Since(start); took < wait {
			t.Errorf("Poll waited %v instead of %v", took, wait)
		}
	}
	h.quiet(p)
}

// testWakeBefore: a Wake that comes before the Poll is not lost.
func testWakeBefore(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	p := h.open(loopback())
	for range 10 {
		for range 5 {
			h.Wake()
		}
		h.poll(-1) // does not wait, or the test hangs
		h.quiet(p)
	}
}

// testWakeDuring passes a token to and fro: each Wake must end a Poll without a
// limit, whether it waits already or not, or the test hangs.
func testWakeDuring(t *testing.T, open func() (netio.Engine, error)) {
	h := newHost(t, open)
	h.open(loopback())
	const rounds = 500
	var mu sync.Mutex
	posted, seen := 0, make(chan int, rounds)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rounds {
			mu.Lock()
			posted++
			mu.Unlock()
			h.Wake()
			if i%3 == 0 {
				<-seen // let the worker fall asleep, now and then
			}
		}
	})
	for count := 0; count < rounds; {
		h.poll(-1)
		mu.Lock()
		for ; count < posted; count++ {
			seen <- count
		}
		mu.Unlock()
	}
	wg.Wait()
}
