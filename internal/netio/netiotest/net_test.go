package netiotest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/netio"
)

func TestNetEngine(t *testing.T) {
	Test(t, NewNet(1).Engine)
}

// carry sends n numbered datagrams over the network and returns those that came.
func carry(t *testing.T, network *Net, n int) []string {
	a, b := newHost(t, network.Engine), newHost(t, network.Engine)
	from, to := a.open(loopback()), b.open(loopback())
	for i := range n {
		a.send(from, to.addr, fmt.Sprint(i))
	}
	var got []string
	for {
		messages := b.poll(0)
		if len(messages) == 0 {
			return got
		}
		for _, m := range messages {
			got = append(got, m.payload)
		}
	}
}

func TestNetLoss(t *testing.T) {
	lossy := func(seed uint64) []string {
		network := NewNet(seed)
		network.SetLoss(0.25)
		return carry(t, network, 1000)
	}
	got := lossy(7)
	if len(got) < 700 || len(got) > 800 {
		t.Errorf("%d of 1000 came with a loss of a quarter", len(got))
	}
	if !slices.Equal(got, lossy(7)) {
		t.Error("the same seed lost others")
	}
	if slices.Equal(got, lossy(8)) {
		t.Error("another seed lost the same")
	}
}

func TestNetReorder(t *testing.T) {
	network := NewNet(7)
	inOrder := carry(t, network, 100)
	network.SetReorder(0.1)
	got := carry(t, network, 100)
	if slices.Equal(got, inOrder) {
		t.Error("nothing was reordered")
	}
	slices.Sort(got)
	slices.Sort(inOrder)
	if !slices.Equal(got, inOrder) {
		t.Errorf("reordering lost or made some: %q", got)
	}
}

func TestNetQueueIsBounded(t *testing.T) {
	if got := carry(t, NewNet(1), queueLimit+10); len(got) != queueLimit {
		t.Errorf("%d datagrams waited for one socket", len(got))
	}
}

func TestNetRefuseOpens(t *testing.T) {
	network := NewNet(1)
	h := newHost(t, network.Engine)
	network.RefuseOpens(syscall.EMFILE)
	if _, _, err := h.Open(netip.AddrPortFrom(loopback(), 0), netio.Options{}); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Open: %v, want EMFILE", err)
	}
	network.RefuseOpens(nil)
	h.open(loopback())
}

func TestNetWatch(t *testing.T) {
	network := NewNet(1)
	network.SetLoss(1)
	var seen []string
	network.Watch(func(from netip.AddrPort, d netio.Datagram) {
		seen = append(seen, fmt.Sprint(from, d.Peer, string(d.Buf), d.DF))
	})
	h := newHost(t, network.Engine)
	p := h.open(loopback())
	if _, err := h.Send([]netio.Datagram{{Socket: p.id, Peer: p.addr, Buf: []byte("x"), DF: true}}); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint(p.addr, p.addr, "x", true); len(seen) != 1 || seen[0] != want {
		t.Errorf("saw %q, want %q", seen, want)
	}
}

func TestNetPoisonsBuffers(t *testing.T) {
	h := newHost(t, NewNet(1).Engine)
	p := h.open(loopback())
	h.send(p, p.addr, "payload")
	if n, err := h.Poll(h.in, 0); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	kept := h.in[0].Buf[netio.Headroom:]
	h.poll(0)
	if string(kept) != "\xDB\xDB\xDB\xDB\xDB\xDB\xDB" {
		t.Errorf("a buffer kept past the next Poll still reads %q", kept)
	}
}

// A Poll that waits is durably blocked, so that the bubble's clock advances, and
// it ends exactly when it should.
func TestNetInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := NewNet(1)
		a, b := newHost(t, network.Engine), newHost(t, network.Engine)
		from, to := a.open(loopback()), b.open(loopback())
		start := time.Now()
		if got := b.poll(time.Hour); len(got) != 0 || time.Since(start) != time.Hour {
			t.Errorf("Poll gave %+v after %v", got, time.Since(start))
		}
		go func() {
			time.Sleep(time.Minute)
			a.send(from, to.addr, "x")
		}()
		start = time.Now()
		if got := b.poll(-1); len(got) != 1 || time.Since(start) != time.Minute {
			t.Errorf("Poll gave %+v after %v", got, time.Since(start))
		}
		go func() {
			time.Sleep(time.Second)
			b.Wake()
		}()
		start = time.Now()
		if got := b.poll(-1); len(got) != 0 || time.Since(start) != time.Second {
			t.Errorf("Poll gave %+v after %v", got, time.Since(start))
		}
	})
}
