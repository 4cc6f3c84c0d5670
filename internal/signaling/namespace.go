package signaling

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"iceserver/internal/signaling/rooms"
	"iceserver/internal/signaling/socketio"
)

// namespace is the server as socketio sees it.
type namespace Server

// errToken is what a client without a good token is told; which of its faults
// it has is nobody's business.
var errToken = errors.New("invalid token")

// Connect lets a client in, or refuses it.
func (n *namespace) Connect(k *socketio.Socket, auth json.RawMessage) error {
	s, c := (*Server)(n), k.Link().(*client)
	now := time.Now()
	// Parts of a query that cannot be read are as good as absent, as everywhere
	// in net/http.
	query, _ := url.ParseQuery(c.query)
	if socketio.CheckDepth([]byte(query.Get("extra"))) != nil {
		query.Del("extra") // it is given to others, who take it apart
	}
	h := rooms.Hello{Query: query, From: c.from, Fresh: secret()}
	var given struct{ PID, Offset, Token string }
	if len(auth) > 0 {
		// What does not fit is as good as absent.
		_ = json.Unmarshal(auth, &given)
	}
	if !k.Old() {
		h.NewPID, h.PID, h.Offset = secret(), given.PID, given.Offset
	}
	if tokens := s.rules.Load().Tokens; tokens != nil {
		grant, err := tokens.Grant(cmp.Or(given.Token, query.Get("token")), now)
		if err != nil {
			s.refused()
			// The fault in our words, never what the client has sent.
			s.notes.tell(now, badToken, slog.String("fault", err.Error()), slog.String("client", c.from))
			return errToken
		}
		h.Grant = &grant
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	h.Socket = s.last
	s.clients[h.Socket] = k
	k.ID = uint64(h.Socket)
	var out rooms.Outbox
	if err := s.rooms.Connect(now, h, &out); err != nil {
		s.stats.Refused++
		delete(s.clients, h.Socket)
		return err
	}
	delete(s.unjoined, c)
	s.carryOut(out)
	return nil
}

func (s *Server) refused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Refused++
}

// Event takes one event of a client.
func (n *namespace) Event(k *socketio.Socket, e socketio.Event) {
	s := (*Server)(n)
	prepared := rooms.Prepare(rooms.Event(e))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Messages++
	var out rooms.Outbox
	s.rooms.Event(time.Now(), rooms.SocketID(k.ID), prepared, &out)
	s.carryOut(out)
}

// Disconnect takes the end of a connection.
func (n *namespace) Disconnect(k *socketio.Socket, left bool) {
	s := (*Server)(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, rooms.SocketID(k.ID))
	// It may stay connected and join again; Closed takes it off the list if not.
	s.unjoined[k.Link().(*client)] = time.Now()
	var out rooms.Outbox
	s.rooms.Disconnect(time.Now(), rooms.SocketID(k.ID), left, &out)
	s.carryOut(out)
}

// carryOut does what the rooms decided. s.mu is held.
func (s *Server) carryOut(out rooms.Outbox) {
	var written []socketio.Frame // of the last event, for all who get the same
	for _, e := range out {
		if !e.Again {
			written = nil
		}
		switch e.Kind {
		case rooms.Joined:
			s.log.LogAttrs(context.Background(), slog.LevelDebug, "signaling: in a room", foreign("room", e.Room), foreign("user", e.User))
		case rooms.Limited:
			s.notes.tell(time.Now(), reason(e.Why), foreign("user", e.User))
		}
		k := s.clients[e.Socket]
		if k == nil {
			continue
		}
		switch e.Kind {
		case rooms.Welcome:
			k.Welcome(e.SID, e.PID)
		case rooms.Emit:
			if written == nil {
				written = k.Encode(socketio.Event(e.Event))
			}
			k.Emit(written, e.Mark)
		case rooms.Ack:
			k.Ack(e.Event.Ack, e.Event.Args...)
		case rooms.Disconnect:
			k.Disconnect()
		}
	}
}

// secret is a name that nobody can guess.
//
// W-05: 128 random bits.
func secret() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
