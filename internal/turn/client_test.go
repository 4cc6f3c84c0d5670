package turn

import (
	"net/netip"
	"testing"
	"time"

	"iceserver/internal/stun"
)

// pair is a Client that talks to the server of a world.
type pair struct {
	w   *world
	c   *Client
	out ClientOutbox
	ids byte
	cut bool // the server does not answer
}

func newPair(t *testing.T, user, password string, proto Proto) *pair {
	p := &pair{w: newWorld(t, Options{})}
	p.w.clients["c"] = FiveTuple{Client: netip.MustParseAddrPort("192.0.2.10:4000"), Proto: proto}
	p.c = NewClient(ClientOptions{Username: user, Password: password, Proto: proto, NewID: func() stun.TransactionID {
		p.ids++
		return stun.TransactionID{p.ids}
	}})
	return p
}

// exchange carries messages to and fro until nobody has any. It returns how
// many the client sent.
func (p *pair) exchange() (sent int) {
	for len(p.out.Sends) > 0 {
		msgs := p.out.Sends
		p.out.Sends = nil
		for _, m := range msgs {
			sent++
			if !p.cut {
				p.w.packet("c", m)
				p.deliver()
			}
		}
	}
	return sent
}

// deliver answers what the server asks and hands its packets to the client.
func (p *pair) deliver() {
	for {
		for _, s := range p.w.out.Sends {
			if s.Kind == ToClient {
				p.c.Receive(p.w.now, s.Buf, &p.out)
			}
		}
		p.w.tell()
		keys, opens := p.w.keys, p.w.opens
		p.w.keys, p.w.opens = nil, nil
		if len(keys)+len(opens) == 0 {
			return
		}
		for _, l := range keys {
			p.w.s.Key(p.w.now, p.w.keyReply(l), &p.w.out)
		}
		for _, o := range opens {
			p.w.s.Port(p.w.now, p.w.portReply(o), &p.w.out)
		}
	}
}

func (p *pair) result(t *testing.T) Result {
	t.Helper()
	p.exchange()
	if len(p.out.Results) != 1 {
		t.Fatalf("%d results", len(p.out.Results))
	}
	r := p.out.Results[0]
	p.out.Results = nil
	return r
}

func TestClientAgainstServer(t *testing.T) {
	for _, proto := range []Proto{UDP, TCP} {
		p := newPair(t, "u", "secret", proto)
		p.c.Binding(p.w.now, &p.out)
		if r := p.result(t); r.Mapped != p.w.clients["c"].Client {
			t.Fatalf("binding: %+v", r)
		}
		p.c.Allocate(p.w.now, IPv4, &p.out)
		if r := p.result(t); r.Code != 0 || r.Relayed.String() != "203.0.113.1:50000" || r.Lifetime != 10*time.Minute {
			t.Fatalf("allocate: %+v", r)
		}
		peer := netip.MustParseAddrPort("192.0.2.1:9")
		p.c.Permit(p.w.now, peer.Addr(), &p.out)
		if r := p.result(t); r.Code != 0 {
			t.Fatalf("permit: %+v", r)
		}
		for _, how := range []string{"indication", "channel"} {
			p.w.s.Peer(p.w.now, 0, peer, headroom([]byte("hello")), &p.w.out)
			p.deliver()
			if len(p.out.Data) != 1 || string(p.out.Data[0].Data) != "hello" || p.out.Data[0].From != peer {
				t.Fatalf("by %s: %+v", how, p.out.Data)
			}
			p.out.Data = nil
			p.c.Send(peer, []byte("to the peer"), &p.out)
			p.w.packet("c", p.out.Sends[0])
			if s := p.w.out.Sends; len(s) != 1 || s[0].To != peer || string(s[0].Buf) != "to the peer" {
				t.Fatalf("by %s: %+v", how, s)
			}
			p.w.out.Reset()
			p.out.Sends = nil
			p.c.Bind(p.w.now, 0x4000, peer, &p.out)
			if r := p.result(t); r.Code != 0 || r.Peer != peer {
				t.Fatalf("bind: %+v", r)
			}
		}
		// The nonce ages; the client gets a new one by itself.
		p.w.now += nonceLife + time.Second
		p.w.s.Expire(p.w.now, &p.w.out)
		p.c.Refresh(p.w.now, 0, &p.out)
		if r := p.result(t); r.Code != 437 {
			t.Fatalf("refresh of what has expired: %+v", r)
		}
	}
}

func TestClientIsRefused(t *testing.T) {
	p := newPair(t, "u", "wrong", UDP)
	p.c.Allocate(0, IPv4, &p.out)
	if r := p.result(t); r.Code != 401 {
		t.Errorf("wrong password: %+v", r)
	}
	p = newPair(t, "", "", UDP)
	p.c.Allocate(0, IPv4, &p.out)
	if r := p.result(t); r.Code != 401 {
		t.Errorf("no name: %+v", r)
	}
	p = newPair(t, "u", "secret", UDP)
	p.c.Allocate(0, Family(9), &p.out)
	if r := p.result(t); r.Code != 440 {
		t.Errorf("no such family: %+v", r)
	}
	p.c.Permit(0, netip.MustParseAddr("10.0.0.1"), &p.out)
	if r := p.result(t); r.Code != 437 {
		t.Errorf("permission without an allocation: %+v", r)
	}
}

// An answer that is not signed with the client's key changes nothing.
func TestClientIgnoresForgedAnswers(t *testing.T) {
	p := newPair(t, "u", "secret", UDP)
	p.c.Allocate(0, IPv4, &p.out)
	p.result(t)
	p.c.Refresh(0, time.Hour, &p.out)
	m, err := stun.Parse(p.out.Sends[0])
	if err != nil {
		t.Fatal(err)
	}
	b := stun.NewBuilder(nil, stun.MethodRefresh, stun.ClassSuccess, m.ID)
	b.AddUint32(stun.AttrLifetime, 0)
	p.c.Receive(0, b.Bytes(), &p.out)
	if len(p.out.Results) != 0 {
		t.Errorf("believed: %+v", p.out.Results)
	}
}

// RFC 8489 section 6.2.1: at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, and
// given up at 39500 ms; on a stream once.
func TestClientRetransmits(t *testing.T) {
	for proto, want := range map[Proto]int{UDP: 7, TCP: 1} {
		p := newPair(t, "u", "secret", proto)
		p.cut = true
		p.c.Binding(0, &p.out)
		sent := p.exchange()
		var last Now
		for len(p.out.Results) == 0 {
			last = p.c.Deadline()
			p.c.Expire(last, &p.out)
			sent += p.exchange()
		}
		if sent != want || last != 39500*time.Millisecond || !p.out.Results[0].TimedOut {
			t.Errorf("%s: sent %d times, given up at %v: %+v", proto, sent, last, p.out.Results)
		}
		if p.c.Deadline() != Never {
			t.Errorf("%s: something is still waited for", proto)
		}
	}
}
