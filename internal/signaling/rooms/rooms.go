// Package rooms is the signaling that RTCMultiConnection and its demos expect:
// users, rooms, the messages between them, and scalable broadcasts. It is a pure
// state machine: what clients do comes in, effects come out. Time, randomness
// and sockets are the caller's; it is used by one goroutine at a time.
package rooms

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"
)

// SocketID names a connection; the caller chooses it, never 0 and never twice.
type SocketID uint64

// Options are the limits. Zero values stand for the defaults named.
//
// W-08: a client may ask for less than the server allows, not for more.
type Options struct {
	Rooms        int           // 10 000 at the same time
	Participants int           // 1 000 in a room
	RoomRate     float64       // 1 room a second and address, with a burst of ten; negative: no limit
	Extra        int           // 16 KiB of extra data of a user
	Fanout       int           // 64 KiB of a message that goes to a whole room
	Backlog      int           // 256 KiB kept of what a user was sent, in case its connection is lost
	Kept         int           // 64 MiB kept for all users; while there is more, 16 KiB for each
	Remember     time.Duration // 60 s: how long; more than a lost connection goes unnoticed
	Grace        time.Duration // 15 s until a lost connection counts as gone; negative: at once
}

func (o *Options) defaults() {
	set(&o.Rooms, 10_000)
	set(&o.Participants, 1000)
	set(&o.RoomRate, 1)
	set(&o.Extra, 16<<10)
	set(&o.Fanout, 64<<10)
	set(&o.Backlog, 256<<10)
	set(&o.Kept, 64<<20)
	set(&o.Remember, time.Minute)
	set(&o.Grace, 15*time.Second)
}

func set[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

// Hello is a client that connects.
type Hello struct {
	Socket SocketID
	Query  url.Values // of the connect address
	From   string     // the client's address, for limits
	PID    string     // what it presents to take up a lost connection, or empty
	Offset string     // with a PID: the Mark of the last event that it got
	Fresh  string     // a random name nobody can guess, for a client without one
	NewPID string     // a random secret; empty for clients that could not present it
	Grant  *Grant     // what its token allows; nil where none is needed
}

// Grant is what a token allows. "*" stands for every room.
type Grant struct {
	User    string // the only user id that the holder may have; empty: any
	Open    []string
	Join    []string
	Expires time.Time // zero: never
}

// Event is what a client emits.
type Event struct {
	Name        string
	Args        []json.RawMessage
	Attachments [][]byte
	Ack         int64 // negative: the client waits for no answer
}

// Kind says what an Effect does.
type Kind int

// The kinds of effects.
const (
	Welcome    Kind = iota // let the socket in, with SID and PID
	Emit                   // send it Event
	Ack                    // answer the event numbered Event.Ack with Event.Args
	Disconnect             // put it out
	Joined                 // nothing to do: the socket's User is in Room now
	Limited                // nothing to do: the socket's User met the limit named by Why
)

// Effect is one thing to do to one socket.
type Effect struct {
	Kind     Kind
	Socket   SocketID
	SID, PID string
	Event    Event
	Mark     string // with Emit: what the client has to present to get what comes after; empty: it cannot
	Again    bool   // with Emit: Event is that of the effect before

	User, Room, Why string // for an operator
}

// Outbox collects effects, in the order in which they have to happen.
type Outbox []Effect

// Why a connect is refused; the client is told the text.
var (
	ErrUserID = errors.New("invalid userid")
	ErrEvent  = errors.New("invalid msgEvent or socketCustomEvent")
	ErrGrant  = errors.New("the token does not allow this userid")
)

// Rooms is the whole state.
type Rooms struct {
	o        Options
	handlers map[string]func(*call)
	users    map[string]*user
	sockets  map[SocketID]*user
	pids     map[string]*user
	away     map[*user]struct{}
	rooms    map[string]*room
	public   map[string][]*room // by identifier, the oldest first
	casts    map[string]*broadcast
	opened   throttle // rooms, by address
	tries    throttle // wrong passwords, by address and room
	marks    uint64   // events that were marked
	stats    Stats
}

// Stats are counts; those that are not about now only grow.
type Stats struct {
	Users, Away, Rooms, Broadcasts int // now
	Kept                           int // bytes of events that are kept now, for connections that may be lost
	Resumed, Expired               uint64
	WrongPasswords, Throttled      uint64
	Spoofed, Outsiders             uint64 // messages dropped for their sender
}

// New makes an empty state.
func New(o Options) *Rooms {
	r := &Rooms{
		handlers: handlers(),
		users:    map[string]*user{}, sockets: map[SocketID]*user{}, pids: map[string]*user{}, away: map[*user]struct{}{},
		rooms: map[string]*room{}, public: map[string][]*room{}, casts: map[string]*broadcast{},
		opened: newThrottle(o.RoomRate, 10), tries: newThrottle(0.2, 10),
	}
	r.Configure(o)
	return r
}

// Configure has other limits hold from now on. Nobody leaves, and no room ends,
// because there are more than there may be now; a room goes on with the number of
// participants that its opener was allowed.
func (r *Rooms) Configure(o Options) {
	o.defaults()
	r.o, r.opened.rate = o, o.RoomRate
}

// Stats returns the counts.
func (r *Rooms) Stats() Stats {
	s := r.stats
	s.Users, s.Away, s.Rooms, s.Broadcasts = len(r.users), len(r.away), len(r.rooms), len(r.casts)
	return s
}

// handlers are the events with a fixed name. Those that a client names itself,
// for its messages and custom events, are looked up in its own record.
func handlers() map[string]func(*call) {
	return map[string]func(*call){
		"open-room":                                 (*call).openRoom,
		"join-room":                                 (*call).joinRoom,
		"check-presence":                            (*call).checkPresence,
		"get-public-rooms":                          (*call).publicRooms,
		"is-valid-password":                         (*call).isValidPassword,
		"set-password":                              (*call).setPassword,
		"close-entire-session":                      (*call).closeEntireSession,
		"extra-data-updated":                        (*call).extraDataUpdated,
		"get-remote-user-extra-data":                (*call).remoteExtra,
		"changed-uuid":                              (*call).changedUUID,
		"disconnect-with":                           (*call).disconnectWith,
		"set-custom-socket-event-listener":          (*call).listen,
		"join-broadcast":                            (*call).joinBroadcast,
		"scalable-broadcast-message":                (*call).broadcastMessage,
		"can-relay-broadcast":                       (*call).canRelay,
		"can-not-relay-broadcast":                   (*call).canNotRelay,
		"check-broadcast-presence":                  (*call).broadcastPresence,
		"get-number-of-users-in-specific-broadcast": (*call).broadcastUsers,
	}
}

// Event handles one event of a socket. Events that nobody knows, and all events
// of sockets that were not let in, are ignored.
//
// W-10, W-S5: whatever the arguments are, nothing breaks.
func (r *Rooms) Event(now time.Time, socket SocketID, e Prepared, out *Outbox) {
	u := r.sockets[socket]
	if u == nil {
		return
	}
	c := &call{r: r, now: now, u: u, e: e, out: out}
	if h := r.handlers[e.Name]; h != nil {
		h(c)
		return
	}
	switch {
	case e.Name == u.msgEvent:
		c.message()
	case e.Name == u.customEvent || slices.Contains(u.listens, e.Name):
		c.customEvent()
	}
}

// call is one event being handled.
type call struct {
	r   *Rooms
	now time.Time
	u   *user
	e   Prepared
	out *Outbox
}

// arg returns an argument, JSON null where there is none.
func (c *call) arg(i int) json.RawMessage {
	if i < len(c.e.Args) {
		return c.e.Args[i]
	}
	return json.RawMessage("null")
}

// limited counts a limit that the client has met, and tells which.
func (c *call) limited(why string) {
	c.r.stats.Throttled++
	*c.out = append(*c.out, Effect{Kind: Limited, Socket: c.u.socket, User: c.u.id, Why: why})
}

// ack answers the client, if it waits for an answer.
func (c *call) ack(values ...any) {
	if c.e.Ack < 0 {
		return
	}
	args := make([]json.RawMessage, len(values))
	for i, v := range values {
		args[i] = marshal(v)
	}
	*c.out = append(*c.out, Effect{Kind: Ack, Socket: c.u.socket, Event: Event{Ack: c.e.Ack, Args: args}})
}

// emit sends an event to a user; one whose connection is lost gets it later.
func (c *call) emit(to *user, name string, values ...any) {
	c.r.emit(c.now, to, name, c.out, values...)
}

func (r *Rooms) emit(now time.Time, to *user, name string, out *Outbox, values ...any) {
	args := make([]json.RawMessage, len(values))
	for i, v := range values {
		args[i] = marshal(v)
	}
	r.send(now, to, Event{Name: name, Args: args, Ack: -1}, out)
}

func (r *Rooms) send(now time.Time, to *user, e Event, out *Outbox) {
	mark := ""
	if to.pid != "" {
		mark = r.remember(now, to, e)
	}
	if to.socket != 0 {
		*out = append(*out, Effect{Kind: Emit, Socket: to.socket, Event: e, Mark: mark})
	}
}
