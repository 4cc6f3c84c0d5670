package rooms

import (
	"encoding/json"
	"slices"
	"time"
)

// mostRelays bounds how many receivers a client may offer to serve.
const mostRelays = 100

// broadcast is a tree: who watches passes the stream on to others. The user with
// the broadcast's own id is its source.
type broadcast struct {
	id      string
	viewers []*viewer // in the order in which they came, the source among them
	last    *viewer   // who was last told to serve a newcomer
}

// viewer is a user's place in a broadcast.
type viewer struct {
	user      *user
	in        *broadcast
	initiator bool
	canRelay  bool
	receivers []*viewer
	from      *viewer
	streams   json.RawMessage
}

// source returns the viewer that the broadcast is named after, nil if it is gone.
func (b *broadcast) source() *viewer {
	for _, v := range b.viewers {
		if v.user.id == b.id {
			return v
		}
	}
	return nil
}

// relay chooses who serves a newcomer: the source while it has places, then
// whoever served last, then the first who offers; the source after all if nobody
// can.
func (b *broadcast) relay(limit int) *viewer {
	s := b.source()
	if s != nil && len(s.receivers) < limit {
		return s
	}
	if s != nil && b.last != nil && len(b.last.receivers) < limit {
		return b.last
	}
	for _, v := range b.viewers {
		if v.canRelay && len(v.receivers) < limit {
			return v
		}
	}
	return s
}

// joinBroadcast adds the user to a broadcast, or starts it. Whoever starts it
// takes the broadcast's id as its own, if nobody has that.
func (c *call) joinBroadcast() {
	var q struct {
		UserID      json.RawMessage `json:"userid"`
		BroadcastID json.RawMessage `json:"broadcastId"`
		Streams     json.RawMessage `json:"typeOfStreams"`
	}
	if !c.u.scalable || !decodeInto(c.arg(0), &q) {
		return
	}
	id, _ := textOf(q.BroadcastID)
	own, named := textOf(q.UserID)
	if !validID(id) || !c.u.may(c.now, func(g *Grant) []string { return slices.Concat(g.Open, g.Join) }, id) {
		return
	}
	if named && own != c.u.id {
		if !c.rename(own) {
			return
		}
		c.u.renamed = true
	}
	if c.u.cast != nil && c.u.cast.in.id != id {
		c.r.leaveBroadcast(c.now, c.u, c.out)
	}
	if c.u.cast == nil {
		c.watch(id, q.Streams)
	}
	c.place()
}

// watch lists the user as one of the broadcast's.
func (c *call) watch(id string, streams json.RawMessage) {
	b := c.r.casts[id]
	if b == nil {
		b = &broadcast{id: id}
		c.r.casts[id] = b
	}
	v := &viewer{user: c.u, in: b, streams: stored(streams, longestSession)}
	if !truthy(streams) {
		v.streams = json.RawMessage(`{"audio":true,"video":true}`)
	}
	b.viewers = append(b.viewers, v)
	c.u.cast = v
	c.r.countViewers(c.now, b, c.out)
}

// countViewers tells the source how many watch.
func (r *Rooms) countViewers(now time.Time, b *broadcast, out *Outbox) {
	if s := b.source(); s != nil {
		r.emit(now, s.user, "number-of-broadcast-viewers-updated", out, struct {
			N  int    `json:"numberOfBroadcastViewers"`
			ID string `json:"broadcastId"`
		}{len(b.viewers) - 1, b.id})
	}
}

// place tells the user from whom it gets the stream, or that it is the source.
func (c *call) place() {
	v := c.u.cast
	b := v.in
	from := b.relay(c.u.relayLimit)
	if from == nil || from == v || c.u.id == b.id {
		v.initiator = true
		c.emit(c.u, "start-broadcasting", v.streams)
		c.emit(c.u, "logs", "You <"+c.u.id+"> are now serving the broadcast.")
		return
	}
	v.detach()
	v.from, b.last = from, from
	from.receivers = append(from.receivers, v)
	c.emit(c.u, "join-broadcaster", struct {
		Streams json.RawMessage `json:"typeOfStreams"`
		UserID  string          `json:"userid"`
		ID      string          `json:"broadcastId"`
	}{from.streams, from.user.id, b.id})
	c.emit(c.u, "logs", "You <"+c.u.id+"> are getting data/stream from <"+from.user.id+">")
	c.emit(from.user, "logs", "You <"+from.user.id+"> are now relaying/forwarding data/stream to <"+c.u.id+">")
}

// detach takes the viewer from whoever serves it.
func (v *viewer) detach() {
	if v.from != nil {
		v.from.receivers = slices.DeleteFunc(v.from.receivers, func(o *viewer) bool { return o == v })
		v.from = nil
	}
}

// leaveBroadcast takes a user out of its broadcast. Those that it served are
// asked to come again; without the source all is over.
func (r *Rooms) leaveBroadcast(now time.Time, u *user, out *Outbox) {
	v := u.cast
	if v == nil {
		return
	}
	u.cast = nil
	b := v.in
	v.detach()
	b.viewers = slices.DeleteFunc(b.viewers, func(o *viewer) bool { return o == v })
	if b.last == v {
		b.last = nil
	}
	if !v.initiator {
		r.countViewers(now, b, out)
	} else {
		for _, o := range b.viewers {
			r.emit(now, o.user, "broadcast-stopped", out, b.id)
		}
	}
	for _, o := range v.receivers {
		o.from, o.canRelay = nil, false
		if !v.initiator {
			r.emit(now, o.user, "rejoin-broadcast", out, b.id)
		}
	}
	if len(b.viewers) == 0 {
		delete(r.casts, b.id)
	}
}

// broadcastMessage passes anything on to the others in the broadcast.
func (c *call) broadcastMessage() {
	v := c.u.cast
	if v == nil {
		return
	}
	var others []*user
	for _, o := range v.in.viewers {
		if o != v {
			others = append(others, o.user)
		}
	}
	c.passOn(others)
}

func (c *call) canRelay() { c.offer(true) }

func (c *call) canNotRelay() { c.offer(false) }

func (c *call) offer(can bool) {
	if c.u.cast != nil {
		c.u.cast.canRelay = can
	}
}

// broadcastPresence says whether a broadcast has its source.
func (c *call) broadcastPresence() {
	if !c.u.scalable {
		return
	}
	s := c.castOf(0).source()
	c.ack(s != nil && s.initiator)
}

// broadcastUsers answers with the number of viewers, the source not counted.
func (c *call) broadcastUsers() {
	if !c.u.scalable || !truthy(c.arg(0)) {
		return
	}
	b := c.castOf(0)
	if b.source() == nil {
		c.ack(0)
		return
	}
	c.ack(len(b.viewers) - 1)
}

// castOf returns the broadcast that an argument names, an empty one if there is
// none.
func (c *call) castOf(i int) *broadcast {
	id, _ := textOf(c.arg(i))
	if b := c.r.casts[id]; b != nil {
		return b
	}
	return &broadcast{}
}
