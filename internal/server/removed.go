package server

import (
	"slices"
	"sync"

	"iceserver/internal/store"
)

// tellRemoved tells of users whom a reload has taken out of the configuration and who
// have calls still: those go on until their next refresh, which is refused, and a
// reload ends none of its own accord.
func (s *Server) tellRemoved(before, now *access) {
	gone := make(map[string]int)
	id := s.quota(s.setup.Load()).ID
	for _, u := range before.users {
		if !slices.ContainsFunc(now.users, func(v store.User) bool { return v.Name == u.Name }) {
			gone[id(u.Name)] = 0
		}
	}
	if len(gone) == 0 {
		return
	}
	var mu sync.Mutex // the workers answer at the same time
	s.relay.End(func(_, id string) bool {
		mu.Lock()
		defer mu.Unlock()
		if n, ok := gone[id]; ok {
			gone[id] = n + 1
		}
		return false // they are only counted
	})
	for name, n := range gone {
		if n > 0 {
			s.log.Warn("a user who is not configured any more has calls still: they cannot be prolonged, and this command ends them now",
				"user", name, "allocations", n, "command", s.command("user revoke "+name))
		}
	}
}
