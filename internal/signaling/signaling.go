// Package signaling is the Socket.IO server that the RTCMultiConnection client
// and its demos talk to. Three layers do the work and do not know each other's
// insides: engineio moves messages over HTTP, socketio gives them meaning, rooms
// decides what they do. This package puts them together.
package signaling

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"iceserver/internal/signaling/engineio"
	"iceserver/internal/signaling/rooms"
	"iceserver/internal/signaling/socketio"
)

// Limits bound what clients can use up. Zero values stand for the defaults named.
type Limits struct {
	Sessions     int     // 10 000 connections
	PerAddress   int     // 1 000 connections of one address (IPv6: of one /64)
	ConnectRate  float64 // 50 new connections a second and address; negative: no limit
	Rooms        int     // 10 000
	RoomRate     float64 // 1 new room a second and address; negative: no limit
	Participants int     // 1 000 in a room
	MessageBytes int     // 1 000 000: the longest message
	FanoutBytes  int     // 64 KiB: the longest message to a whole room
	MessageRate  float64 // 50 messages a second of one client, with a burst of ten times as many; negative: no limit
	Buffer       int     // 2 MiB waiting for a client that reads slowly
}

// Options of a server. The address of a client is the RemoteAddr of its requests:
// who knows of proxies has put the right one there.
type Options struct {
	// Origins are pages of other hosts that may connect, "https://example.org".
	// Pages of the host that the request names may always, and so may clients
	// that are no pages.
	Origins []string
	Limits  Limits
	// Tokens decides who may open and join rooms; nil: everybody.
	Tokens Tokens
	// Grace is how long a lost connection may take to come back before others
	// are told. Zero: 15 s; negative: none.
	Grace time.Duration
	// Heartbeat is how long an idle connection is left alone. Zero: 25 s.
	Heartbeat time.Duration
	// Log is told of what clients are refused, a line a minute for each reason
	// at most, and at level debug who joins which room; nil: silent.
	Log *slog.Logger
}

// Stats are counts for metrics; those that are not about now only grow.
type Stats struct {
	Sessions int // connections now, those without a user included
	rooms.Stats
	Messages uint64 // events of clients
	Delayed  uint64 // of them, those that came faster than the limit allows
	Refused  uint64 // connects refused for a token, an id or an event name
}

// Server is the signaling server, an http.Handler for the path /socket.io/.
type Server struct {
	rules   atomic.Pointer[rules]
	log     *slog.Logger
	engine  *engineio.Server
	sockets *socketio.Server
	notes   notes

	mu       sync.Mutex // guards the following; effects are carried out under it, so they keep their order
	rooms    *rooms.Rooms
	clients  map[rooms.SocketID]*socketio.Socket
	last     rooms.SocketID
	unjoined map[*client]time.Time // sessions that have not joined, and since when
	stats    Stats
}

// rules are what a server goes by at one time.
type rules struct {
	Options
	origins map[string]bool
}

// usualHeartbeat is how long an idle connection is left alone, unless said otherwise.
const usualHeartbeat = 25 * time.Second

// unnoticed is how long after the last heartbeat a connection may be lost without
// anybody having noticed: the time for its answer, and some for what is slow.
const unnoticed = 35 * time.Second

// New makes a server; it answers once Run runs. The error names an origin that
// is none.
func New(o Options) (*Server, error) {
	s := &Server{
		log: o.Log, rooms: rooms.New(rooms.Options{}),
		clients: map[rooms.SocketID]*socketio.Socket{}, unjoined: map[*client]time.Time{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.notes = notes{log: s.log, told: map[reason]*note{}}
	s.sockets = socketio.NewServer(map[string]socketio.Namespace{"/": (*namespace)(s)})
	s.engine = engineio.New(s.engineOptions(o))
	return s, s.Configure(o)
}

// Configure has the server go by other options from now on; Log stays as it was.
// Connections and rooms stay too, and whoever is in needs no token until it comes
// anew. The error names an origin that is none; then nothing has changed.
func (s *Server) Configure(o Options) error {
	if o.Limits.MessageRate == 0 {
		o.Limits.MessageRate = 50
	}
	origins, err := originSet(o.Origins)
	if err != nil {
		return err
	}
	s.engine.Configure(s.engineOptions(o))
	s.rules.Store(&rules{o, origins})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms.Configure(rooms.Options{
		Rooms: o.Limits.Rooms, RoomRate: o.Limits.RoomRate, Participants: o.Limits.Participants,
		Fanout: o.Limits.FanoutBytes, Grace: o.Grace, Remember: cmp.Or(o.Heartbeat, usualHeartbeat) + unnoticed,
	})
	return nil
}

func (s *Server) engineOptions(o Options) engineio.Options {
	return engineio.Options{
		MaxPayload: o.Limits.MessageBytes, Buffer: o.Limits.Buffer, Sessions: o.Limits.Sessions,
		PerAddress: o.Limits.PerAddress, ConnectRate: o.Limits.ConnectRate, PingInterval: o.Heartbeat,
		Origin: s.allowed, Accept: s.accept,
		Refused: func(why engineio.Refusal, from netip.Addr) {
			s.notes.tell(time.Now(), refusal(why), slog.String("client", network(from)))
		},
	}
}

// originSet is what Options.Origins says, in the form that requests are looked up in.
func originSet(origins []string) (map[string]bool, error) {
	allowed := map[string]bool{}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.TrimSuffix(u.Path, "/") != "" {
			return nil, fmt.Errorf("signaling: %q is no origin: want https://host or https://host:port", origin)
		}
		allowed[strings.ToLower(u.Scheme+"://"+u.Host)] = true
	}
	return allowed, nil
}

// ServeHTTP answers Engine.IO requests. The scripts for pages under the same path
// are served elsewhere.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Run serves until ctx ends; then it closes all connections and waits for them.
func (s *Server) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { s.engine.Run(ctx) })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-tick.C:
			s.expire(now)
		}
	}
	work.Wait()
}

// joinTime is how long a session may go without joining the namespace.
const joinTime = 45 * time.Second

// expire ends what has had its time.
func (s *Server) expire(now time.Time) {
	s.notes.flush(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	var out rooms.Outbox
	s.rooms.Expire(now, &out)
	s.carryOut(out)
	for c, since := range s.unjoined {
		if now.Sub(since) > joinTime {
			delete(s.unjoined, c)
			c.session.Close()
		}
	}
}

// Stats returns the counts.
func (s *Server) Stats() Stats {
	sessions := s.engine.Sessions()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Sessions, stats.Stats = sessions, s.rooms.Stats()
	return stats
}
