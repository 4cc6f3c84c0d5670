package turn

// Account is a user: the same name in another realm is another one.
type Account struct{ Realm, Username string }

// Tally is what a user has done since it was last asked for.
type Tally struct {
	Usage
	Allocations uint64 // begun
	Time        Now    // all of them together
}

// Add adds another.
func (t *Tally) Add(u Tally) {
	t.ClientPackets += u.ClientPackets
	t.ClientBytes += u.ClientBytes
	t.PeerPackets += u.PeerPackets
	t.PeerBytes += u.PeerBytes
	t.Allocations += u.Allocations
	t.Time += u.Time
}

// Tallies hands over what every user has done since the last time, live
// allocations included, so that a call that lasts for days counts in each of
// them. Users who did nothing are not there.
func (s *Server) Tallies(now Now) map[Account]Tally {
	for _, a := range s.clients {
		s.tally(now, a)
	}
	all := s.tallies
	s.tallies = make(map[Account]Tally)
	return all
}

// tally takes over what an allocation has done since it was last counted.
func (s *Server) tally(now Now, a *allocation) {
	news := Tally{Usage: a.usage.since(a.counted.Usage), Time: now - a.counted.Time}
	if a.counted.Allocations == 0 {
		news.Allocations = 1
	}
	a.counted = Tally{Usage: a.usage, Allocations: 1, Time: now}
	k := Account{a.realm, a.username}
	t := s.tallies[k]
	t.Add(news)
	s.tallies[k] = t
}

// trafficTold is how many packets an allocation carries from one event about them
// to the next.
const trafficTold = 4096

// moved tells now and then what an allocation has carried since the last time.
func (s *Server) moved(a *allocation, out *Outbox) {
	if s.o.TellTraffic && (a.usage.ClientPackets+a.usage.PeerPackets)%trafficTold == 0 {
		s.tellTraffic(a, out)
	}
}

func (s *Server) tellTraffic(a *allocation, out *Outbox) {
	ev := s.event(a, Moved)
	ev.Usage = a.usage.since(a.told)
	a.told = a.usage
	out.Events = append(out.Events, ev)
}

// since is what came to an earlier count.
func (u Usage) since(v Usage) Usage {
	return Usage{
		ClientPackets: u.ClientPackets - v.ClientPackets, ClientBytes: u.ClientBytes - v.ClientBytes,
		PeerPackets: u.PeerPackets - v.PeerPackets, PeerBytes: u.PeerBytes - v.PeerBytes,
	}
}
