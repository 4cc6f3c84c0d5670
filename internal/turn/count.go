package turn

import "iceserver/internal/stun"

// Count is something that the core does and counts, beside its drops.
type Count uint8

// What is counted. A challenge is a 401: to who brings no credentials, and to who
// brings wrong ones.
const (
	CountBindingRequest   Count = iota // Binding requests
	CountBindingResponse               // success responses to them
	CountBindingError                  // error responses to them, challenges included
	CountUnauthenticated               // requests that deserve a challenge
	CountChallenge                     // challenges sent
	CountChallengeDropped              // challenges that the limits on answers kept back
	NumCounts
)

// countChallenge counts a request that deserves a challenge, and whether it got it.
func (o *Outbox) countChallenge(answered bool) {
	o.Counts[CountUnauthenticated]++
	if answered {
		o.Counts[CountChallenge]++
	} else {
		o.Counts[CountChallengeDropped]++
	}
}

// countBinding counts an answer to a Binding request.
func (o *Outbox) countBinding(class stun.Class) {
	if class == stun.ClassSuccess {
		o.Counts[CountBindingResponse]++
	} else {
		o.Counts[CountBindingError]++
	}
}
