// Package turn is the TURN server (RFC 8656) and client as state machines.
//
// Knows: who may relay what to whom until when. Does not know: sockets, clocks,
// goroutines, locks, logs, random sources; packets, time and randomness come in
// as arguments, and everything that must happen comes out in an Outbox.
// Owns: the allocations of one worker. Nothing here is safe for concurrent use.
package turn

import (
	"net/netip"
	"time"

	"iceserver/internal/auth"
)

// Now is the time since the worker started, monotonic.
type Now = time.Duration

// Headroom is how many scratch bytes must lie before every packet handed to
// Server.Client and Server.Peer, so that framing never moves the payload: a
// STUN header (20), an IPv6 XOR-PEER-ADDRESS (24) and a DATA header (4), less
// what arrives in front of the payload anyway.
const Headroom = 48

// Tailroom is how many bytes of capacity must lie behind every packet, for the
// padding that RFC 8656 section 12.5 asks for on streams.
const Tailroom = 4

// Proto is the transport between a client and this server.
type Proto uint8

// The transports of RFC 8656 section 3.1.
const (
	UDP Proto = iota
	TCP
	TLS
	DTLS
	numProtos = iota
)

// String returns the name used in logs: "UDP", "TCP", "TLS" or "DTLS".
func (p Proto) String() string { return [...]string{"UDP", "TCP", "TLS", "DTLS"}[p&3] }

// Stream says whether messages are framed in a byte stream, where ChannelData
// is padded to four bytes (RFC 8656 section 12.5).
func (p Proto) Stream() bool { return p == TCP || p == TLS }

// Via is the caller's handle for the way back to a client: a listening socket
// or a connection. Together with the client's address it names one 5-tuple.
type Via uint32

// RelayID is the caller's handle for the socket of a relayed transport address.
// It is unique among the open ones of a worker and small enough to index a
// slice with.
type RelayID uint32

// FiveTuple names a client (RFC 8656 section 3.2).
type FiveTuple struct {
	Client netip.AddrPort
	Server netip.AddrPort
	Via    Via
	Proto  Proto
}

// Outbox collects what must happen after some inputs. The caller acts on it in
// the order of the fields and empties it with Reset.
type Outbox struct {
	Sends   []Send
	Opens   []Open
	Closes  []RelayID
	Lookups []Lookup
	Bound   []Binding
	Unbound []Binding
	Events  []Event
	Drops   [NumDrops]uint64
	Counts  [NumCounts]uint64
}

// Reset empties the outbox and keeps its memory. Drops and Counts are
// kept: the caller adds them up when it likes.
func (o *Outbox) Reset() {
	clear(o.Events)
	clear(o.Opens)
	clear(o.Lookups)
	o.Sends, o.Opens, o.Closes = o.Sends[:0], o.Opens[:0], o.Closes[:0]
	o.Lookups, o.Events = o.Lookups[:0], o.Events[:0]
	o.Bound, o.Unbound = o.Bound[:0], o.Unbound[:0]
}

// SendKind says which way a Send goes.
type SendKind uint8

const (
	// ToClient sends Buf to the client To by way of Via.
	ToClient SendKind = iota
	// ToPeer sends Buf from the relayed address Relay to the peer To.
	ToPeer
	// ToRelay hands Buf to the relayed address To of this same server, as if it
	// had come from From, without a socket (another worker may own it).
	// Buf[:Headroom] is scratch and the payload lies behind it, as Server.Peer
	// wants it.
	ToRelay
)

// Send is a packet on its way out. Buf stays valid until the caller reuses the
// packet that was handed in.
type Send struct {
	Buf    []byte
	To     netip.AddrPort
	From   netip.AddrPort // ToRelay: the relayed address of the sender
	Via    Via            // ToClient
	Relay  RelayID        // ToPeer; ToRelay: the relayed address of the sender
	Direct bool           // ToRelay: if no relay holds To, it may be sent to from the socket of Relay
	Kind   SendKind
	DF     bool // ToPeer: set the don't-fragment bit
}

// Open asks for the relayed transport addresses of a new allocation. The answer
// goes to Server.Port with the same ID.
type Open struct {
	ID       uint64
	From     FiveTuple
	Realm    string // of the user, for the quota
	Username string
	Families [2]Family // wanted; the second is 0 unless ADDITIONAL-ADDRESS-FAMILY came
	EvenPort bool      // the port must be even
	Reserve  bool      // with EvenPort: hold the next port back for 30 s
	Token    [8]byte   // a reservation to use up
	UseToken bool
}

// Family is an address family as REQUESTED-ADDRESS-FAMILY has it (RFC 8656
// section 18.6); 0 is none.
type Family uint8

// The two families.
const (
	NoFamily Family = 0
	IPv4     Family = 1
	IPv6     Family = 2
)

// FamilyOf returns the family of an address in its canonical form.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() || a.Is4In6() {
		return IPv4
	}
	return IPv6
}

// Relayed is one relayed transport address in a PortReply.
type Relayed struct {
	ID    RelayID
	Local netip.AddrPort // where the socket is bound
	Addr  netip.AddrPort // what the client and peers are told (after external-ip)
	// Code is 0, or why there is no address: 440, 486 or 508.
	Code int
}

// PortReply answers an Open.
type PortReply struct {
	ID      uint64
	Relayed [2]Relayed // in the order of Open.Families
	Code    int        // 0, or the refusal of the whole request: 440, 486, 508
	Cause   Cause      // why, for Code other than 0
	Token   [8]byte    // the reservation that was made, if Open.Reserve
	MaxBPS  uint64     // bytes per second each way; 0 is no limit
	Carried *Carried   // what the allocation is counted in too; nil: nothing
}

// Lookup asks for the long-term keys of a user. The answer goes to Server.Key
// with the same ID.
type Lookup struct {
	ID       uint64
	Realm    string
	Username string // as the client wrote it, of which a timed password is made; it can be prepared
}

// KeyReply answers a Lookup.
type KeyReply struct {
	ID              uint64
	auth.Candidates // none: there is no such user
	// Unavailable says that nobody could tell: the request is answered with
	// 500, unless the allocation already knows its key.
	Unavailable bool
}

// Binding is a channel as an offload needs it.
type Binding struct {
	From    FiveTuple
	Relay   RelayID
	Relayed netip.AddrPort
	Peer    netip.AddrPort
	Channel uint16
}
