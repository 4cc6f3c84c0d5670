package signaling

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"iceserver/internal/signaling/engineio"
	"iceserver/internal/signaling/socketio"
)

// client joins one session of engineio to its connection in socketio.
type client struct {
	server  *Server
	session *engineio.Session
	conn    *socketio.Conn
	query   string // of the address; kept as text, which is small
	from    string

	// The allowance of messages; used by the one goroutine that receives.
	tokens float64
	at     time.Time // zero: all of it is there
}

// accept is called for each new session.
func (s *Server) accept(session *engineio.Session, r *http.Request) engineio.Receiver {
	c := &client{
		server: s, session: session, query: strings.Clone(r.URL.RawQuery), from: network(session.Address()),
	}
	s.mu.Lock()
	s.unjoined[c] = time.Now()
	s.mu.Unlock()
	c.conn = s.sockets.Open(c, session.Revision() == engineio.Revision3)
	return c
}

// Receive takes one message of the client.
func (c *client) Receive(m engineio.Message) error {
	if !c.wait(len(m.Data)) {
		return nil
	}
	return c.conn.Receive(socketio.Frame(m))
}

// Closed takes the end of the session. After a lost connection, a silence and
// our own shutdown the client may want to come back.
func (c *client) Closed(r engineio.Reason) {
	left := r != engineio.Lost && r != engineio.Silent && r != engineio.Shutdown
	c.conn.Close(left)
	c.server.mu.Lock()
	delete(c.server.unjoined, c)
	c.server.mu.Unlock()
	switch r {
	case engineio.Slow:
		c.note(tooSlow)
	case engineio.Violation:
		c.note(broken)
	}
}

func (c *client) note(why reason) {
	c.server.notes.tell(time.Now(), why, slog.String("client", c.from))
}

// Send carries frames to the client.
func (c *client) Send(all ...socketio.Frame) {
	messages := make([]engineio.Message, len(all))
	for i, f := range all {
		messages[i] = engineio.Message(f)
	}
	c.session.Send(messages...)
}

// Close ends the session.
func (c *client) Close() { c.session.Close() }

// burst is for how many seconds' worth of messages a client may be ahead.
const burst = 10

// perMessage is how many bytes are as good as one more message. So the whole
// burst of the usual rate is as long as what may wait for a receiver, and nobody
// can put others out by sending them more than they can take.
const perMessage = 4 << 10

// wait holds a client back that sends faster than the limit: nothing is lost, it
// only takes longer, and the client's own connection fills up. false: the
// session is over.
//
// H-18, W-08: messages of one socket have a rate, and long ones count for more.
func (c *client) wait(size int) bool {
	rate := c.server.rules.Load().Limits.MessageRate
	if rate < 0 {
		c.at = time.Time{}
		return true
	}
	now := time.Now()
	c.tokens = min(rate*burst, c.tokens+now.Sub(c.at).Seconds()*rate) - 1 - float64(size/perMessage)
	c.at = now
	if c.tokens >= 0 {
		return true
	}
	c.server.mu.Lock()
	c.server.stats.Delayed++
	c.server.mu.Unlock()
	c.note(heldBack)
	timer := time.NewTimer(time.Duration(-c.tokens / rate * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.session.Done():
		return false
	}
}
