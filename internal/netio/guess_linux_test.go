package netio

import "testing"

// serve plays rounds in which the socket has queue datagrams each time, and
// tells what it was asked for.
func (g *guess) serve(round *uint32, gap uint32, queue, times int) (wants []int) {
	for range times {
		*round += gap
		want := g.want(*round, slabSlots)
		g.learn(want, min(want, queue))
		wants = append(wants, want)
	}
	return wants
}

func TestGuess(t *testing.T) {
	g, round := newGuess(), uint32(1<<32-5) // the counter may wrap
	for _, want := range g.serve(&round, 2, 1, 1000) {
		if want != 1 {
			t.Fatalf("a socket that is ready now and then was asked for %d", want)
		}
	}
	doubts := 0
	for _, want := range g.serve(&round, 1, 1, 10*maxInterval) {
		if want > 1 {
			doubts++
		}
	}
	if doubts == 0 || doubts > 20 {
		t.Errorf("a steady stream of single datagrams was doubted %d times", doubts)
	}
	wants := g.serve(&round, 1, 1000, maxInterval+8)
	if last := wants[len(wants)-1]; last != slabSlots {
		t.Errorf("a flood is read %d at a time: %v", last, wants)
	}
	wants = g.serve(&round, 2, 1, 10)
	if last := wants[len(wants)-1]; last != 1 {
		t.Errorf("a stream alone again is asked for %d: %v", last, wants)
	}
	// After bursts, the second round of a burst already asks for more.
	wants = g.serve(&round, 1, 1000, 3)
	if wants[1] < 2 {
		t.Errorf("a burst is read as %v", wants)
	}
	if want := (&guess{count: 64}).want(7, 3); want != 3 {
		t.Errorf("asked for %d with room for 3", want)
	}
}

// A queue is not read one datagram per Poll.
func TestGuessInEngine(t *testing.T) {
	e := newTestMmsg(t)
	id, addr := mustOpen(t, e, Options{RecvBuf: 1 << 20})
	in, out := make([]Datagram, slabSlots), burst(slabSlots, id, addr)
	polls, got := 0, 0
	for range 4 {
		if n, err := e.Send(out); n != len(out) || err != nil {
			t.Fatalf("Send took %d: %v", n, err)
		}
	}
	for ; got < 4*len(out); polls++ {
		n, err := e.Poll(in, 0)
		if n == 0 || err != nil {
			t.Fatalf("Poll gave %d: %v", n, err)
		}
		got += n
	}
	if polls > 12 {
		t.Errorf("%d polls for %d datagrams", polls, got)
	}
}
