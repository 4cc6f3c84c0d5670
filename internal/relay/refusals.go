package relay

import (
	"maps"
	"sync/atomic"

	"iceserver/internal/turn"
)

// refusedAs is what error responses are counted by. Both are of closed sets, none
// of it is a client's choice.
type refusedAs struct {
	code  int
	cause turn.Cause
}

// refusals counts error responses. The worker alone adds; everybody may read, and
// neither waits for the other: a new pair makes a new map, which happens a few
// dozen times in the life of a server.
type refusals struct {
	counts atomic.Pointer[map[refusedAs]*atomic.Uint64]
}

// add counts one response.
func (r *refusals) add(code int, cause turn.Cause) {
	k := refusedAs{code, cause}
	old := r.counts.Load()
	if old != nil && (*old)[k] != nil {
		(*old)[k].Add(1)
		return
	}
	next := make(map[refusedAs]*atomic.Uint64)
	if old != nil {
		maps.Copy(next, *old)
	}
	next[k] = new(atomic.Uint64)
	next[k].Add(1)
	r.counts.Store(&next)
}

// addTo adds what occurred to s.
func (r *refusals) addTo(s *Stats) {
	counts := r.counts.Load()
	if counts == nil {
		return
	}
	for k, n := range *counts {
		s.Refused[k.code] += n.Load()
		if s.Refusals[k.cause] == nil {
			s.Refusals[k.cause] = make(map[int]uint64)
		}
		s.Refusals[k.cause][k.code] += n.Load()
	}
}
