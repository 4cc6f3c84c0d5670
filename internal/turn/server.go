package turn

import (
	"maps"
	"net/netip"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// Options of a Server. Zero values take the defaults named.
type Options struct {
	Realm string
	// Realms has the realm for each ORIGIN, in the form of Origin, that a client
	// may send, beside Realm for everybody else. The map is not written to any more.
	Realms   map[string]string
	Software string // SOFTWARE in authenticated answers; "" sends none
	// Start is the wall-clock time at Now 0, for the time in nonces.
	Start  time.Time
	Nonces *auth.Nonces
	// Seed is a random number of this worker: it numbers indications and keeps
	// strangers from aiming at a bucket of the rate limit.
	Seed [2]uint64
	// Session is the number before the first allocation's, so that the workers
	// of a server number theirs apart.
	Session uint64

	// Policies has the policy for realms that do not go by Policy. The map is not
	// written to any more.
	Policies map[string]*Policy
	Policy   *Policy
	// Families are those that relayed addresses can be had in; DefaultFamily is
	// taken when a client names none: IPv4 if zero and KeepFamily is not set.
	Families      []Family
	DefaultFamily Family
	KeepFamily    bool // take the family that the client came with
	DontFragment  bool // the sockets can set DF; if not, DONT-FRAGMENT is unknown

	DefaultLifetime    Now // 600 s
	MaxLifetime        Now // 3600 s
	PermissionLifetime Now // 300 s
	ChannelLifetime    Now // 600 s
	MaxPermissions     int // of an allocation; 1024
	MaxChannels        int // of an allocation; 4096

	// ChallengeRate caps the answers a second to unauthenticated requests of
	// one source address, after a burst of ChallengeBurst, and apart from them
	// the wrong passwords that it may try; 0 is no cap.
	ChallengeRate, ChallengeBurst int
	// ChallengeTotal caps the answers a second to all sources together that may
	// be forged, with one second's worth at once: those over UDP that have neither
	// an allocation nor returned a nonce. It is for this Server alone, so several
	// workers give as many times that; 0 is no cap.
	ChallengeTotal int

	// Banned, if not nil, says that nobody's credentials are compared for a source,
	// but for those of who holds the allocation that the request is for.
	Banned func(netip.Addr) bool

	// Alternates are servers that clients are sent to, in turn, by the transport
	// that they came by; where none of them has the client's address family it is
	// served here. Resident is a user who is never sent anywhere.
	Alternates [numProtos][]netip.AddrPort
	Resident   string

	SameOrigin    bool // what comes for an allocation has the ORIGIN that it was made with
	TellBindings  bool // Binding requests make events, a few a second
	TellTraffic   bool // so does what allocations carry, every few thousand packets
	NoAuth        bool // anonymous TURN
	Draining      bool // no new allocations: 403
	NoSTUN        bool // no answer to Binding
	NoTURN        bool // nothing but Binding
	SecureSTUN    bool // Binding needs authentication
	Fingerprint   bool // FINGERPRINT in every answer
	Reasons       bool // reason phrases in authenticated errors
	MappedAddress bool // MAPPED-ADDRESS too in answers to Binding
	WideChannels  bool // take the channel numbers of RFC 5766, up to 0x7FFE
}

func (o Options) withDefaults() Options {
	def := func(d *Now, v Now) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.DefaultLifetime, 600*time.Second)
	def(&o.MaxLifetime, 3600*time.Second)
	def(&o.PermissionLifetime, 300*time.Second)
	def(&o.ChannelLifetime, 600*time.Second)
	if o.MaxPermissions == 0 {
		o.MaxPermissions = 1024
	}
	if o.MaxChannels == 0 {
		o.MaxChannels = 4096
	}
	if o.Policy == nil {
		o.Policy = NewPolicy(PolicyOptions{})
	}
	if o.DefaultFamily == NoFamily {
		o.DefaultFamily = IPv4
	}
	return o
}

// maxChannel is the highest channel number taken.
//
// R-8656-12-a (RFC 8656, 12): 0x4FFF, as the bytes above belong to others; RFC
// 5766 had more, which only old clients that a switch lets in may use (X9).
func (o *Options) maxChannel() uint16 {
	if o.WideChannels {
		return maxWideChannel
	}
	return stun.MaxChannel
}

// maxWideChannel is the highest channel number of RFC 5766 section 11.
const maxWideChannel = 0x7FFE

// Server is the TURN server of one worker.
type Server struct {
	o       Options
	realms  map[string]string // every realm, by how clients are told it
	clients map[clientKey]*allocation
	relays  []*allocation // by RelayID
	due     deadlines

	limit    *limiter // answers to strangers
	total    ceiling  // answers to strangers whose address may be forged
	failures *limiter // wrong passwords
	bindings bindings
	turns    [numProtos]int // whose turn it is among the Alternates

	waiting     map[uint64]*request // for a key, by Lookup.ID
	opening     map[uint64]*request // for a port, by Open.ID
	busy        map[clientKey]*request
	lastID      uint64
	session     uint64
	indications uint64
	tallies     map[Account]Tally // of users, since Tallies
	moving      []*Carried        // since Moving
}

// maxWaiting bounds the requests that wait for a key: they hold a copy of the
// packet each. maxKept is how many bytes a stranger's may have, a good deal more
// than an Allocate needs, so that all of them cost 2 MiB at most.
const (
	maxWaiting = 1024
	maxKept    = 2048
)

// NewServer returns a server without allocations.
func NewServer(o Options) *Server {
	o = o.withDefaults()
	return &Server{
		o:       o,
		realms:  realms(&o),
		clients: make(map[clientKey]*allocation),
		waiting: make(map[uint64]*request),
		opening: make(map[uint64]*request),
		busy:    make(map[clientKey]*request),
		session: o.Session,
		tallies: make(map[Account]Tally),

		limit:    newLimiter(o.ChallengeRate, o.ChallengeBurst, o.Seed),
		total:    newCeiling(o.ChallengeTotal),
		failures: newLimiter(o.ChallengeRate, o.ChallengeBurst, o.Seed),
		bindings: bindings{told: newCeiling(bindingsTold)},
	}
}

// Client takes a packet from a client: a STUN message or ChannelData.
// buf[:Headroom] is scratch and the packet lies behind it, with Tailroom bytes
// of capacity after it. What goes out refers to buf.
//
// R-8656-12-a, R-7983-7-a (RFC 8656, 12; RFC 7983, 7): the first byte tells
// what it is.
func (s *Server) Client(now Now, from FiveTuple, buf []byte, out *Outbox) {
	pkt := buf[Headroom:]
	if len(pkt) < stun.ChannelHeaderSize {
		out.Drops[DropMalformed]++
		return
	}
	switch first := pkt[0]; {
	case first < 4:
		s.message(now, from, buf, out)
	case first >= 0x40 && uint16(first)<<8 <= s.o.maxChannel():
		s.channelData(now, from, buf, out)
	default:
		out.Drops[DropFirstByte]++
	}
}

// message takes a STUN message from a client.
func (s *Server) message(now Now, from FiveTuple, buf []byte, out *Outbox) {
	m, err := stun.Parse(buf[Headroom:])
	if err != nil {
		// R-8489-5-f (RFC 8489, 5): broken, dropped without an answer.
		if !s.classic(now, from, buf[Headroom:], err, out) {
			out.Drops[DropMalformed]++
		}
		return
	}
	if d, ok := s.acceptable(&m); !ok {
		out.Drops[d]++
		return
	}
	if m.Method == stun.MethodBinding && m.Class == stun.ClassRequest {
		out.Counts[CountBindingRequest]++
	}
	switch {
	case m.Method == stun.MethodSend:
		s.send(now, from, &m, buf, out)
	case m.Class == stun.ClassIndication:
		// R-8489-6.3.2-b (RFC 8489, 6.3.2): a Binding indication is a keep-alive.
	case m.Method == stun.MethodBinding && !s.o.SecureSTUN:
		s.binding(now, from, &m, out)
	default:
		s.request(now, from, &m, out)
	}
}

// acceptable says whether the method is known and may have this class.
//
// R-8489-6.3-b, R-8489-6.3-c, R-8489-6.3-d (RFC 8489, 6.3): unknown methods,
// classes that a method does not have, and every response are dropped: this
// server asks nothing, and answering an answer makes loops (A-O10).
// R-8489-7-a (RFC 8489, 7): a FINGERPRINT need not be there, but must be right.
func (s *Server) acceptable(m *stun.Message) (Drop, bool) {
	if m.Class == stun.ClassSuccess || m.Class == stun.ClassError {
		return DropResponse, false
	}
	if present, ok := m.CheckFingerprint(); present && !ok {
		return DropFingerprint, false
	}
	ok := false
	switch m.Method {
	case stun.MethodBinding:
		ok = !s.o.NoSTUN
	case stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind:
		ok = m.Class == stun.ClassRequest && !s.o.NoTURN
	case stun.MethodSend:
		ok = m.Class == stun.ClassIndication && !s.o.NoTURN
	}
	return DropMethod, ok
}

// Deadline returns when Expire has work, or Never.
func (s *Server) Deadline() Now { return s.due.next() }

// Expire ends everything that is due.
func (s *Server) Expire(now Now, out *Outbox) {
	for s.due.next() <= now {
		s.sweep(now, s.due[0], out)
	}
}

// Disconnect takes the news that a client's connection is gone: its allocation
// ends, as nothing could reach the client any more.
func (s *Server) Disconnect(now Now, from FiveTuple, out *Outbox) {
	if a := s.clients[keyOf(from)]; a != nil {
		s.remove(now, a, CauseDisconnected, out)
	}
	// Nothing comes of what it asked for and waits for a key: the way back may
	// be somebody else's by then.
	maps.DeleteFunc(s.waiting, func(_ uint64, r *request) bool { return keyOf(r.from) == keyOf(from) })
	// A port that is being opened for it is closed as soon as it comes.
	if r := s.busy[keyOf(from)]; r != nil {
		r.gone = true
	}
}

// CloseAll ends every allocation, for a shutdown.
func (s *Server) CloseAll(now Now, out *Outbox) {
	for len(s.due) > 0 {
		s.remove(now, s.due[0], CauseShutdown, out)
	}
}

// Allocations returns how many allocations live.
func (s *Server) Allocations() int { return len(s.clients) }

// Holds says whether a client has an allocation.
func (s *Server) Holds(from FiveTuple) bool { return s.clients[keyOf(from)] != nil }

// xorMapped returns a client's address as it is told to it.
func xorMapped(from FiveTuple) netip.AddrPort {
	return netip.AddrPortFrom(from.Client.Addr().Unmap(), from.Client.Port())
}
