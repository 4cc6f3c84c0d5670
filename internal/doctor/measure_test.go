package doctor

import (
	"context"
	"errors"
	"math"
	"net"
	"testing"
	"time"
)

// The figures of packets whose times are known.
func TestQuality(t *testing.T) {
	f := &flight{}
	var sent [][]byte
	for range 10 {
		sent = append(sent, f.packet())
	}
	f.sent = make([]time.Duration, 10)
	jitter, before := 0.0, 0.0
	// Number 3 is lost, and number 5 comes twice.
	for i, rtt := range []int{10, 20, 10, -1, 40, 10, 10, 10, 10, 10} {
		if rtt < 0 {
			continue
		}
		f.arrived(sent[i], time.Duration(rtt)*time.Millisecond)
		if i == 5 {
			f.arrived(sent[i], time.Second)
		}
		if i > 0 {
			jitter += (math.Abs(float64(rtt)-before) - jitter) / 16
		}
		before = float64(rtt)
	}
	f.arrived([]byte("somebody else's"), time.Second)
	f.arrived(append(make([]byte, 16), sent[0][16:]...), time.Second)
	q := f.quality()
	want := Quality{Sent: 10, Received: 9, LossPercent: 10, RTTMedian: 10, RTTP95: 40, Jitter: jitter}
	if math.Abs(q.Jitter-want.Jitter) > 1e-9 {
		t.Errorf("jitter %v, want %v", q.Jitter, want.Jitter)
	}
	if q.Jitter = want.Jitter; q != want {
		t.Errorf("got %+v, want %+v", q, want)
	}
	if empty := (&flight{}).quality(); empty != (Quality{}) {
		t.Errorf("nothing sent: %+v", empty)
	}
}

// lossy are two connected sockets whose datagrams pass one in between that drops
// every so many of them.
func lossy(t *testing.T, drop int) (near, far *socketEnd) {
	t.Helper()
	middle := udpSocket(t)
	at := middle.LocalAddr().(*net.UDPAddr)
	ends := make([]*socketEnd, 2)
	for i := range ends {
		c, err := net.DialUDP("udp", nil, at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		ends[i] = &socketEnd{conn: c, packet: make([]byte, maxDatagram)}
	}
	nearAt, farAt := addrPortOf(ends[0].conn.LocalAddr()), addrPortOf(ends[1].conn.LocalAddr())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for n := 1; ; n++ {
			size, from, err := middle.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			to := nearAt
			if from == nearAt {
				to = farAt
			}
			if n%drop != 0 {
				_, _ = middle.WriteToUDPAddrPort(b[:size], to)
			}
		}
	}()
	t.Cleanup(func() { middle.Close(); <-done })
	return ends[0], ends[1]
}

func TestMeasure(t *testing.T) {
	near, far := lossy(t, 4)
	q, err := measure(t.Context(), near, far, 400*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if q.Sent != 20 || q.Received == 0 || q.Received > 16 || q.LossPercent != 5*float64(20-q.Received) {
		t.Errorf("%+v", q)
	}
	if q.RTTMedian <= 0 || q.RTTP95 < q.RTTMedian {
		t.Errorf("%+v", q)
	}
	ctx, cancel := context.WithTimeout(t.Context(), quick)
	defer cancel()
	if _, err := measure(ctx, near, far, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("interrupted: %v", err)
	}
}
