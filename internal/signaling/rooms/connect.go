package rooms

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Names that the client library has when a page sets none.
const (
	defaultMsgEvent    = "RTCMultiConnection-Message"
	defaultCustomEvent = "custom-message"
)

// Connect lets a client in, takes up a lost connection, or refuses with an error
// that the client is told.
func (r *Rooms) Connect(now time.Time, h Hello, out *Outbox) error {
	if u := r.pids[h.PID]; h.PID != "" && u != nil {
		if missed, ok := u.backlog.after(h.Offset); ok && !u.missed {
			return r.resume(now, u, h, missed, out)
		}
		// What it has missed is gone: it comes in anew, and its client knows by the
		// new pid that it has not been brought up to date.
		r.remove(now, u, out)
	}
	q := h.Query
	id := cmp.Or(q.Get("userid"), h.Fresh)
	if id == "admin" {
		// W-01, W-12: administrators do not come in by this door. The answer is
		// that of a server whose admin page is off.
		*out = append(*out, Effect{Kind: Welcome, Socket: h.Socket, SID: h.Fresh})
		r.tell(h.Socket, out, "admin", map[string]string{"error": adminNotServedHere})
		*out = append(*out, Effect{Kind: Disconnect, Socket: h.Socket})
		return nil
	}
	u := &user{
		id: id, socket: h.Socket, sid: h.Fresh, pid: h.NewPID, from: h.From, grant: h.Grant,
		extra:           stored(json.RawMessage(q.Get("extra")), r.o.Extra),
		msgEvent:        cmp.Or(q.Get("msgEvent"), defaultMsgEvent),
		customEvent:     cmp.Or(q.Get("socketCustomEvent"), defaultCustomEvent),
		autoClose:       q.Get("autoCloseEntireSession") == "true",
		scalable:        q.Get("enableScalableBroadcast") == "true",
		maxParticipants: atMost(q.Get("maxParticipantsAllowed"), 1000, r.o.Participants),
		relayLimit:      atMost(q.Get("maxRelayLimitPerUser"), 2, mostRelays),
	}
	switch {
	case !validID(id):
		return ErrUserID
	case !r.validEvent(u.msgEvent) || !r.validEvent(u.customEvent):
		return ErrEvent
	case u.grant != nil && u.grant.User != "" && u.grant.User != id:
		return ErrGrant
	}
	if !json.Valid(u.extra) {
		u.extra = json.RawMessage("{}") // a "&" in it cuts it off in the address
	}
	r.admit(u, out)
	return nil
}

// admit lists a new user. One whose id is taken stays connected and unheard, as
// its client expects: it picks another id and comes again.
func (r *Rooms) admit(u *user, out *Outbox) {
	if r.users[u.id] != nil {
		*out = append(*out, Effect{Kind: Welcome, Socket: u.socket, SID: u.sid})
		r.tell(u.socket, out, "userid-already-taken", u.id, u.sid)
		return
	}
	*out = append(*out, Effect{Kind: Welcome, Socket: u.socket, SID: u.sid, PID: u.pid})
	r.users[u.id] = u
	r.sockets[u.socket] = u
	if u.pid != "" {
		r.pids[u.pid] = u
	}
}

// tell emits to a socket that is no user's.
func (r *Rooms) tell(socket SocketID, out *Outbox, name string, values ...any) {
	r.emit(time.Time{}, &user{socket: socket}, name, out, values...)
}

// resume gives a user another connection, and what it missed without one. Whoever
// knows the pid is the client: the server told it to nobody else. Nobody in the
// room notices anything. What its token allows from now on is what the new one says.
func (r *Rooms) resume(now time.Time, u *user, h Hello, missed []sent, out *Outbox) error {
	if h.Grant != nil && h.Grant.User != "" && h.Grant.User != u.id {
		return ErrGrant
	}
	if u.socket != 0 {
		// The client has noticed the loss of the old connection before us.
		delete(r.sockets, u.socket)
		*out = append(*out, Effect{Kind: Disconnect, Socket: u.socket})
	}
	delete(r.away, u)
	u.socket, u.until = h.Socket, time.Time{}
	u.grant, u.from = h.Grant, h.From
	r.sockets[h.Socket] = u
	*out = append(*out, Effect{Kind: Welcome, Socket: h.Socket, SID: u.sid, PID: u.pid})
	for i := range missed {
		missed[i].at = now // this connection may be lost too
		*out = append(*out, Effect{Kind: Emit, Socket: h.Socket, Event: missed[i].event, Mark: missed[i].mark()})
	}
	r.stats.Resumed++
	return nil
}

// Disconnect takes the end of a connection. left says that the client wanted it;
// otherwise its user stays for the grace period, so that a moment without network
// does not end calls that are well.
func (r *Rooms) Disconnect(now time.Time, socket SocketID, left bool, out *Outbox) {
	u := r.sockets[socket]
	if u == nil {
		return
	}
	delete(r.sockets, socket)
	u.socket = 0
	if left || u.pid == "" || r.o.Grace < 0 {
		r.remove(now, u, out)
		return
	}
	u.until = now.Add(r.o.Grace)
	r.away[u] = struct{}{}
}

// Expire removes the users whose grace period is over. Call it about once a
// second.
func (r *Rooms) Expire(now time.Time, out *Outbox) {
	r.opened.forget(now)
	r.tries.forget(now)
	r.forgetOld(now)
	if len(r.away) == 0 {
		return
	}
	all := slices.SortedFunc(maps.Keys(r.away), func(a, b *user) int {
		return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.id, b.id))
	})
	for _, u := range all {
		if !now.Before(u.until) {
			r.stats.Expired++
			r.remove(now, u, out)
		}
	}
}

// remove ends a user: those linked to it are told once, its room goes on or ends.
func (r *Rooms) remove(now time.Time, u *user, out *Outbox) {
	delete(r.away, u)
	delete(r.users, u.id)
	if u.pid != "" {
		delete(r.pids, u.pid)
	}
	for _, other := range u.links {
		other.unlink(u)
		r.emit(now, other, "user-disconnected", out, u.id)
	}
	u.links = nil
	r.leaveRoom(now, u, out)
	r.leaveBroadcast(now, u, out)
	r.forget(u, len(u.backlog.sent))
}

// atMost reads a number that a client asks for. What is no number, or none above
// zero, counts as the usual one.
func atMost(text string, usual, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		n = usual
	}
	return min(n, most)
}
