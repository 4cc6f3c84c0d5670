package relay

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"iceserver/internal/turn"
)

// RelayAddr is one address that relayed transport addresses are taken from.
type RelayAddr struct {
	Local netip.Addr // where sockets are bound
	// External is what clients and peers are told, when a NAT stands before
	// this machine. Invalid: the same as Local.
	External netip.Addr
}

// reservationLife is how long the second port of a pair is kept (RFC 8656
// section 7.2 asks for at least 30 s).
const reservationLife = 30 * time.Second

// randomTries is how often a port is drawn before the range is searched from a
// random place: with few ports in use the first draw nearly always succeeds,
// and no port is likelier than another.
const randomTries = 8

// portRange is the pool of one relay address. The owners may be read by every
// worker at any time; the rest belongs to the lock of ports.
type portRange struct {
	local    netip.Addr
	external atomic.Pointer[netip.Addr] // what new allocations are told
	first    uint16
	size     int
	used     []uint64        // one bit for each port from first on
	taken    atomic.Int64    // how many bits are set; read without the lock too
	owners   []atomic.Uint64 // who holds the socket: 0 nobody, see ownerOf
}

// ports is the pool of relayed ports, shared by all workers. Its lock is taken
// when an allocation begins or ends, never for a packet.
type ports struct {
	ranges []*portRange
	// byAddr has every form of an address, of which old ones stay. A new map
	// takes its place when there are more; none is written to.
	byAddr atomic.Pointer[map[netip.Addr]*portRange]
	ledger *ledger

	mu           sync.Mutex // guards the following and the bits of the ranges
	reservations map[[8]byte]reservation
	expiring     []expiry // oldest first: all live equally long
}

// reservation is a port held back without a socket.
type reservation struct {
	from   *portRange
	port   uint16
	charge charge
}

type expiry struct {
	token [8]byte
	at    turn.Now
}

func newPorts(relays []RelayAddr, first, last uint16, l *ledger) *ports {
	p := &ports{
		ledger:       l,
		reservations: make(map[[8]byte]reservation),
	}
	size := int(last) - int(first) + 1
	for _, a := range relays {
		r := &portRange{
			local: a.Local, first: first, size: size,
			used:   make([]uint64, (size+63)/64),
			owners: make([]atomic.Uint64, size),
		}
		r.external.Store(&a.External)
		p.ranges = append(p.ranges, r)
	}
	p.index()
	return p
}

// index publishes which addresses are whose, beside those that were.
func (p *ports) index() {
	byAddr := make(map[netip.Addr]*portRange)
	if old := p.byAddr.Load(); old != nil {
		maps.Copy(byAddr, *old)
	}
	for _, r := range p.ranges {
		byAddr[*r.external.Load()] = r
	}
	for _, r := range p.ranges {
		byAddr[r.local] = r
	}
	p.byAddr.Store(&byAddr)
}

// rename tells new allocations other external addresses. The old ones go on
// meaning the same sockets, since live allocations were told them.
func (p *ports) rename(relays []RelayAddr) {
	for _, a := range relays {
		for _, r := range p.ranges {
			if r.local == a.Local {
				r.external.Store(&a.External)
			}
		}
	}
	p.index()
}

// choose returns the pool for a family: the address that the client itself
// talks to, since that one is known to be reachable, or else the first. Nil if
// the family has none.
func (p *ports) choose(f turn.Family, server netip.Addr) *portRange {
	var first *portRange
	for _, r := range p.ranges {
		if turn.FamilyOf(r.local) != f {
			continue
		}
		if r.local == server {
			return r
		}
		if first == nil {
			first = r
		}
	}
	return first
}

// take marks a free port as used and returns it. Even asks for an even port,
// pair for the next one too.
//
// R-8656-6-a (RFC 8656, 6): who has a port has it alone.
func (p *ports) take(r *portRange, even, pair bool) (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	need := 1
	if pair {
		need = 2
	}
	if r.size-int(r.taken.Load()) < need {
		return 0, false
	}
	i, ok := r.find(even, pair)
	if !ok {
		return 0, false
	}
	r.mark(i)
	// R-8656-7.2-p (RFC 8656, 7.2): without the R bit the port above an even
	// one stays free; it is marked only for a pair (A-C24).
	if pair {
		r.mark(i + 1)
	}
	return r.first + uint16(i), true
}

// find looks for a free place, without marking it.
func (r *portRange) find(even, pair bool) (int, bool) {
	// R-8656-7.2-s (RFC 8656, 7.2; RFC 6056): the port is drawn from the
	// system's secure random source, so nobody outside can foretell it.
	for range randomTries {
		if i := int(draw(uint32(r.size))); r.fits(i, even, pair) {
			return i, true
		}
	}
	start := int(draw(uint32(r.size)))
	for n := range r.size {
		if i := (start + n) % r.size; r.fits(i, even, pair) {
			return i, true
		}
	}
	return 0, false
}

func (r *portRange) fits(i int, even, pair bool) bool {
	if r.marked(i) || (even || pair) && (int(r.first)+i)%2 != 0 {
		return false
	}
	return !pair || i+1 < r.size && !r.marked(i+1)
}

func (r *portRange) marked(i int) bool { return r.used[i/64]&(1<<(i%64)) != 0 }

func (r *portRange) mark(i int) {
	r.used[i/64] |= 1 << (i % 64)
	r.taken.Add(1)
}

func (r *portRange) unmark(i int) {
	r.used[i/64] &^= 1 << (i % 64)
	r.taken.Add(-1)
}

// draw returns a number below n. With n at most 65536 the remainder of 64
// random bits leans to no side that could be measured.
func draw(n uint32) uint32 {
	var b [8]byte
	rand.Read(b[:]) // never fails: the runtime ends the process instead
	return uint32(binary.NativeEndian.Uint64(b[:]) % uint64(n))
}

// free gives a port back.
func (p *ports) free(r *portRange, port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.unmark(int(port - r.first))
}

// reserve keeps a port that was taken as the second of a pair, until redeem or
// for 30 s, and returns the token to ask for it.
func (p *ports) reserve(now turn.Now, r *portRange, port uint16, c charge) [8]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	// R-8656-7.2-q (RFC 8656, 7.2): nobody can guess the token of the port
	// held back, which is free again after 30 s.
	var token [8]byte
	for {
		rand.Read(token[:])
		if _, used := p.reservations[token]; !used {
			break
		}
	}
	p.reservations[token] = reservation{from: r, port: port, charge: c}
	p.expiring = append(p.expiring, expiry{token: token, at: now + reservationLife})
	return token
}

// redeem uses a reservation up for an allocation of username, who need not be
// the one that made it. On refusal the reservation stays.
func (p *ports) redeem(token [8]byte, realm, username string) (*portRange, uint16, charge, turn.Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.reservations[token]
	if !ok {
		return nil, 0, charge{}, turn.CauseReservation
	}
	c, cause := p.ledger.redeem(v.charge, realm, username)
	if cause != turn.CauseNone {
		return nil, 0, charge{}, cause
	}
	delete(p.reservations, token)
	return v.from, v.port, c, turn.CauseNone
}

// expire frees the ports of reservations that nobody asked for in time. It is
// called before anything new is taken, so no timer is needed for them.
func (p *ports) expire(now turn.Now) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for ; n < len(p.expiring) && p.expiring[n].at <= now; n++ {
		token := p.expiring[n].token
		if v, ok := p.reservations[token]; ok {
			delete(p.reservations, token)
			v.from.unmark(int(v.port - v.from.first))
			p.ledger.release(v.charge)
		}
	}
	if n > 0 {
		p.expiring = append(p.expiring[:0], p.expiring[n:]...)
	}
}

// usage returns how many ports are used or held back, of how many. It takes no
// lock: who reads metrics must not make an allocation wait.
func (p *ports) usage() (used, size int) {
	for _, r := range p.ranges {
		used += int(r.taken.Load())
		size += r.size
	}
	return used, size
}

// own publishes which worker holds the socket of a port.
func (r *portRange) own(port uint16, worker int, id turn.RelayID) {
	r.owners[port-r.first].Store(1<<63 | uint64(worker)<<32 | uint64(id))
}

// disown takes that back, before the socket is closed.
func (r *portRange) disown(port uint16) { r.owners[port-r.first].Store(0) }

// owner returns who holds the relayed address a, in its local or its external
// form. It takes no lock.
func (p *ports) owner(a netip.AddrPort) (worker int, id turn.RelayID, ok bool) {
	r := (*p.byAddr.Load())[a.Addr().Unmap()]
	if r == nil || a.Port() < r.first || int(a.Port()-r.first) >= r.size {
		return 0, 0, false
	}
	v := r.owners[a.Port()-r.first].Load()
	return int(v >> 32 & 0x7fffffff), turn.RelayID(v), v != 0
}
