package netio

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchSize is a voice packet with its headers.
const benchSize = 172

// burst is n like datagrams.
func burst(n int, from SocketID, to netip.AddrPort) []Datagram {
	out := make([]Datagram, n)
	for i := range out {
		out[i] = Datagram{Socket: from, Peer: to, Buf: make([]byte, benchSize)}
	}
	return out
}

// pumpAll sends out and polls until all has come, without sleeping.
func pumpAll(tb testing.TB, e Engine, out, in []Datagram) {
	if n, err := e.Send(out); n != len(out) || err != nil {
		tb.Fatalf("Send took %d: %v", n, err)
	}
	for got := 0; got < len(out); {
		n, err := e.Poll(in, 0)
		if err != nil {
			tb.Fatal(err)
		}
		got += n
	}
}

// BenchmarkLone relays single datagrams: one comes to the listening socket and
// leaves from one of 400 others, to which it comes back.
func BenchmarkLone(b *testing.B) {
	for _, name := range []string{"mmsg", "std"} {
		b.Run(name, func(b *testing.B) {
			e, err := NewNamed(name)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			listener, addr := mustOpen(b, e, Options{})
			relays := make([]SocketID, 400)
			for i := range relays {
				relays[i], _ = mustOpen(b, e, Options{})
			}
			in, out := make([]Datagram, 64), burst(1, listener, addr)
			b.ReportAllocs()
			i := 0
			best(b, 1, nothing, func() {
				out[0].Socket = relays[i%len(relays)]
				i++
				pumpAll(b, e, out, in)
			})
		})
	}
}

// BenchmarkBurst does the same with bursts between two sockets; the figure is
// per datagram.
func BenchmarkBurst(b *testing.B) {
	for _, name := range []string{"mmsg", "std"} {
		for _, n := range []int{2, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				e, err := NewNamed(name)
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				_, addr := mustOpen(b, e, Options{RecvBuf: 1 << 20})
				from, _ := mustOpen(b, e, Options{})
				in, out := make([]Datagram, 64), burst(n, from, addr)
				b.ReportAllocs()
				best(b, n, nothing, func() { pumpAll(b, e, out, in) })
			})
		}
	}
}

// best runs f in a loop and reports the quickest run, per datagram. On a machine
// that others use too it is the only figure that two runs agree on.
func best(b *testing.B, n int, before, f func()) {
	least := time.Hour
	for b.Loop() {
		before()
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	b.ReportMetric(float64(least.Nanoseconds())/float64(n), "best-ns/datagram")
}

func nothing() {}

// benchPair is a receiver and a sender over two sockets, for looking at single
// system calls.
func benchPair(b *testing.B) (r *receiver, t *sender, to, from *socket, peer netip.AddrPort) {
	e := newTestMmsg(b)
	a, addr := mustOpen(b, e, Options{RecvBuf: 1 << 20})
	c, _ := mustOpen(b, e, Options{})
	return e.receiver, e.sender, e.sockets.find(a), e.sockets.find(c), addr
}

// BenchmarkSend compares a run of sendto with one sendmmsg. What it sends goes
// to a full buffer, so that only sending is measured.
func BenchmarkSend(b *testing.B) {
	for _, n := range []int{1, 2, 3, 4, 8, 64} {
		for _, call := range []string{"sendto", "sendmmsg"} {
			b.Run(fmt.Sprintf("%s/%d", call, n), func(b *testing.B) {
				_, t, _, from, peer := benchPair(b)
				out := burst(n, 0, peer)
				best(b, n, nothing, func() {
					if call == "sendmmsg" {
						t.many(from, out)
						return
					}
					for i := range out {
						t.one(from, &out[i])
					}
				})
			})
		}
	}
}

// BenchmarkReceive compares the ways to read a queue of n: recvfrom for each,
// a recvmmsg for just as many, and one for more than there are.
func BenchmarkReceive(b *testing.B) {
	for _, n := range []int{1, 2, 4, 8, 64} {
		for _, call := range []string{"recvfrom", "recvmmsg", "recvmmsg more"} {
			if n == slabSlots && call == "recvmmsg more" {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", call, n), func(b *testing.B) {
				r, t, to, from, peer := benchPair(b)
				out := burst(n, 0, peer)
				best(b, n, func() { t.send(from, out) }, func() { r.read(call, to, n) })
			})
		}
	}
}

// read empties a queue of n in one of the ways.
func (r *receiver) read(call string, s *socket, n int) {
	r.reset()
	switch call {
	case "recvfrom":
		for range n {
			r.one(s)
		}
	case "recvmmsg":
		r.many(s, n)
	default:
		r.many(s, n+1)
	}
	for i := range n {
		r.messages.headers[i].hdr.Namelen = sockaddrSize
	}
}

// BenchmarkEpoll is the price of asking in vain, with and without telling Go's
// scheduler that the call may block.
func BenchmarkEpoll(b *testing.B) {
	e := newTestMmsg(b)
	mustOpen(b, e, Options{})
	b.Run("raw", func(b *testing.B) {
		best(b, 1, nothing, func() {
			if err := e.epoll.wait(0); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("scheduler told", func(b *testing.B) {
		var events [1]unix.EpollEvent
		best(b, 1, nothing, func() {
			if _, err := unix.EpollWait(e.epoll.fd, events[:], 0); err != nil {
				b.Fatal(err)
			}
		})
	})
}
