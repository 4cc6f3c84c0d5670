package turn

import (
	"maps"
	"slices"
)

// Reconfigure puts other options in force without ending an allocation. What is
// the worker's and not the operator's stays: Start, Seed, Session, Banned and
// DontFragment. Lifetimes count from the next refresh on.
//
// A permission that the new policy denies ends now, with the channels bound to
// peers of its address.
func (s *Server) Reconfigure(now Now, o Options, out *Outbox) {
	o.Start, o.Seed, o.Session, o.DontFragment = s.o.Start, s.o.Seed, s.o.Session, s.o.DontFragment
	o.Banned = s.o.Banned
	o = o.withDefaults()
	total := s.total
	if o.ChallengeTotal != s.o.ChallengeTotal {
		total = newCeiling(o.ChallengeTotal)
	}
	rates := [2]int{o.ChallengeRate, o.ChallengeBurst}
	if rates != [2]int{s.o.ChallengeRate, s.o.ChallengeBurst} {
		s.limit = newLimiter(o.ChallengeRate, o.ChallengeBurst, o.Seed)
		s.failures = newLimiter(o.ChallengeRate, o.ChallengeBurst, o.Seed)
	}
	s.o, s.realms, s.total = o, realms(&o), total
	for _, a := range s.sorted() {
		s.judgeAgain(now, a, out)
	}
}

// judgeAgain applies a new policy to what an allocation has been permitted.
func (s *Server) judgeAgain(now Now, a *allocation, out *Outbox) {
	policy := s.policy(a.realm)
	for addr, p := range a.perms {
		v := policy.Check(addr)
		_, p.guarded = policy.listening[addr]
		p.inside, p.direct = v.Inside, v.Direct
		if v.Denied {
			p.expires = now
		}
	}
	for _, c := range a.channels {
		if c.perm.expires <= now && policy.Check(c.peer.Addr()).Denied || policy.Listener(c.peer) {
			c.expires = now
		}
	}
	s.sweep(now, a, out)
}

// End ends the allocations that match says so of, by the realm and the name of
// their users, and returns how many those were. Requests of such users that are
// still on their way are lost.
func (s *Server) End(now Now, match func(realm, username string) bool, out *Outbox) int {
	n := 0
	for _, a := range s.sorted() {
		if match(a.realm, a.username) {
			s.remove(now, a, CauseRevoked, out)
			n++
		}
	}
	maps.DeleteFunc(s.waiting, func(_ uint64, r *request) bool { return match(r.realm, r.username) })
	for _, r := range s.opening {
		if match(r.realm, r.username) {
			r.gone = true
		}
	}
	return n
}

// sorted lists the allocations by their numbers: the same inputs give the same
// Outbox.
func (s *Server) sorted() []*allocation {
	return slices.SortedFunc(maps.Values(s.clients), func(x, y *allocation) int {
		return int(x.session) - int(y.session)
	})
}
