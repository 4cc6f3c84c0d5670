package relay

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// linkWire is a client's end of a link: what the listener does with a
// connection, without the connection.
type linkWire struct {
	link   *Link
	client netip.AddrPort
	frames chan []byte
}

// newLinkWire opens a link and starts its writer, which ends with the relay or
// with Close.
func newLinkWire(t testing.TB, r *Relay, p turn.Proto, client string) *linkWire {
	t.Helper()
	w := &linkWire{client: netip.MustParseAddrPort(client), frames: make(chan []byte, 4096)}
	var err error
	if w.link, err = r.Link(p, w.client, netip.MustParseAddrPort("127.0.0.1:443")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		w.link.Close()
		<-done
	})
	go func() {
		defer close(done)
		defer close(w.frames)
		var block [][]byte
		for {
			if block, err = w.link.Next(block); err != nil {
				return
			}
			for _, b := range block {
				w.frames <- append([]byte(nil), b...)
			}
		}
	}()
	return w
}

func (w *linkWire) send(_ netip.AddrPort, b []byte) { _ = w.link.Deliver(b) }

func (w *linkWire) recv() (netip.AddrPort, []byte, bool) {
	select {
	case b, ok := <-w.frames:
		return netip.AddrPort{}, b, ok
	case <-time.After(10 * time.Second):
		return netip.AddrPort{}, nil, false
	}
}

func (w *linkWire) addr() netip.AddrPort { return w.client }

func TestLinkBothWays(t *testing.T) {
	for _, proto := range []turn.Proto{turn.TCP, turn.TLS, turn.DTLS} {
		o := testOptions(t)
		o.Workers = 2
		r := serveForTest(t, o)
		for range 3 { // both workers get some
			w := newLinkWire(t, r, proto, "198.18.0.5:5000")
			alice := newClient(t, w, netip.AddrPort{}, "alice")
			if w.link.Authenticated() {
				t.Error("authenticated before anything was said")
			}
			relayed := alice.allocate()
			if !w.link.Authenticated() {
				t.Error("an allocation is not authenticated")
			}
			peer := newUDPWire(t, peerIP)
			alice.bind(0x4000, peer.addr())
			alice.sendChannel(0x4000, "data")
			expectDatagram(t, peer, relayed, "data")
			peer.send(relayed, []byte("12345"))
			_, frame, ok := w.recv()
			// R-8656-12.5-b (RFC 8656, 12.5): padded on streams, not on datagrams.
			want := 9
			if proto.Stream() {
				want = 12
			}
			if !ok || len(frame) != want {
				t.Errorf("%s: a frame of %d bytes, want %d", proto, len(frame), want)
			}
		}
		if n := r.Stats().Links; n != 3 {
			t.Errorf("%d links, want 3", n)
		}
	}
}

// A-C25: a client that goes away takes its allocation with it, and its number is free.
func TestLinkClose(t *testing.T) {
	r := serveForTest(t, testOptions(t))
	for range 50 {
		w := newLinkWire(t, r, turn.TCP, "198.18.0.5:5000")
		newClient(t, w, netip.AddrPort{}, "alice").allocate()
		w.link.Close()
		w.link.Close()
		if err := w.link.Deliver([]byte("late")); !errors.Is(err, ErrClosed) {
			t.Fatalf("deliver after close: %v", err)
		}
		if _, err := w.link.Next(nil); err != io.EOF {
			t.Fatalf("next after close: %v", err)
		}
	}
	s := awaitStats(r, func(s Stats) bool { return s.Allocations == 0 && s.Links == 0 })
	if s.Allocations != 0 || s.Links != 0 || s.PortsUsed != 0 || s.Allocated != 50 {
		t.Errorf("%+v", s)
	}
	if n := len(r.workers[0].links.links); n > 3 {
		t.Errorf("50 links one after another took %d numbers", n)
	}
}

func TestLinkRefusesWhatNobodySends(t *testing.T) {
	r := serveForTest(t, testOptions(t))
	w := newLinkWire(t, r, turn.TCP, "198.18.0.5:5000")
	if err := w.link.Deliver(make([]byte, maxMessage+1)); err == nil {
		t.Error("a message longer than any frame was taken")
	}
	if err := w.link.Deliver(nil); err != nil {
		t.Errorf("an empty message: %v", err)
	}
	newClient(t, w, netip.AddrPort{}, "alice").allocate()
}

// A-X10: one client stops reading while its peer sends; the client loses
// packets, and its neighbour on the same worker none.
func TestSlowReaderHarmsNobody(t *testing.T) {
	r := serveForTest(t, testOptions(t))
	slow, err := r.Link(turn.TCP, netip.MustParseAddrPort("198.18.0.6:1"), netip.MustParseAddrPort("127.0.0.1:443"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	sw := &stalledWire{link: slow}
	alice := newClient(t, sw, netip.AddrPort{}, "alice")
	relayed := alice.allocate()
	peer := newUDPWire(t, peerIP)
	alice.bind(0x4000, peer.addr())
	bob := newClient(t, newUDPWire(t, serverIP), r.Addrs()[0], "bob")
	other := bob.allocate()
	bob.bind(0x4000, peer.addr())
	// Nobody calls Next for alice any more.
	video := []byte(strings.Repeat("v", 1200))
	for range 500 {
		peer.send(relayed, video)
		peer.send(other, []byte("audio"))
		bob.expectChannel(0x4000, "audio")
	}
	s := awaitStats(r, func(s Stats) bool { return s.Drops["slow-reader"] >= 280 })
	if n := s.Drops["slow-reader"]; n < 280 || n > 285 {
		t.Errorf("%d packets lost of 500 where 217 fit", n)
	}
}

// stalledWire reads only when it is asked to.
type stalledWire struct {
	link  *Link
	block [][]byte
}

func (w *stalledWire) send(_ netip.AddrPort, b []byte) { _ = w.link.Deliver(b) }

func (w *stalledWire) recv() (netip.AddrPort, []byte, bool) {
	for len(w.block) == 0 {
		var err error
		if w.block, err = w.link.Next(w.block); err != nil {
			return netip.AddrPort{}, nil, false
		}
	}
	b := w.block[0]
	w.block = w.block[1:]
	return netip.AddrPort{}, b, true
}

func (w *stalledWire) addr() netip.AddrPort { return netip.AddrPort{} }

// A stream that sends faster than the worker handles waits and loses nothing.
func TestStreamBackpressure(t *testing.T) {
	r := serveForTest(t, testOptions(t))
	w := newLinkWire(t, r, turn.TCP, "198.18.0.5:5000")
	newClient(t, w, netip.AddrPort{}, "alice").allocate()
	b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassIndication, stun.TransactionID{})
	ping := b.Bytes()
	const before = 2 // the two requests of allocate
	const n = 5 * mailboxMessages
	for range n {
		if err := w.link.Deliver(ping); err != nil {
			t.Fatal(err)
		}
	}
	s := awaitStats(r, func(s Stats) bool { return s.PacketsIn-before >= n })
	if s.PacketsIn-before != n {
		t.Errorf("%d of %d messages arrived", s.PacketsIn-before, n)
	}
}
