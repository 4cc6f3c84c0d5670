package rooms

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// user is a client that was let in. It outlives its connection by the grace
// period.
type user struct {
	id       string
	socket   SocketID // 0: the connection is lost
	sid, pid string
	from     string
	grant    *Grant

	extra       json.RawMessage
	msgEvent    string
	customEvent string
	listens     []string // custom events that it asked for
	links       []*user  // who it has exchanged messages with

	room            *room
	roomID          string // the last room named, for answers after it has gone
	maxParticipants int
	autoClose       bool // its room ends when it leaves
	scalable        bool
	relayLimit      int
	cast            *viewer
	renamed         bool // by its broadcast; its client asks for the same again

	until   time.Time // when a lost connection counts as gone
	backlog backlog
	missed  bool // more came than is kept
}

func (u *user) linked(other *user) bool { return slices.Contains(u.links, other) }

func (u *user) unlink(other *user) {
	u.links = slices.DeleteFunc(u.links, func(l *user) bool { return l == other })
}

// may says whether the user's token allows a room; always without tokens.
func (u *user) may(now time.Time, rooms func(*Grant) []string, id string) bool {
	if u.grant == nil {
		return true
	}
	if !u.grant.Expires.IsZero() && !now.Before(u.grant.Expires) {
		return false
	}
	all := rooms(u.grant)
	return slices.Contains(all, "*") || slices.Contains(all, id)
}

// extraDataUpdated keeps the sender's extra data and passes it on, once to each
// who is linked to the sender or in its room, the sender included.
func (c *call) extraDataUpdated() {
	u := c.u
	u.extra = stored(c.arg(0), c.r.o.Extra)
	told := slices.Clone(u.links)
	if u.room != nil {
		if u.room.owner == u {
			u.room.extra = u.extra
		}
		for _, p := range u.room.participants {
			if !slices.Contains(told, p) {
				told = append(told, p)
			}
		}
	}
	for _, t := range told {
		c.emit(t, "extra-data-updated", u.id, u.extra)
	}
}

// remoteExtra answers with another user's extra data. The text of the error
// stands where the data would: pages know it so.
func (c *call) remoteExtra() {
	id, _ := textOf(c.arg(0))
	other := c.r.users[id]
	if other == nil {
		c.ack(userNotAvailable)
		return
	}
	c.ack(other.extra)
}

// changedUUID gives the user another id. To an unchanged one there is no answer;
// pages are used to it.
func (c *call) changedUUID() {
	id, ok := textOf(c.arg(0))
	if !ok || id == c.u.id && !c.u.renamed {
		return
	}
	if id == c.u.id || c.rename(id) {
		c.u.renamed = false
		c.ack()
	}
}

// rename changes the user's id everywhere at once.
//
// W-04: an id in use is refused. The client believes that it has the new id by
// now, so it is told what a client with a taken id is told.
func (c *call) rename(id string) bool {
	allowed := c.u.grant == nil || c.u.grant.User == "" || c.u.grant.User == id
	if !validID(id) || !allowed || c.r.users[id] != nil {
		c.emit(c.u, "userid-already-taken", id, c.u.id)
		return false
	}
	delete(c.r.users, c.u.id)
	c.u.id = strings.Clone(id)
	c.r.users[c.u.id] = c.u
	return true
}

// disconnectWith ends the link between two users and tells both.
func (c *call) disconnectWith() {
	id, _ := textOf(c.arg(0))
	if other := c.r.users[id]; other != nil && other != c.u && c.u.linked(other) {
		c.u.unlink(other)
		other.unlink(c.u)
		c.emit(c.u, "user-disconnected", other.id)
		c.emit(other, "user-disconnected", c.u.id)
	}
	c.ack()
}
