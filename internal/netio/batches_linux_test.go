package netio

import (
	"testing"
	"time"
)

// Calls that move several datagrams are counted with what they moved, and those
// that move one are not.
func TestBatchesAreCounted(t *testing.T) {
	from, to := newTestMmsg(t), newTestMmsg(t)
	id, _ := mustOpen(t, from, Options{})
	_, addr := mustOpen(t, to, Options{})
	out := make([]Datagram, 10)
	for i := range out {
		out[i] = Datagram{Socket: id, Peer: addr, Buf: []byte("x")}
	}
	for _, n := range []int{1, 10} {
		if sent, err := from.Send(out[:n]); sent != n || err != nil {
			t.Fatalf("sent %d of %d: %v", sent, n, err)
		}
	}
	if st := from.Stats(); st.SendCalls != 1 || st.Sent != 10 {
		t.Errorf("sent %+v, want 10 with one call", st)
	}
	in := make([]Datagram, 64)
	for got, over := 0, time.Now().Add(20*time.Second); got < 11; {
		n, err := to.Poll(in, time.Second)
		if got += n; err != nil || time.Now().After(over) {
			t.Fatalf("received %d: %v", got, err)
		}
	}
	if st := to.Stats(); st.ReceiveCalls == 0 || st.Received == 0 || st.Received > 11 {
		t.Errorf("received %+v", st)
	}
}
