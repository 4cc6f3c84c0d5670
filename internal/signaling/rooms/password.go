package rooms

import (
	"crypto/sha256"
	"crypto/subtle"
)

// password is kept as a digest, so that all comparisons take the same time and
// no list of rooms can give it away.
type password struct {
	set    bool
	blank  bool // only spaces: it counts, but is not shown as one
	digest [sha256.Size]byte
}

func newPassword(text string) password {
	return password{set: true, blank: blank(text), digest: sha256.Sum256([]byte(text))}
}

// shown says whether clients are told that there is a password.
func (p password) shown() bool { return p.set && !p.blank }

func (p password) matches(text string) bool {
	digest := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(p.digest[:], digest[:]) == 1
}

// admits compares a password with a room's.
//
// W-07: after some wrong ones from an address, its further tries at this room are
// wrong without being looked at, so nobody can search for the right one.
func (c *call) admits(m *room, given string) bool {
	if !m.password.set {
		return true
	}
	key := c.u.from + " " + m.id
	if !c.r.tries.ready(c.now, key) {
		c.limited(manyPasswords)
		return false
	}
	if m.password.matches(given) {
		return true
	}
	c.r.tries.count(c.now, key)
	c.r.stats.WrongPasswords++
	return false
}

// isValidPassword lets a page try a password before it joins.
func (c *call) isValidPassword() {
	given, _ := textOf(c.arg(0))
	id, _ := textOf(c.arg(1))
	m := c.r.rooms[id]
	switch {
	case blank(given):
		c.ack(false, c.echo(1), passwordMissing)
	case blank(id):
		c.ack(false, c.echo(1), roomIDMissing)
	case m == nil:
		c.ack(false, c.echo(1), roomNotAvailable)
	case !m.password.set:
		c.ack(false, c.echo(1), passwordNotNeeded)
	case c.admits(m, given):
		c.ack(true, c.echo(1), false)
	default:
		c.ack(false, c.echo(1), invalidPassword)
	}
}

// setPassword changes the password of the user's room; an empty one removes it.
//
// W-09: the owner alone may.
func (c *call) setPassword() {
	u := c.u
	text, ok := textOf(c.arg(0))
	switch {
	case u.roomID == "":
		c.ack(nil, nil, noRoomJoined)
	case u.room == nil || u.room.owner != u:
		c.ack(false, u.roomID, permissionDenied)
	case !ok && string(c.arg(0)) != "null":
		c.ack(false, u.roomID, invalidPassword) // an object is no password
	default:
		u.room.password = password{}
		if text != "" {
			u.room.password = newPassword(text)
		}
		c.ack(true, u.roomID, nil)
	}
}
