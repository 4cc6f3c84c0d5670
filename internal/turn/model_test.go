package turn

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"iceserver/internal/stun"

	"pgregory.net/rapid"
)

// model is the same server again, slow and obvious: lists that are searched
// from the front, times that are compared and never sorted.
type model struct {
	now   Now
	live  []*modelAllocation
	perms []modelPermission
	chans []modelChannel
}

type modelAllocation struct {
	client, user string
	relays       map[RelayID]Family
	expires      map[RelayID]Now
	errors       int // ICMP errors told since time last passed
}

type modelPermission struct {
	a       *modelAllocation
	peer    netip.Addr
	expires Now
}

type modelChannel struct {
	a       *modelAllocation
	number  uint16
	peer    netip.AddrPort
	expires Now
}

func (m *model) of(client string) *modelAllocation {
	for _, a := range m.live {
		if a.client == client {
			return a
		}
	}
	return nil
}

// owner returns who holds a relayed address, or nil.
func (m *model) owner(id RelayID) *modelAllocation {
	for _, a := range m.live {
		if _, ok := a.relays[id]; ok {
			return a
		}
	}
	return nil
}

// forget drops what is over, in whatever order.
func (m *model) forget() {
	for _, a := range m.live {
		for id, t := range a.expires {
			if t <= m.now {
				m.closeRelay(a, id)
			}
		}
	}
	m.live = slices.DeleteFunc(m.live, func(a *modelAllocation) bool { return len(a.relays) == 0 })
	m.perms = slices.DeleteFunc(m.perms, func(p modelPermission) bool { return p.expires <= m.now || len(p.a.relays) == 0 })
	m.chans = slices.DeleteFunc(m.chans, func(c modelChannel) bool { return c.expires <= m.now || len(c.a.relays) == 0 })
}

func (m *model) closeRelay(a *modelAllocation, id RelayID) {
	f := a.relays[id]
	delete(a.relays, id)
	delete(a.expires, id)
	m.perms = slices.DeleteFunc(m.perms, func(p modelPermission) bool { return p.a == a && FamilyOf(p.peer) == f })
	m.chans = slices.DeleteFunc(m.chans, func(c modelChannel) bool { return c.a == a && FamilyOf(c.peer.Addr()) == f })
}

func (m *model) permitted(a *modelAllocation, peer netip.Addr) bool {
	return slices.ContainsFunc(m.perms, func(p modelPermission) bool { return p.a == a && p.peer == peer })
}

func (m *model) permit(a *modelAllocation, peer netip.Addr) {
	m.perms = slices.DeleteFunc(m.perms, func(p modelPermission) bool { return p.a == a && p.peer == peer })
	m.perms = append(m.perms, modelPermission{a, peer, m.now + 300*time.Second})
}

func (m *model) hasFamily(a *modelAllocation, f Family) bool {
	for _, g := range a.relays {
		if f == g {
			return true
		}
	}
	return false
}

// run is a server and its model in one random schedule.
type run struct {
	*rapid.T
	w *world
	m *model
	// openPorts counts what was opened and not yet closed.
	openPorts map[RelayID]bool
}

var ( //nolint:gochecknoglobals // tables of a test
	modelClients = []string{"a", "b", "c"}
	modelPeers   = []string{"192.0.2.1:1000", "192.0.2.1:2000", "192.0.2.2:1000", "[2001:db8::1]:1000", "203.0.113.1:50000", "10.0.0.1:1"}
)

// TestModel plays random operations against server and model. What the server
// sends, to peers or to clients, must be what the model permits, byte for byte;
// ports are opened and closed in pairs (A-D18, A-D19, F-24).
func TestModel(t *testing.T) {
	if err := flag.Set("rapid.checks", "400"); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := &run{T: rt, w: newWorld(t, Options{}), m: &model{}, openPorts: map[RelayID]bool{}}
		for i, c := range modelClients {
			r.w.clients[c] = FiveTuple{Client: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.10"), uint16(4000+i)), Via: Via(i)}
		}
		// Begin where things can go wrong, or most schedules end before.
		for range 4 {
			r.allocate(rt)
			r.bind(rt)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"allocate":   r.allocate,
			"refresh":    r.refresh,
			"permit":     r.permit,
			"bind":       r.bind,
			"send":       r.send,
			"channel":    r.channel,
			"peer":       r.peer,
			"icmp":       r.icmp,
			"disconnect": r.disconnect,
			"wait":       r.wait,
			"":           r.check,
		})
	})
}

func (r *run) client() string { return rapid.SampledFrom(modelClients).Draw(r.T, "client") }
func (r *run) user() string   { return rapid.SampledFrom([]string{"u", "u", "u", "v"}).Draw(r.T, "user") }
func (r *run) peerAddr() netip.AddrPort {
	return netip.MustParseAddrPort(rapid.SampledFrom(modelPeers).Draw(r.T, "peer"))
}

// request sends a request and returns the code of the answer, 0 for success.
func (r *run) request(client, method string, args ...string) int {
	r.w.out.Reset()
	r.w.packet(client, r.w.build(r.w.clients[client], method, args))
	code := -1
	for range 4 {
		for _, s := range r.w.out.Sends {
			m, err := stun.Parse(s.Buf)
			if err != nil {
				r.Fatalf("broken answer: %v", err)
			}
			code, _, _ = m.ErrorCode()
		}
		keys, opens := slices.Clone(r.w.out.Lookups), slices.Clone(r.w.out.Opens)
		r.account()
		for _, l := range keys {
			r.w.s.Key(r.w.now, r.w.keyReply(l), &r.w.out)
		}
		for _, o := range opens {
			reply := r.w.portReply(o)
			for i, f := range o.Families {
				if f != NoFamily {
					r.openPorts[reply.Relayed[i].ID] = true
				}
			}
			r.w.s.Port(r.w.now, reply, &r.w.out)
		}
	}
	return code
}

// account takes the closed ports out of the books and empties the outbox.
func (r *run) account() {
	for _, id := range r.w.out.Closes {
		if !r.openPorts[id] {
			r.Fatalf("relay %d closed twice or never opened", id)
		}
		delete(r.openPorts, id)
	}
	r.w.out.Reset()
}

func (r *run) expect(what string, got, want int) {
	if got != want {
		r.Fatalf("%s: answered %d, the model says %d", what, got, want)
	}
}

func (r *run) allocate(*rapid.T) {
	c, u := r.client(), r.user()
	family := rapid.SampledFrom([]string{"family=1", "family=2", "add-family=2"}).Draw(r.T, "family")
	want := 0
	if r.m.of(c) != nil {
		want = 437
	}
	first := r.w.nextRelay
	r.expect("allocate", r.request(c, "allocate", "transport=17", "user="+u, family), want)
	if want != 0 {
		return
	}
	a := &modelAllocation{client: c, user: u, relays: map[RelayID]Family{}, expires: map[RelayID]Now{}}
	families := map[string][]Family{"family=1": {IPv4}, "family=2": {IPv6}, "add-family=2": {IPv4, IPv6}}[family]
	for i, f := range families {
		a.relays[first+RelayID(i)], a.expires[first+RelayID(i)] = f, r.m.now+600*time.Second
	}
	r.m.live = append(r.m.live, a)
}

func (r *run) refresh(*rapid.T) {
	c, u := r.client(), r.user()
	seconds := rapid.SampledFrom([]int{0, 1, 600, 900}).Draw(r.T, "lifetime")
	family := Family(rapid.IntRange(0, 2).Draw(r.T, "family"))
	args := []string{fmt.Sprintf("lifetime=%d", seconds), "user=" + u}
	if family != NoFamily {
		args = append(args, fmt.Sprintf("family=%d", family))
	}
	a, want := r.m.of(c), 0
	switch {
	case a == nil:
		want = 437
	case a.user != u:
		want = 441
	case family != NoFamily && !r.m.hasFamily(a, family):
		want = 443
	}
	r.expect("refresh", r.request(c, "refresh", args...), want)
	if want != 0 {
		return
	}
	for id, f := range a.relays {
		if family == NoFamily || f == family {
			a.expires[id] = r.m.now + max(600, Now(seconds))*time.Second
			if seconds == 0 {
				a.expires[id] = r.m.now
			}
		}
	}
	r.m.forget()
}

// verdict is what the model says to a request about peers.
func (r *run) verdict(a *modelAllocation, u string, peers ...netip.AddrPort) int {
	switch {
	case a == nil:
		return 437
	case a.user != u:
		return 441
	}
	for _, p := range peers {
		if !r.m.hasFamily(a, FamilyOf(p.Addr())) {
			return 443
		}
	}
	for _, p := range peers {
		if p.Addr().IsPrivate() {
			return 403
		}
	}
	return 0
}

func (r *run) permit(*rapid.T) {
	c, u := r.client(), r.user()
	p, q := r.peerAddr(), r.peerAddr()
	a := r.m.of(c)
	want := r.verdict(a, u, p, q)
	r.expect("permit", r.request(c, "permit", "peer="+p.String(), "peer="+q.String(), "user="+u), want)
	if want == 0 {
		r.m.permit(a, p.Addr())
		r.m.permit(a, q.Addr())
	}
}

func (r *run) number() uint16 { return uint16(rapid.IntRange(0x4000, 0x4002).Draw(r.T, "number")) }

func (r *run) bind(*rapid.T) {
	c, u, p, n := r.client(), r.user(), r.peerAddr(), r.number()
	a := r.m.of(c)
	want := r.verdict(a, u, p)
	same := slices.IndexFunc(r.m.chans, func(ch modelChannel) bool { return ch.a == a && ch.number == n && ch.peer == p })
	taken := slices.ContainsFunc(r.m.chans, func(ch modelChannel) bool { return ch.a == a && (ch.number == n) != (ch.peer == p) })
	if want == 0 && taken {
		want = 400
	}
	r.expect("bind", r.request(c, "bind", fmt.Sprintf("channel=%d", n), "peer="+p.String(), "user="+u), want)
	if want != 0 {
		return
	}
	if same >= 0 {
		r.m.chans = slices.Delete(r.m.chans, same, same+1)
	}
	r.m.chans = append(r.m.chans, modelChannel{a, n, p, r.m.now + 600*time.Second})
	r.m.permit(a, p.Addr())
}

// oneSend wants exactly one packet to a peer, or none (A-X21).
func (r *run) oneSend(what string, a *modelAllocation, p netip.AddrPort, want bool) {
	if len(r.w.out.Sends) > 1 || (len(r.w.out.Sends) == 1) != want {
		r.Fatalf("%s to %s: %d packets, the model says %v", what, p, len(r.w.out.Sends), want)
	}
	if want {
		s := r.w.out.Sends[0]
		if s.Kind == ToClient || s.To != p || a.relays[s.Relay] != FamilyOf(p.Addr()) {
			r.Fatalf("%s: sent %+v for %s", what, s, p)
		}
	}
	r.account()
}

func (r *run) send(*rapid.T) {
	c, p := r.client(), r.peerAddr()
	a := r.m.of(c)
	r.w.packet(c, r.w.build(r.w.clients[c], "send", []string{"peer=" + p.String(), "data=x"}))
	r.oneSend("send", a, p, a != nil && r.m.permitted(a, p.Addr()))
}

func (r *run) channel(*rapid.T) {
	c, n := r.client(), r.number()
	a := r.m.of(c)
	r.w.packet(c, channelMessage(n, []byte("x")))
	i := slices.IndexFunc(r.m.chans, func(ch modelChannel) bool { return a != nil && ch.a == a && ch.number == n })
	if i < 0 {
		r.oneSend("channel", a, netip.AddrPort{}, false)
		return
	}
	r.oneSend("channel", a, r.m.chans[i].peer, r.m.permitted(a, r.m.chans[i].peer.Addr()))
}

func (r *run) peer(*rapid.T) {
	id := RelayID(rapid.IntRange(0, int(r.w.nextRelay)).Draw(r.T, "relay"))
	p := r.peerAddr()
	r.w.s.Peer(r.w.now, id, p, headroom([]byte("hello")), &r.w.out)
	owner := r.m.owner(id)
	want := owner != nil && r.m.permitted(owner, p.Addr())
	if (len(r.w.out.Sends) == 1) != want {
		r.Fatalf("peer %s at relay %d: %d packets, the model says %v", p, id, len(r.w.out.Sends), want)
	}
	if want {
		s := r.w.out.Sends[0]
		_, _, notChannel := stun.ParseChannelData(s.Buf)
		bound := slices.ContainsFunc(r.m.chans, func(c modelChannel) bool { return c.a == owner && c.peer == p })
		if s.Kind != ToClient || s.To != r.w.clients[owner.client].Client || bound != (notChannel == nil) {
			r.Fatalf("peer %s at relay %d: sent %+v, channel bound: %v", p, id, s, bound)
		}
	}
	r.account()
}

// icmp has the network report a packet to a peer. The client hears of it where
// that peer may be sent to, whatever the port, and not too often.
func (r *run) icmp(*rapid.T) {
	id := RelayID(rapid.IntRange(0, int(r.w.nextRelay)).Draw(r.T, "relay"))
	p := r.peerAddr()
	kind := uint8(rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 11, 12}).Draw(r.T, "type"))
	owner := r.m.owner(id)
	listed := map[Family][]uint8{IPv4: {3, 11}, IPv6: {1, 2, 3}}[FamilyOf(p.Addr())]
	may := owner != nil && r.m.permitted(owner, p.Addr()) && slices.Contains(listed, kind)
	for range rapid.IntRange(1, icmpRate+1).Draw(r.T, "times") {
		want := may && owner.errors < icmpRate
		r.w.s.ICMP(r.w.now, id, ICMP{Peer: p, Type: kind, Code: 4, MTU: 1280}, &r.w.out)
		if (len(r.w.out.Sends) == 1) != want {
			r.Fatalf("ICMP %d about %s at relay %d: %d packets, the model says %v", kind, p, id, len(r.w.out.Sends), want)
		}
		if want {
			owner.errors++
			r.icmpTold(owner, p, kind)
		}
		r.account()
	}
}

// icmpTold checks what a client is told.
func (r *run) icmpTold(a *modelAllocation, p netip.AddrPort, kind uint8) {
	s := r.w.out.Sends[0]
	m, err := stun.Parse(s.Buf)
	if err != nil || s.Kind != ToClient || s.To != r.w.clients[a.client].Client {
		r.Fatalf("ICMP about %s: sent %+v: %v", p, s, err)
	}
	want := stun.ICMP{Type: kind, Code: 4}
	if p.Addr().Is4() && kind == 3 || p.Addr().Is6() && kind == 2 {
		want.Data = 1280
	}
	peer, _ := m.XORAddress(stun.AttrXORPeerAddress)
	if got, err := m.ICMP(); got != want || err != nil || peer != p {
		r.Fatalf("ICMP about %s: told %+v about %s, want %+v: %v", p, got, peer, want, err)
	}
}

// disconnect ends a connection, perhaps with a request on it whose key comes
// too late.
func (r *run) disconnect(*rapid.T) {
	c := r.client()
	var late []Lookup
	if rapid.Bool().Draw(r.T, "asking") {
		r.w.packet(c, r.w.build(r.w.clients[c], "allocate", []string{"transport=17"}))
		late = slices.Clone(r.w.out.Lookups)
		r.account()
	}
	r.w.s.Disconnect(r.w.now, r.w.clients[c], &r.w.out)
	for _, l := range late {
		r.w.s.Key(r.w.now, r.w.keyReply(l), &r.w.out)
	}
	if len(r.w.out.Sends)+len(r.w.out.Opens) != 0 {
		r.Fatalf("something comes of the request of a client that has gone: %+v", r.w.out)
	}
	r.account()
	if a := r.m.of(c); a != nil {
		clear(a.relays)
		r.m.forget()
	}
}

func (r *run) wait(*rapid.T) {
	d := Now(rapid.SampledFrom([]int{1, 100, 200, 299, 301}).Draw(r.T, "seconds")) * time.Second
	r.m.now += d
	for _, a := range r.m.live {
		a.errors = 0
	}
	r.m.forget()
	r.w.now += d
	r.w.s.Expire(r.w.now, &r.w.out)
	r.account()
}

// check compares what must hold at all times.
func (r *run) check(*rapid.T) {
	ports := 0
	next := Never
	for _, a := range r.m.live {
		ports += len(a.relays)
		for _, t := range a.expires {
			next = min(next, t)
		}
	}
	// What ends inside an allocation may wait for its next sweep.
	for _, p := range r.m.perms {
		next = min(next, p.expires+sweepInterval)
	}
	for _, c := range r.m.chans {
		next = min(next, c.expires+sweepInterval)
	}
	if len(r.openPorts) != ports || r.w.s.Allocations() != len(r.m.live) {
		r.Fatalf("%d ports and %d allocations, the model has %d and %d", len(r.openPorts), r.w.s.Allocations(), ports, len(r.m.live))
	}
	if d := r.w.s.Deadline(); d > next {
		r.Fatalf("the deadline is %v, but something ends at %v", d, next)
	}
}
