package turn

import "net/netip"

// EventKind says what an Event tells.
type EventKind uint8

const (
	// Allocated: a new allocation.
	Allocated EventKind = iota
	// Refreshed: its lifetime was set anew.
	Refreshed
	// Deleted: it is gone; Usage is final.
	Deleted
	// Refused: a request got an error response other than a challenge.
	Refused
	// Permitted: a permission was made or refreshed; Lifetime says for how long.
	Permitted
	// Unpermitted: a permission ran out.
	Unpermitted
	// Answered: a Binding request got its answer. Untold is how many did before it
	// without an event of their own.
	Answered
	// Moved: an allocation has carried Usage since the event of that kind before.
	Moved
)

// String returns the word used in logs.
func (k EventKind) String() string {
	return [...]string{"allocated", "refreshed", "deleted", "refused", "permitted", "unpermitted", "answered", "moved"}[k]
}

// Event is something to tell the operator or to account for.
type Event struct {
	Kind     EventKind
	Session  uint64 // number of the allocation in this worker; 0: none
	From     FiveTuple
	Username string
	Realm    string
	Relayed  netip.AddrPort
	Peer     netip.AddrPort
	Lifetime Now
	Method   string // Refused and Answered: the request's name
	Code     int    // Refused: the STUN error code
	Cause    Cause  // Refused and Deleted
	Rule     string // Refused with 403: the rule of the peer policy
	// Guessed: the credential was wrong, and it came from where it says. A forger
	// never makes this true, as who sends in the name of another has no nonce that
	// is good there; nor does a user whose own credential runs out during a call, or
	// who comes with a time-limited one that has run out.
	Guessed bool
	Usage   Usage  // Deleted and Moved
	Untold  uint64 // Answered
}

// Usage counts what an allocation carried.
type Usage struct {
	ClientPackets, ClientBytes uint64 // from the client to peers
	PeerPackets, PeerBytes     uint64 // from peers to the client
}
