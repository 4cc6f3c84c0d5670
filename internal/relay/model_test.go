package relay

import (
	"testing"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
	"pgregory.net/rapid"
)

// holding is what the model knows of a client with an allocation.
type holding struct {
	c     *client
	relay bool // over a link
	ends  turn.Now
}

// relayModel holds what ought to be there after every step.
type relayModel struct {
	tt     *testing.T
	h      *handRelay
	live   []holding
	tokens []modelToken
}

type modelToken struct {
	token []byte
	ends  turn.Now
}

// A-D18, F-15: whatever clients do in whatever order, ports and charges are
// those of the allocations and reservations that live.
func TestRelayModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := testOptions(t)
		o.MinPort, o.MaxPort = 61300, 61307
		o.Quota = Quota{PerUser: rapid.IntRange(0, 4).Draw(rt, "perUser"), Total: rapid.IntRange(0, 6).Draw(rt, "total")}
		m := &relayModel{tt: t, h: newHandRelay(t, o)}
		defer m.h.end()
		rt.Repeat(map[string]func(*rapid.T){
			"allocate":       func(rt *rapid.T) { m.allocate(rt, m.client(rt)) },
			"allocate even":  func(rt *rapid.T) { m.allocate(rt, m.client(rt), evenPort(false)) },
			"allocate pair":  func(rt *rapid.T) { m.allocate(rt, m.client(rt), evenPort(true)) },
			"redeem":         m.redeem,
			"allocate again": func(rt *rapid.T) { m.again(rt) },
			"release":        m.release,
			"refresh":        m.refresh,
			"disconnect":     m.disconnect,
			"time passes":    m.pass,
			"":               m.check,
		})
	})
}

func (m *relayModel) client(rt *rapid.T) *client {
	user := rapid.SampledFrom([]string{"alice", "bob"}).Draw(rt, "user")
	if rapid.Bool().Draw(rt, "link") {
		return m.h.linkClient(user)
	}
	return m.h.client(user)
}

func (m *relayModel) allocate(rt *rapid.T, c *client, add ...func(*stun.Builder)) bool {
	_, isLink := c.wire.(*handLink)
	r := c.tryAllocate(add...)
	if r.Class != stun.ClassSuccess {
		if code, _, _ := r.ErrorCode(); code != 486 && code != 508 {
			rt.Fatalf("refused with %d", code)
		}
		return false
	}
	m.live = append(m.live, holding{c: c, relay: isLink, ends: m.h.now() + 600*time.Second})
	if token, ok := r.Get(stun.AttrReservationToken); ok {
		m.tokens = append(m.tokens, modelToken{token, m.h.now() + reservationLife})
	}
	return true
}

func (m *relayModel) redeem(rt *rapid.T) {
	i := pick(rt, len(m.tokens))
	c := m.client(rt)
	if m.allocate(rt, c, withToken(m.tokens[i].token)) {
		m.tokens = append(m.tokens[:i], m.tokens[i+1:]...)
	}
}

func (m *relayModel) again(rt *rapid.T) {
	i := pick(rt, len(m.live))
	m.live[i].c.mustRefuse(m.live[i].c.tryAllocate(), 437)
}

func (m *relayModel) release(rt *rapid.T) {
	i := pick(rt, len(m.live))
	m.live[i].c.must(m.live[i].c.refresh(0))
	m.live = append(m.live[:i], m.live[i+1:]...)
}

func (m *relayModel) refresh(rt *rapid.T) {
	i := pick(rt, len(m.live))
	m.live[i].c.must(m.live[i].c.refresh(900))
	m.live[i].ends = m.h.now() + 900*time.Second
}

func (m *relayModel) disconnect(rt *rapid.T) {
	i := pick(rt, len(m.live))
	if !m.live[i].relay {
		rt.Skip("UDP has no connection")
	}
	m.live[i].c.wire.(*handLink).link.Close()
	m.h.pass(0)
	m.live = append(m.live[:i], m.live[i+1:]...)
}

func (m *relayModel) pass(rt *rapid.T) {
	m.h.pass(turn.Now(rapid.SampledFrom([]int{5, 20, 31, 301, 601}).Draw(rt, "seconds")) * time.Second)
	now := m.h.now()
	live := m.live[:0]
	for _, l := range m.live {
		if l.ends > now {
			live = append(live, l)
		}
	}
	m.live = live
	m.h.r.ports.expire(now)
	tokens := m.tokens[:0]
	for _, k := range m.tokens {
		if k.ends > now {
			tokens = append(tokens, k)
		}
	}
	m.tokens = tokens
}

func (m *relayModel) check(rt *rapid.T) {
	s := m.h.r.Stats()
	want := len(m.live) + len(m.tokens)
	if s.Allocations != len(m.live) || s.PortsUsed != want || charges(m.h.r) != want {
		rt.Fatalf("%d allocations, %d ports, %d charges; want %d and %d for both",
			s.Allocations, s.PortsUsed, charges(m.h.r), len(m.live), want)
	}
	if n := m.h.w.server.Allocations(); n != len(m.live) {
		rt.Fatalf("the core has %d allocations, want %d", n, len(m.live))
	}
}
