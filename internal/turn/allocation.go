package turn

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// allocation is what a client holds (RFC 8656 section 6), known by its 5-tuple.
//
// R-8656-6-b (RFC 8656, 6): it keeps the key that authenticated it, never a
// password.
type allocation struct {
	session   uint64
	from      FiveTuple
	realm     string
	username  string
	key       auth.Key
	origin    string             // that it was made with, or empty
	created   stun.TransactionID // of the Allocate request, to know its retransmission
	token     [8]byte
	hasToken  bool
	addError  int // ADDRESS-ERROR-CODE of the success response; 0: none
	addFamily Family

	relays   [2]relayed // the second only with ADDITIONAL-ADDRESS-FAMILY
	perms    map[netip.Addr]*permission
	channels map[uint16]*channel
	peers    map[netip.AddrPort]*channel

	up, down meter
	errors   meter // ICMP errors that the client is told of, one token each
	usage    Usage
	carried  *Carried // where that is counted too, or nil
	told     Usage    // what of it was in events
	counted  Tally    // what of it is in the tallies, and until when
	due      Now      // not later than the first thing of this allocation that ends
	heap     int      // place in deadlines
}

// relayed is one relayed transport address of an allocation.
type relayed struct {
	open    bool
	id      RelayID
	addr    netip.AddrPort // as clients and peers know it
	expires Now
}

// clientKey finds an allocation: what tells one 5-tuple from another, given
// that a Via stands for one server address and transport.
type clientKey struct {
	via    Via
	client netip.AddrPort
}

func keyOf(f FiveTuple) clientKey { return clientKey{f.Via, f.Client} }

// relay returns the place of the relayed address of a family, or -1.
func (a *allocation) relay(f Family) int {
	for i := range a.relays {
		if r := &a.relays[i]; r.open && FamilyOf(r.addr.Addr()) == f {
			return i
		}
	}
	return -1
}

// expires returns when the last relayed address of a ends.
func (a *allocation) expires() Now {
	var t Now
	for _, r := range a.relays {
		if r.open {
			t = max(t, r.expires)
		}
	}
	return t
}

// firstRelayed returns the address that the log knows a by.
func (a *allocation) firstRelayed() netip.AddrPort {
	if a.relays[0].open || !a.relays[1].open {
		return a.relays[0].addr
	}
	return a.relays[1].addr
}

// event fills in what every Event about a says.
func (s *Server) event(a *allocation, k EventKind) Event {
	return Event{
		Kind: k, Session: a.session, From: a.from, Username: a.username,
		Realm: a.realm, Relayed: a.firstRelayed(),
	}
}

// insert makes an allocation known. Its permissions and channels are empty.
//
// R-8656-7.2-v (RFC 8656, 7.2): a new allocation starts without any.
func (s *Server) insert(a *allocation) {
	a.perms = make(map[netip.Addr]*permission)
	a.channels = make(map[uint16]*channel)
	a.peers = make(map[netip.AddrPort]*channel)
	s.clients[keyOf(a.from)] = a
	for i := range a.relays {
		if a.relays[i].open {
			s.setRelay(a.relays[i].id, a)
		}
	}
	a.due = a.firstDue()
	s.due.push(a)
}

// setRelay maps a relayed address to its allocation; nil forgets it.
func (s *Server) setRelay(id RelayID, a *allocation) {
	for int(id) >= len(s.relays) {
		s.relays = append(s.relays, nil)
	}
	s.relays[id] = a
}

// closeRelay ends one relayed address with the permissions and channels of its
// family, and nothing of the other one.
//
// R-8656-6-d (RFC 8656, 6): the socket closes and permissions and channels go.
// R-8656-8-a (RFC 8656, 8): ending one family leaves the other alone.
func (s *Server) closeRelay(a *allocation, i int, out *Outbox) {
	r := &a.relays[i]
	f := FamilyOf(r.addr.Addr())
	for _, c := range a.sortedChannels() {
		if FamilyOf(c.peer.Addr()) == f {
			s.unbind(a, c, out)
		}
	}
	for addr := range a.perms {
		if FamilyOf(addr) == f {
			delete(a.perms, addr)
		}
	}
	s.relays[r.id] = nil
	r.open = false
	out.Closes = append(out.Closes, r.id)
}

// remove ends an allocation whole.
func (s *Server) remove(now Now, a *allocation, why Cause, out *Outbox) {
	s.tally(now, a)
	if s.o.TellTraffic && a.usage != a.told {
		s.tellTraffic(a, out)
	}
	ev := s.event(a, Deleted)
	ev.Cause, ev.Usage = why, a.usage
	for i := range a.relays {
		if a.relays[i].open {
			s.closeRelay(a, i, out)
		}
	}
	delete(s.clients, keyOf(a.from))
	s.due.remove(a)
	out.Events = append(out.Events, ev)
}

// firstClose returns when the first relayed address of a ends.
func (a *allocation) firstClose() Now {
	due := Never
	for _, r := range a.relays {
		if r.open {
			due = min(due, r.expires)
		}
	}
	return due
}

// firstDue returns when the first thing of a ends.
func (a *allocation) firstDue() Now {
	due := a.firstClose()
	for _, p := range a.perms {
		if !p.ended {
			due = min(due, p.expires)
		}
	}
	for _, c := range a.channels {
		due = min(due, c.expires)
	}
	return due
}

// sortedChannels lists the channels in the order of their numbers: the same
// inputs give the same Outbox, whatever the order of a map.
func (a *allocation) sortedChannels() []*channel {
	return slices.SortedFunc(maps.Values(a.channels), func(x, y *channel) int {
		return int(x.number) - int(y.number)
	})
}

// hasten brings a's place in the deadlines forward if t comes before it.
func (s *Server) hasten(a *allocation, t Now) {
	if t < a.due {
		a.due = t
		s.due.fix(a)
	}
}

// sweep ends everything of a that is due.
//
// R-8656-6-c (RFC 8656, 6): only a Refresh prolongs an allocation; data does not.
func (s *Server) sweep(now Now, a *allocation, out *Outbox) {
	for i := range a.relays {
		if r := &a.relays[i]; r.open && r.expires <= now {
			if a.expires() <= now {
				s.remove(now, a, CauseExpired, out)
				return
			}
			s.closeRelay(a, i, out)
		}
	}
	// The due ones are sorted, so that the same inputs give the same Outbox,
	// and they alone: there may be thousands of others.
	for _, c := range dueChannels(a, now) {
		s.unbind(a, c, out)
	}
	for _, addr := range duePermissions(a, now) {
		p := a.perms[addr]
		if p.ended = true; p.channels == 0 {
			delete(a.perms, addr)
		}
		ev := s.event(a, Unpermitted)
		ev.Peer = netip.AddrPortFrom(addr, 0)
		out.Events = append(out.Events, ev)
	}
	// Whoever has a thousand channels end one after the other does not get a
	// thousand sweeps: the data path looks at the times itself (A-X13).
	a.due = min(a.firstClose(), max(a.firstDue(), now+sweepInterval))
	s.due.fix(a)
}

// sweepInterval is how long the permissions and channels of an allocation that
// has just been swept wait for the next time.
const sweepInterval = time.Second

func dueChannels(a *allocation, now Now) []*channel {
	var due []*channel
	for _, c := range a.channels {
		if c.expires <= now {
			due = append(due, c)
		}
	}
	slices.SortFunc(due, func(x, y *channel) int { return int(x.number) - int(y.number) })
	return due
}

func duePermissions(a *allocation, now Now) []netip.Addr {
	var due []netip.Addr
	for addr, p := range a.perms {
		if p.expires <= now && !p.ended {
			due = append(due, addr)
		}
	}
	slices.SortFunc(due, netip.Addr.Compare)
	return due
}
