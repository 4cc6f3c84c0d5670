package turn

// Carried adds up what some allocations carry, those of one realm for example,
// while they live. It belongs to the caller, who gives it to allocations in a
// PortReply, and to one Server at a time.
type Carried struct {
	Usage
	ID   int  // the caller's number for it
	news bool // it is among those that Moving will return
}

// Moving returns those that have grown since the last call. The slice is good
// until more packets come.
//
// The caller has thousands perhaps: this way it looks only at those that packets
// have touched.
func (s *Server) Moving() []*Carried {
	all := s.moving
	for _, c := range all {
		c.news = false
	}
	s.moving = all[:0]
	return all
}

// sent counts a packet from the client of an allocation to a peer.
func (s *Server) sent(a *allocation, bytes int) {
	a.usage.ClientPackets++
	a.usage.ClientBytes += uint64(bytes)
	if c := a.carried; c != nil {
		c.ClientPackets++
		c.ClientBytes += uint64(bytes)
		s.note(c)
	}
}

// received counts a packet from a peer to the client of an allocation.
func (s *Server) received(a *allocation, bytes int) {
	a.usage.PeerPackets++
	a.usage.PeerBytes += uint64(bytes)
	if c := a.carried; c != nil {
		c.PeerPackets++
		c.PeerBytes += uint64(bytes)
		s.note(c)
	}
}

func (s *Server) note(c *Carried) {
	if !c.news {
		c.news = true
		s.moving = append(s.moving, c)
	}
}
