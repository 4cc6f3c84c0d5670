package turn

// Drop is the reason why a packet went nowhere. Every dropped packet is counted
// under exactly one.
type Drop uint8

// The reasons. Their names, as String gives them, are the labels in metrics.
const (
	DropMalformed      Drop = iota // not a STUN message or ChannelData, or broken
	DropFirstByte                  // first byte outside the ranges of RFC 8656 section 12
	DropFingerprint                // FINGERPRINT present and wrong
	DropMethod                     // unknown method, or a class that the method does not have
	DropResponse                   // a response: this server asked nothing
	DropRateLimit                  // unauthenticated answers to this source are used up
	DropRateLimitTotal             // unauthenticated answers to all sources together are used up
	DropPendingFull                // too many requests wait for a key
	DropRetransmit                 // the same request is being worked on
	DropNoAllocation               // indication or ChannelData without an allocation
	DropNoChannel                  // ChannelData on a number that is not bound
	DropNoPermission               // no permission for that peer
	DropForbiddenPeer              // Send to a peer that the policy refuses
	DropBadIndication              // Send without XOR-PEER-ADDRESS or DATA, or with an unknown required attribute
	DropFamily                     // peer of a family that the allocation does not have
	DropBandwidth                  // over max-bps
	DropNoRelay                    // a relayed address of this server that nobody holds
	DropUnknownRelay               // a packet for a relayed address that has just been closed
	DropTooLong                    // does not fit into a STUN message or ChannelData
	DropICMPType                   // an ICMP error of a type that clients are not told of
	DropICMPRate                   // more ICMP errors than an allocation is told of
	NumDrops
)

// String returns the reason as it stands in metrics.
func (d Drop) String() string {
	return [NumDrops]string{
		"malformed", "first-byte", "fingerprint", "method", "response", "rate-limit",
		"rate-limit-total", "pending-full", "retransmit", "no-allocation", "no-channel", "no-permission",
		"forbidden-peer", "bad-indication", "family", "bandwidth", "no-relay",
		"unknown-relay", "too-long", "icmp-type", "icmp-rate-limit",
	}[d]
}
