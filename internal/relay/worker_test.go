package relay

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"iceserver/internal/netio"
	"iceserver/internal/stun"
)

// A packet costs no memory, whichever way it goes.
func TestNoAllocationsPerPacket(t *testing.T) {
	h := newHandRelay(t, testOptions(t))
	defer h.end()
	server := h.r.Addrs()[0]
	alice, bob := h.client("alice"), h.client("bob")
	peer := handWire{newUDPWire(t, peerIP), h}
	stranger := handWire{newUDPWire(t, peerIP), h}
	a, b := alice.allocate(), bob.allocate()
	alice.bind(0x4000, peer.addr())
	alice.bind(0x4001, b)
	bob.permit(a)
	to, from := channelData(0x4000, strings.Repeat("v", 1200)), bytes.Repeat([]byte("v"), 1200)
	inside := channelData(0x4001, "to bob")
	send := stun.NewBuilder(nil, stun.MethodSend, stun.ClassIndication, stun.TransactionID{})
	send.AddXORAddress(stun.AttrXORPeerAddress, peer.addr())
	send.AddString(stun.AttrData, "data")
	cases := []struct {
		name string
		send func()
		recv wire
	}{
		{"ChannelData to a peer", func() { alice.send(server, to) }, peer},
		{"Send indication", func() { alice.send(server, send.Bytes()) }, peer},
		{"peer to a channel", func() { peer.send(a, from) }, alice},
		{"handed over, as Data indication", func() { alice.send(server, inside) }, bob},
		{"no permission", func() { stranger.send(a, from) }, nil},
		{"garbage", func() { stranger.send(server, from) }, nil},
		{"a channel that is not bound", func() { stranger.send(server, to) }, nil},
	}
	for _, c := range cases {
		n := testing.AllocsPerRun(100, func() {
			c.send()
			if c.recv == nil {
				return
			}
			if _, _, ok := c.recv.recv(); !ok {
				t.Fatal(c.name, "lost")
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations per packet", c.name, n)
		}
	}
}

// F-21: a fault in the handling of a packet loses that packet, is counted, and
// is logged once for all of a flood.
func TestPanicLosesOnePacket(t *testing.T) {
	var text bytes.Buffer
	o := testOptions(t)
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	h := newHandRelay(t, o)
	defer h.end()
	alice := h.client("alice")
	alice.allocate()
	core := h.w.server
	h.w.server = nil // every packet now panics, as no packet that we know of does
	now := h.now()
	msg := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, stun.TransactionID{})
	buf := append(make([]byte, netio.Headroom), msg.Bytes()...)
	bad := netio.Datagram{Buf: append(buf, "tail"...)[:len(buf)], Peer: alice.addr()}
	in := []netio.Datagram{bad, bad, bad}
	for i := 0; i < len(in); {
		i = h.w.receive(now, in, i)
	}
	h.w.server = core
	h.w.publish()
	if n := h.r.Stats().Panics; n != 3 {
		t.Errorf("%d panics counted, want 3", n)
	}
	if n := strings.Count(text.String(), "panic while serving"); n != 1 {
		t.Errorf("%d lines logged, want 1", n)
	}
	if !strings.Contains(text.String(), "worker.go") {
		t.Error("the log has no stack")
	}
	alice.must(alice.refresh(600))
}

// F-21: the same for requests to the key store and the quota, which are not our
// code: the request is refused, and the next one is served.
func TestPanicInAnswers(t *testing.T) {
	o := testOptions(t)
	o.Quota.ID = func(username string) string {
		if username == "bob" {
			panic("a fault in the quota")
		}
		return username
	}
	r := serveForTest(t, o)
	server := r.Addrs()[0]
	newClient(t, newUDPWire(t, serverIP), server, "alice").allocate()
	bob := newClient(t, newUDPWire(t, serverIP), server, "bob")
	bob.mustRefuse(bob.tryAllocate(), 508)
	bob.mustRefuse(bob.tryAllocate(), 508)
	faulty := newClient(t, newUDPWire(t, serverIP), server, "panic")
	faulty.mustRefuse(faulty.tryAllocate(), 500)
	newClient(t, newUDPWire(t, serverIP), server, "alice").allocate()
	if s := awaitStats(r, func(s Stats) bool { return s.Panics >= 3 }); s.Panics != 3 || s.Refused[508] != 2 || s.Refused[500] != 1 {
		t.Errorf("%d panics, refused %v", s.Panics, s.Refused)
	}
}

// A worker whose engine breaks ends the others too, and Run says why.
func TestBrokenEngine(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.workers[1].engine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "worker 1") {
		t.Fatalf("Run returned %v", err)
	}
	if _, err := r.Link(0, r.addrs[0], r.addrs[0]); err != ErrClosed {
		t.Errorf("a link to a relay that ended: %v", err)
	}
}
