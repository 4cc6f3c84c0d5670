package server

import (
	"net/netip"
	"slices"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/relay"
)

// setup is what the server goes by, and can be given anew while it runs. It is
// not written to once it is in force, so that whoever reads it needs no lock.
type setup struct {
	cfg    *config.Config
	access *access
	place  *place
	keys   relay.Keys  // who is let in: access, the database and links
	tables realmTables // of the database
	web    webSetup
	// former are addresses that clients were told before others took their place:
	// live allocations go by them still.
	former []netip.Addr
	moved  *move // the last one; nil: there was none
}

// move is a change of the addresses that clients are told.
type move struct {
	At     time.Time    `json:"at"`
	Before []netip.Addr `json:"before"`
	Now    []netip.Addr `json:"now"`
}

// newServer returns a server that goes by a setup and has opened nothing.
func newServer(cfg *config.Config, a *access, p *place) *Server {
	s := new(Server)
	s.setup.Store(&setup{cfg: cfg, access: a, place: p})
	return s
}

func (s *Server) cfg() *config.Config { return s.setup.Load().cfg }

func (s *Server) access() *access { return s.setup.Load().access }

func (s *Server) place() *place { return s.setup.Load().place }

// served is the HTTP side as it is now.
func (s *Server) served() *webSetup { return &s.setup.Load().web }

// adopt puts a changed setup in force.
func (s *Server) adopt(change func(*setup)) {
	next := *s.setup.Load()
	change(&next)
	s.setup.Store(&next)
}

// move puts other addresses in force and remembers those of before.
func (x *setup) move(p *place) {
	if before, now := x.place.seen(), p.seen(); !slices.Equal(before, now) {
		x.moved = &move{time.Now(), before, now}
	}
	for _, r := range x.place.relays {
		x.former = distinct(append(slices.Clone(x.former), seen(r)))
	}
	x.place = p
}
