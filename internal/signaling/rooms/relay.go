package rooms

import (
	"encoding/json"
	"slices"
)

// mostListens bounds the custom events that a user can ask for.
const mostListens = 16

// Prepared is an event of which the parts that take time are done: what is looked
// at inside a message is known. One user's long messages are so no burden for those
// who wait for the state.
type Prepared struct {
	Event
	first object // the first argument, if it is an object
	body  body   // its "message"
}

// Prepare takes an event apart. It needs no state and may run at the same time as
// anything else.
func Prepare(e Event) Prepared {
	p := Prepared{Event: e}
	if len(e.Args) > 0 {
		if o, ok := parseObject(e.Args[0]); ok {
			p.first = o
			decodeInto(o.get("message"), &p.body)
		}
	}
	return p
}

// body is what the server looks at inside a message. Values count as JavaScript
// would count them in a condition.
type body struct {
	NewParticipationRequest json.RawMessage `json:"newParticipationRequest"`
	UserLeft                json.RawMessage `json:"userLeft"`
	DetectPresence          json.RawMessage `json:"detectPresence"`
	UserID                  json.RawMessage `json:"userid"`
}

func truthy(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", "0", `""`:
		return false
	}
	return true
}

// message takes what one client says to another, or to its room.
//
// W-03: the sender is the socket's user; a message that names another is dropped.
func (c *call) message() {
	o, b := c.e.first, c.e.body
	target, ok := textOf(o.get("remoteUserId"))
	if !ok || target == "" || target == c.u.id || !truthy(o.get("message")) {
		return
	}
	if sender := o.get("sender"); truthy(sender) {
		if name, _ := textOf(sender); name != c.u.id {
			c.r.stats.Spoofed++
			return
		}
	}
	o.set("sender", marshal(c.u.id))
	request := truthy(b.NewParticipationRequest)
	switch {
	case target == "system":
		c.detectPresence(b)
	case request && !c.u.scalable && c.r.rooms[target] != nil:
		c.participate(o)
	default:
		c.relay(o, target, request, truthy(b.UserLeft))
	}
}

// detectPresence is how old pages ask whether a user is there.
func (c *call) detectPresence(b body) {
	if !truthy(b.DetectPresence) {
		return
	}
	id, _ := textOf(b.UserID)
	c.ack(id != c.u.id && c.r.users[id] != nil, id)
}

// participate announces a newcomer to those in its own room, which need not be
// the room that it names; one that has not joined is not heard.
func (c *call) participate(o object) {
	m := c.u.room
	if m == nil {
		c.r.stats.Outsiders++
		return
	}
	if !c.fitsAll() {
		return
	}
	if o.get("extra") != nil {
		o.set("extra", c.u.extra) // a forged one does not pass
	}
	if m.oneWay {
		c.deliver(o, m.owner)
		return
	}
	for _, p := range m.participants {
		c.deliver(o, p)
	}
}

// deliver sends a message to one user under that user's id.
func (c *call) deliver(o object, to *user) {
	if to == c.u {
		return
	}
	e := Event{
		Name: c.u.msgEvent, Args: []json.RawMessage{marshal(o.with("remoteUserId", marshal(to.id)))},
		Attachments: c.e.Attachments, Ack: -1,
	}
	c.r.send(c.now, to, e, c.out)
}

// relay passes a message to one user. At the first contact both are told of each
// other.
func (c *call) relay(o object, target string, request, userLeft bool) {
	u, to := c.u, c.r.users[target]
	if to == nil {
		return
	}
	linked := u.linked(to)
	if !u.together(to) && (!linked || request) {
		c.r.stats.Outsiders++
		return
	}
	if !linked {
		if userLeft {
			return // a good-bye makes no acquaintance
		}
		u.links, to.links = append(u.links, to), append(to.links, u)
		c.emit(u, "user-connected", to.id)
		c.emit(to, "user-connected", u.id)
	}
	o.set("extra", u.extra)
	c.deliver(o, to)
}

// together says whether two users share a room or a broadcast. Others cannot
// reach each other: a stranger who knows an id must not get into a call past the
// room's password.
func (u *user) together(other *user) bool {
	return u.room != nil && u.room == other.room || u.cast != nil && other.cast != nil && u.cast.in == other.cast.in
}

// listen lets the user send one more custom event.
func (c *call) listen() {
	name, _ := textOf(c.arg(0))
	u := c.u
	if c.r.validEvent(name) && name != u.msgEvent && len(u.listens) < mostListens && !slices.Contains(u.listens, name) {
		u.listens = append(u.listens, name)
	}
}

// customEvent passes an event on to the others in the room.
//
// W-06: not to everybody on the server.
func (c *call) customEvent() {
	if c.u.room == nil {
		return
	}
	others := slices.DeleteFunc(slices.Clone(c.u.room.participants), func(p *user) bool { return p == c.u })
	c.passOn(others)
}

// fitsAll says whether the event being handled is short enough for a whole room.
// Its attachments count: each receiver has to take them too, and one for whom
// more is waiting than it takes is put out.
//
// H-18, W-08: what goes to many has a bound of its own.
func (c *call) fitsAll() bool {
	size := len(c.arg(0))
	for _, a := range c.e.Attachments {
		size += len(a)
	}
	if size > c.r.o.Fanout {
		c.limited(longMessage)
		return false
	}
	return true
}

// passOn sends the event being handled to others as it is.
func (c *call) passOn(others []*user) {
	if !c.fitsAll() {
		return
	}
	e := Event{Name: c.e.Name, Args: []json.RawMessage{c.arg(0)}, Attachments: c.e.Attachments, Ack: -1}
	first := len(*c.out)
	for _, p := range others {
		c.r.send(c.now, p, e, c.out)
	}
	for i := first + 1; i < len(*c.out); i++ {
		(*c.out)[i].Again = true
	}
}
