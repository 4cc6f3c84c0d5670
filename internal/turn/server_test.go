package turn

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/stun"
)

// boundWorld has a client a with an allocation and a channel to a peer.
func boundWorld(t *testing.T, proto Proto) *world {
	w := newWorld(t, Options{})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000"), Proto: proto}
	for _, line := range []string{
		"a allocate transport=17 add-family=2", "a bind channel=0x4000 peer=192.0.2.1:9",
		"a permit peer=192.0.2.2:9 peer=[2001:db8::1]:9",
	} {
		w.do(strings.Fields(line))
		if got := strings.Join(w.drain(), " "); !strings.Contains(got, "success") {
			t.Fatalf("%s: %s", line, got)
		}
	}
	return w
}

// Packets that are relayed, and packets of strangers that are dropped, cost no
// memory at all.
func TestPacketsAllocateNothing(t *testing.T) {
	w := boundWorld(t, UDP)
	send := func(peer string) []byte {
		return headroom(w.build(w.clients["a"], "send", []string{"peer=" + peer, "data=hello"}))
	}
	channel := headroom(channelMessage(0x4000, make([]byte, 172)))
	toV4, toV6, payload := send("192.0.2.2:9"), send("[2001:db8::1]:9"), headroom(make([]byte, 172))
	bound, other := netip.MustParseAddrPort("192.0.2.1:9"), netip.MustParseAddrPort("192.0.2.2:7")
	v6 := netip.MustParseAddrPort("[2001:db8::1]:9")
	stranger := FiveTuple{Client: netip.MustParseAddrPort("192.0.2.99:1")}
	cases := map[string]func(){
		"channel data":             func() { w.s.Client(w.now, w.clients["a"], channel, &w.out) },
		"send":                     func() { w.s.Client(w.now, w.clients["a"], toV4, &w.out) },
		"send to IPv6":             func() { w.s.Client(w.now, w.clients["a"], toV6, &w.out) },
		"peer to channel":          func() { w.s.Peer(w.now, 0, bound, payload, &w.out) },
		"peer to data":             func() { w.s.Peer(w.now, 0, other, payload, &w.out) },
		"peer to data over IPv6":   func() { w.s.Peer(w.now, 1, v6, payload, &w.out) },
		"channel of a stranger":    func() { w.s.Client(w.now, stranger, channel, &w.out) },
		"send of a stranger":       func() { w.s.Client(w.now, stranger, toV4, &w.out) },
		"garbage":                  func() { w.s.Client(w.now, stranger, payload, &w.out) },
		"peer without permission":  func() { w.s.Peer(w.now, 0, netip.MustParseAddrPort("8.8.8.8:1"), payload, &w.out) },
		"packet for no allocation": func() { w.s.Peer(w.now, 77, bound, payload, &w.out) },
	}
	for name, f := range cases {
		if n := testing.AllocsPerRun(1000, func() { f(); w.out.Reset() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A-C05: bytes of an earlier packet never show in the padding.
func TestPaddingIsZero(t *testing.T) {
	w := boundWorld(t, TCP)
	for n := range 9 {
		for _, from := range []string{"192.0.2.1:9", "192.0.2.2:9", "[2001:db8::1]:9"} {
			buf := make([]byte, Headroom+n+Tailroom)
			for i := range buf {
				buf[i] = 0xEE
			}
			ap := netip.MustParseAddrPort(from)
			id := RelayID(0)
			if ap.Addr().Is6() {
				id = 1
			}
			w.s.Peer(w.now, id, ap, buf[:Headroom+n], &w.out)
			msg := w.out.Sends[0].Buf
			w.out.Reset()
			if len(msg)%4 != 0 {
				t.Errorf("%d bytes from %s: a message of %d bytes on a stream", n, from, len(msg))
			}
			for _, b := range msg[len(msg)-(4-n%4)%4:] {
				if b != 0 {
					t.Errorf("%d bytes from %s: padding %x", n, from, msg[len(msg)-4:])
				}
			}
		}
	}
}

// R-8489-6.1-a (RFC 8489, 6.1): no answer to a stranger is longer than fits
// into any path, A-X14: also to four hundred unknown attributes.
func TestAnswersAreShort(t *testing.T) {
	w := newWorld(t, Options{Software: "iceserver", Reasons: true})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
	args := []string{"transport=17"}
	for i := range 400 {
		args = append(args, "attr=0x"+hex.EncodeToString([]byte{0x60 + byte(i>>8), byte(i)})+":")
	}
	for _, line := range [][]string{args, {"unsigned"}, {"nonce=foreign"}, {"bad"}, {"transport=17"}} {
		w.packet("a", w.build(w.clients["a"], "allocate", line))
		for range 3 {
			for _, s := range w.out.Sends {
				if len(s.Buf) > 548 {
					t.Errorf("an answer of %d bytes", len(s.Buf))
				}
			}
			w.drain()
		}
	}
}

// A-O09: a Binding request of 20 bytes is answered with 32, never more.
func TestBindingAmplification(t *testing.T) {
	w := newWorld(t, Options{Software: "iceserver"})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
	w.packet("a", w.build(w.clients["a"], "binding", nil))
	if n := len(w.out.Sends[0].Buf); n != 32 {
		t.Errorf("the answer has %d bytes", n)
	}
}

// A-X02, A-X03, A-D02: strangers leave nothing behind, however many they are.
func TestStrangersCostNoMemory(t *testing.T) {
	w := newWorld(t, Options{ChallengeRate: 100, ChallengeBurst: 500})
	for i := range 20000 {
		from := FiveTuple{Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, byte(i >> 8), byte(i), 1}), 4000)}
		for _, args := range [][]string{{"unsigned"}, {"nonce=foreign"}} {
			w.s.Client(w.now, from, headroom(w.build(from, "allocate", args)), &w.out)
			w.s.Client(w.now, from, headroom(w.build(from, "binding", nil)), &w.out)
		}
		w.out.Reset()
	}
	if n := len(w.s.clients) + len(w.s.waiting) + len(w.s.opening) + len(w.s.busy); n != 0 {
		t.Errorf("%d entries are kept for strangers", n)
	}
}

// Requests that wait for a key hold memory, so there is a bound.
func TestWaitingIsBounded(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range maxWaiting + 10 {
		from := FiveTuple{Client: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.10"), uint16(1000+i))}
		w.s.Client(w.now, from, headroom(w.build(from, "allocate", []string{"transport=17"})), &w.out)
	}
	if len(w.s.waiting) != maxWaiting || w.out.Drops[DropPendingFull] != 10 {
		t.Errorf("%d wait and %d were dropped", len(w.s.waiting), w.out.Drops[DropPendingFull])
	}
}

// What a stranger's waiting request keeps is bounded too.
func TestWaitingIsShort(t *testing.T) {
	w := newWorld(t, Options{})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
	long := "attr=0xff00:" + strings.Repeat("00", maxKept)
	w.do([]string{"a", "allocate", "transport=17", long})
	if got := strings.Join(w.drain(), ";"); got != "drop too-long" {
		t.Errorf("a long request of a stranger: %s", got)
	}
	w.do(strings.Fields("a allocate transport=17"))
	w.drain()
	w.do([]string{"a", "refresh", long})
	if got := strings.Join(w.drain(), ";"); !strings.Contains(got, "Refresh success") {
		t.Errorf("a long request of a client: %s", got)
	}
}

// A-X14: as many addresses as fit into a packet are refused before any work.
func TestTooManyPeers(t *testing.T) {
	w := boundWorld(t, UDP)
	line := []string{"a", "permit"}
	for i := range maxPeers + 1 {
		line = append(line, fmt.Sprintf("peer=192.0.2.%d:1", i))
	}
	w.do(line)
	if got := strings.Join(w.drain(), ";"); !strings.Contains(got, "error 400") || len(w.s.clients[keyOf(w.clients["a"])].perms) != 3 {
		t.Errorf("%d peers: %s", maxPeers+1, got)
	}
	w.do(line[:len(line)-1])
	if got := strings.Join(w.drain(), ";"); !strings.Contains(got, "success") {
		t.Errorf("%d peers: %s", maxPeers, got)
	}
}

// A-X13: thousands of channels that end one after the other do not cause as many
// sweeps, and what has ended carries nothing all the same.
func TestSweepsAreRare(t *testing.T) {
	w := boundWorld(t, UDP)
	const channels, apart = 1000, 10 * time.Millisecond
	start := w.now
	for i := range channels {
		w.now = start + Now(i)*apart
		w.do([]string{"a", "bind", fmt.Sprintf("channel=%d", 0x4001+i), fmt.Sprintf("peer=192.0.2.3:%d", 1+i)})
		w.drain()
	}
	w.do(strings.Fields("a refresh lifetime=3600"))
	w.drain()
	sweeps, end := 0, start+600*time.Second+channels*apart
	for w.s.Deadline() <= end {
		w.now = w.s.Deadline()
		w.s.Expire(w.now, &w.out)
		w.tell()
		sweeps++
	}
	if sweeps > 30 {
		t.Errorf("%d sweeps for %d channels that end within ten seconds", sweeps, channels)
	}
}

// R-8656-5-h (RFC 8656, 5): a retransmission while the port is being opened is
// the same request, another Allocate is not.
func TestRetransmissionWhileOpening(t *testing.T) {
	w := newWorld(t, Options{})
	w.clients["a"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000")}
	w.holdPorts = true
	w.do(strings.Fields("a allocate transport=17 id=one"))
	w.drain()
	w.do(strings.Fields("a allocate transport=17 id=one"))
	if got := strings.Join(w.drain(), ";"); got != "lookup u;drop retransmit" {
		t.Errorf("the retransmission: %s", got)
	}
	w.do(strings.Fields("a allocate transport=17 id=two"))
	if got := strings.Join(w.drain(), ";"); !strings.Contains(got, "error 437") {
		t.Errorf("another request: %s", got)
	}
	w.holdPorts = false
	if got := strings.Join(w.drain(), ";"); strings.Count(got, "success") != 1 {
		t.Errorf("when the port comes: %s", got)
	}
}

// A Data indication that would not fit is dropped, not cut.
func TestTooLongForAMessage(t *testing.T) {
	w := boundWorld(t, UDP)
	w.s.Peer(w.now, 1, netip.MustParseAddrPort("[2001:db8::1]:9"), headroom(make([]byte, 65507)), &w.out)
	if len(w.out.Sends) != 0 || w.out.Drops[DropTooLong] != 1 {
		t.Errorf("%d sends, drops %v", len(w.out.Sends), w.out.Drops)
	}
}

// A-D11: numbers near the end of their range.
func TestIndicationNumbersWrap(t *testing.T) {
	w := boundWorld(t, UDP)
	w.s.indications = 1<<64 - 2
	seen := map[stun.TransactionID]bool{}
	for range 4 {
		w.s.Peer(w.now, 0, netip.MustParseAddrPort("192.0.2.2:9"), headroom([]byte("x")), &w.out)
		m, err := stun.Parse(w.out.Sends[0].Buf)
		if err != nil || seen[m.ID] {
			t.Fatalf("%v, seen before: %v", err, seen[m.ID])
		}
		seen[m.ID] = true
		w.out.Reset()
	}
}

func TestMeter(t *testing.T) {
	m := newMeter(0, 1000)
	total := 0
	for now := Now(0); now < 10*time.Second; now += 100 * time.Microsecond {
		if m.take(now, 10) {
			total += 10
		}
	}
	if total < 10900 || total > 11100 {
		t.Errorf("%d bytes in ten seconds at 1000 a second and a burst of 1000", total)
	}
}

// FuzzClient hands whatever comes to a server that has an allocation: nothing
// panics, answers are whole, and nothing is sent to a peer that is not permitted.
func FuzzClient(f *testing.F) {
	w := boundWorld(&testing.T{}, UDP)
	for _, line := range []string{"allocate transport=17", "refresh lifetime=0", "permit peer=192.0.2.1:9", "bind channel=0x4001 peer=192.0.2.2:9", "send peer=192.0.2.2:9 data=x", "binding fingerprint"} {
		words := strings.Fields(line)
		f.Add(w.build(w.clients["a"], words[0], words[1:]), false)
		f.Add(w.build(w.clients["a"], words[0], append(words[1:], "unsigned")), true)
	}
	f.Add(channelMessage(0x4000, []byte("x")), false)
	f.Fuzz(func(t *testing.T, pkt []byte, stranger bool) {
		from := w.clients["a"]
		if stranger {
			from.Client = netip.MustParseAddrPort("192.0.2.77:1")
		}
		w.s.Client(w.now, from, headroom(pkt), &w.out)
		for _, s := range w.out.Sends {
			if s.Kind != ToClient {
				if stranger || w.s.clients[keyOf(from)].permitted(w.now, s.To.Addr()) == nil {
					t.Errorf("sent to %s", s.To)
				}
			} else if _, err := stun.Parse(s.Buf); err != nil {
				t.Errorf("a broken answer: %v", err)
			}
		}
		w.out.Reset()
	})
}
