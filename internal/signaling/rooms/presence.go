package rooms

import "encoding/json"

// mostListed bounds the answer to get-public-rooms, which pages ask for every
// three seconds, in bytes.
const mostListed = 256 << 10

// listShares is the part of that list which the rooms opened from one address may
// fill: a half, since all may come by one proxy.
//
// H-18: one address cannot hide the rooms of all others.
const listShares = 2

// state is what a client learns of a room before it joins.
type state struct {
	IsFull              bool `json:"isFull"`
	IsPasswordProtected bool `json:"isPasswordProtected"`
}

// checkPresence says whether a room exists.
func (c *call) checkPresence() {
	id, _ := textOf(c.arg(0))
	m := c.r.rooms[id]
	if m == nil {
		c.ack(false, c.echo(0), object{{"_room", marshal(state{})}})
		return
	}
	extra, ok := parseObject(m.extra)
	if !ok {
		extra = object{{"value", m.extra}}
	}
	c.ack(true, c.echo(0), extra.with("_room", marshal(state{m.full(), m.password.shown()})))
}

// echo returns an argument for the answer, if it is a text.
func (c *call) echo(i int) json.RawMessage {
	if _, ok := textOf(c.arg(i)); ok {
		return c.arg(i)
	}
	return json.RawMessage("null")
}

// listed is a room as get-public-rooms shows it.
type listed struct {
	MaxParticipantsAllowed int             `json:"maxParticipantsAllowed"`
	Owner                  string          `json:"owner"`
	Participants           []string        `json:"participants"`
	Extra                  json.RawMessage `json:"extra"`
	Session                json.RawMessage `json:"session"`
	SessionID              string          `json:"sessionid"`
	IsRoomFull             bool            `json:"isRoomFull"`
	IsPasswordProtected    bool            `json:"isPasswordProtected"`
}

func (m *room) listed() listed {
	l := listed{
		MaxParticipantsAllowed: m.maxParticipants, Owner: m.owner.id, Extra: m.extra, Session: m.session,
		SessionID: m.id, IsRoomFull: m.full(), IsPasswordProtected: m.password.shown(),
	}
	for _, p := range m.participants {
		l.Participants = append(l.Participants, p.id)
	}
	return l
}

// publicRooms lists the rooms that were opened with an identifier, the oldest
// first. Those for which there is no place are left out one by one, and an address
// whose rooms have had their share of the list makes place for the others.
func (c *call) publicRooms() {
	identifier, _ := textOf(c.arg(0))
	if blank(identifier) {
		c.ack(nil, identifierMissing)
		return
	}
	all, size, shares := []json.RawMessage{}, 0, map[string]int{}
	for _, m := range c.r.public[identifier] {
		one := marshal(m.listed())
		if size+len(one) > mostListed || shares[m.from]+len(one) > mostListed/listShares {
			continue
		}
		size += len(one)
		shares[m.from] += len(one)
		all = append(all, one)
	}
	c.ack(all)
}
