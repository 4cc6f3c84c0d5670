package rooms

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// room is a call that users open and join.
type room struct {
	id              string
	owner           *user
	from            string  // the address of who opened it
	participants    []*user // in the order in which they came
	maxParticipants int
	extra           json.RawMessage // the owner's
	session         json.RawMessage
	oneWay          bool // newcomers talk to the owner alone
	identifier      string
	password        password
}

func (m *room) full() bool { return len(m.participants) >= m.maxParticipants }

// request is the argument of open-room and join-room.
type request struct {
	SessionID  json.RawMessage `json:"sessionid"`
	Session    json.RawMessage `json:"session"`
	Extra      json.RawMessage `json:"extra"`
	Identifier json.RawMessage `json:"identifier"`
	Password   json.RawMessage `json:"password"`
}

// session is what the server looks at in a session; true means exactly that.
type session struct {
	OneWay    any `json:"oneway"`
	Broadcast any `json:"broadcast"`
}

// longestSession bounds the description of a session: four or five flags.
const longestSession = 4 << 10

// requested reads the argument and the id of the room. In a scalable broadcast
// all meet in the room that the broadcast names.
func (c *call) requested() (q request, id string, ok bool) {
	ok = decodeInto(c.arg(0), &q)
	id, _ = textOf(q.SessionID)
	if c.u.scalable {
		var e struct {
			BroadcastID json.RawMessage `json:"broadcastId"`
		}
		if decodeInto(q.Extra, &e) {
			if cast, is := textOf(e.BroadcastID); is {
				id = cast
			}
		}
	}
	return q, id, ok && validID(id)
}

// openRoom makes a room. The user leaves the one it is in, whatever comes of it.
func (c *call) openRoom() {
	u := c.u
	c.r.leaveRoom(c.now, u, c.out)
	q, id, ok := c.requested()
	m := c.r.rooms[id]
	switch {
	case !ok || !u.may(c.now, func(g *Grant) []string { return g.Open }, id):
		c.ack(false, permissionDenied)
		return
	case m != nil && u.scalable:
		c.enter(m, q) // all who relay a broadcast open the same room
		return
	case m != nil:
		c.ack(false, roomNotAvailable)
		return
	case len(c.r.rooms) >= c.r.o.Rooms:
		c.limited(manyRooms)
		c.ack(false, roomNotAvailable)
		return
	case !c.r.opened.ready(c.now, u.from):
		c.limited(fastRooms)
		c.ack(false, roomNotAvailable)
		return
	}
	c.r.opened.count(c.now, u.from)
	u.extra = stored(q.Extra, c.r.o.Extra)
	m = &room{
		id: strings.Clone(id), owner: u, from: u.from, maxParticipants: u.maxParticipants,
		extra: json.RawMessage("{}"), session: json.RawMessage(`{"audio":true,"video":true}`),
	}
	if !u.scalable {
		c.describe(m, q)
	}
	c.r.rooms[m.id] = m
	c.r.publish(m)
	c.join(m)
}

// describe gives a room what its opener says of it.
func (c *call) describe(m *room, q request) {
	m.extra = c.u.extra
	m.session = stored(q.Session, longestSession)
	var s session
	if decodeInto(m.session, &s) {
		m.oneWay = s.OneWay == true || s.Broadcast == true
	}
	if m.oneWay {
		c.u.autoClose = true
	}
	if text, ok := textOf(q.Identifier); ok && len(text) <= longestID {
		m.identifier = text
	}
	if text, ok := textOf(q.Password); ok && text != "" {
		m.password = newPassword(text)
	}
}

// joinRoom adds the user to a room. Nobody is told: the newcomer speaks first.
func (c *call) joinRoom() {
	c.r.leaveRoom(c.now, c.u, c.out)
	q, id, _ := c.requested()
	m := c.r.rooms[id]
	if m == nil {
		c.ack(false, roomNotAvailable)
		return
	}
	c.enter(m, q)
}

// enter lets the user into a room that exists, if password and size allow it.
func (c *call) enter(m *room, q request) {
	u := c.u
	given, _ := textOf(q.Password)
	switch {
	case !u.may(c.now, func(g *Grant) []string { return g.Join }, m.id):
		c.ack(false, permissionDenied)
	case !c.admits(m, given):
		c.ack(false, invalidPassword)
	case m.full():
		c.ack(false, roomFull)
	default:
		u.extra = stored(q.Extra, c.r.o.Extra)
		c.join(m)
	}
}

func (c *call) join(m *room) {
	m.participants = append(m.participants, c.u)
	c.u.room, c.u.roomID = m, m.id
	*c.out = append(*c.out, Effect{Kind: Joined, Socket: c.u.socket, User: c.u.id, Room: m.id})
	c.ack(true)
}

// leaveRoom takes a user out of its room. If it was the owner, the next who is
// connected becomes owner, or the room ends.
func (r *Rooms) leaveRoom(now time.Time, u *user, out *Outbox) {
	m := u.room
	if m == nil {
		return
	}
	u.room = nil
	m.participants = slices.DeleteFunc(m.participants, func(p *user) bool { return p == u })
	switch {
	case len(m.participants) == 0 || m.owner == u && u.autoClose:
		r.end(m)
	case m.owner == u:
		next := m.participants[0]
		if i := slices.IndexFunc(m.participants, func(p *user) bool { return p.socket != 0 }); i > 0 {
			next = m.participants[i]
		}
		m.owner = next
		r.emit(now, next, "set-isInitiator-true", out, m.id)
	}
}

// end removes a room. Its members are not told here.
func (r *Rooms) end(m *room) {
	for _, p := range m.participants {
		p.room = nil
	}
	delete(r.rooms, m.id)
	if m.identifier == "" {
		return
	}
	r.public[m.identifier] = slices.DeleteFunc(r.public[m.identifier], func(o *room) bool { return o == m })
	if len(r.public[m.identifier]) == 0 {
		delete(r.public, m.identifier)
	}
}

// publish lists a room under its identifier.
func (r *Rooms) publish(m *room) {
	if m.identifier != "" {
		r.public[m.identifier] = append(r.public[m.identifier], m)
	}
}

// closeEntireSession ends the room for everybody.
//
// W-09: the owner alone may, and the server decides who that is.
func (c *call) closeEntireSession() {
	m := c.u.room
	switch {
	case m == nil:
		c.ack(false, roomNotAvailable)
	case m.owner != c.u:
		c.ack(false, permissionDenied)
	default:
		members := m.participants
		c.r.end(m)
		for _, p := range members {
			if p != c.u {
				c.emit(p, "closed-entire-session", m.id, m.extra)
			}
		}
		c.ack(true)
	}
}
