// Package engineio carries messages between a browser and this server over HTTP
// long polling and WebSocket: Engine.IO 4, and Engine.IO 3 for pages with an old
// client, but for its polling by script elements (JSONP). What the messages mean is
// for the layer above, which hands in an Accept function and is called back.
package engineio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Revision is the version of the protocol that a client speaks.
type Revision int

// The revisions served. In 3 the client sends the heartbeat, in 4 the server.
const (
	Revision3 Revision = 3
	Revision4 Revision = 4
)

// Message is what the layer above sends and receives: text, or bytes.
type Message struct {
	Data   []byte
	Binary bool
}

// Receiver is the layer above, for one session.
type Receiver interface {
	// Receive takes one message; no two calls run at the same time. It may
	// block, which slows this client alone. An error closes the session.
	Receive(m Message) error
	// Closed comes once, after the last Receive.
	Closed(r Reason)
}

// Accept makes the receiver of a new session. It is called before anything of
// the session is read, so no message can come too early. It may call Send.
type Accept func(s *Session, r *http.Request) Receiver

// Options of a server. Zero values stand for the defaults named.
type Options struct {
	PingInterval time.Duration // 25 s: an idle session has a heartbeat so often
	PingTimeout  time.Duration // 20 s: an unanswered heartbeat ends the session
	MaxPayload   int           // 1 000 000 bytes: the longest message and the longest POST
	MaxPackets   int           // 256: packets in one POST
	Buffer       int           // 2 MiB waiting to be sent to a session; more closes it
	Waiting      int           // 256 MiB waiting to be sent to all sessions; while there is more, one with over 64 KiB of it is closed
	Sessions     int           // 10 000 at the same time
	PerAddress   int           // 1 000 sessions of one address (IPv6: of one /64)
	ConnectRate  float64       // 50 new sessions a second and address, with a burst of ten times as many; negative: no limit
	PinAddress   bool          // a session is bound to the address that opened it

	// Origin says whether a request of a browser's page may come in; nil: all.
	Origin func(r *http.Request) bool
	// Address is the client's address; nil: the peer of the connection.
	Address func(r *http.Request) netip.Addr
	// Refused is told of each client that got no session for a limit's sake; nil:
	// nobody is. It must not block.
	Refused func(why Refusal, from netip.Addr)
	// Accept is called for each session and must be set.
	Accept Accept
}

// Refusal says which limit a client has met.
type Refusal int

// The limits.
const (
	ServerFull  Refusal = iota // Sessions
	AddressFull                // PerAddress
	AddressFast                // ConnectRate
)

func (o *Options) defaults() {
	set(&o.PingInterval, 25*time.Second)
	set(&o.PingTimeout, 20*time.Second)
	set(&o.MaxPayload, 1_000_000)
	set(&o.MaxPackets, 256)
	set(&o.Buffer, 2<<20)
	set(&o.Waiting, 256<<20)
	set(&o.Sessions, 10_000)
	set(&o.PerAddress, 1000)
	set(&o.ConnectRate, 50)
	if o.Origin == nil {
		o.Origin = func(*http.Request) bool { return true }
	}
	if o.Address == nil {
		o.Address = peer
	}
	if o.Refused == nil {
		o.Refused = func(Refusal, netip.Addr) {}
	}
}

func set[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// Server is an http.Handler for Engine.IO requests.
type Server struct {
	o atomic.Pointer[Options]

	mu        sync.Mutex // guards the following
	open      bool       // new sessions are taken
	running   bool       // goroutines may start
	sessions  map[string]*Session
	addresses addresses
	work      sync.WaitGroup

	waiting atomic.Int64 // bytes queued for all sessions
}

// New makes a server that serves once Run runs.
func New(o Options) *Server {
	e := &Server{sessions: map[string]*Session{}, addresses: newAddresses(o.PerAddress, o.ConnectRate)}
	e.Configure(o)
	return e
}

// Configure has the server go by other options from now on. A session keeps those of
// when it began, and none ends because there are more than there may be now.
func (e *Server) Configure(o Options) {
	o.defaults()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.addresses.most, e.addresses.rate = o.PerAddress, o.ConnectRate
	e.o.Store(&o)
}

// sweepEvery is how often all sessions are looked at: heartbeats need not be exact,
// and one look now and then is cheaper than a timer for each.
func (e *Server) sweepEvery() time.Duration { return e.o.Load().PingInterval / 25 }

// Run serves until ctx ends, then closes every session and waits for all that
// the server started.
func (e *Server) Run(ctx context.Context) {
	e.mu.Lock()
	e.open, e.running = true, true
	e.mu.Unlock()
	pause := e.sweepEvery()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-tick.C:
			e.sweep(now)
			if next := e.sweepEvery(); next != pause {
				pause = next
				tick.Reset(pause)
			}
		}
	}
	e.shutdown()
	e.work.Wait()
}

// shutdown ends all sessions and lets nothing start any more. The order
// matters: a session that ends starts a goroutine of its own.
func (e *Server) shutdown() {
	e.mu.Lock()
	e.open = false
	e.mu.Unlock()
	for _, s := range e.all() {
		s.end(Shutdown)
	}
	e.mu.Lock()
	e.running = false
	e.mu.Unlock()
}

func (e *Server) all() []*Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		all = append(all, s)
	}
	return all
}

// start runs f in a goroutine that Run waits for; false: the server ends.
func (e *Server) start(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return false
	}
	e.work.Go(f)
	return true
}

// Sessions is how many sessions are open.
func (e *Server) Sessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sessions)
}

// newID is a session's secret: whoever knows it can speak as the client.
//
// W-S9: 128 random bits are not guessed.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
