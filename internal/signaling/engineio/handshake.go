package engineio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Names of the transports, as in the query and in the list of upgrades.
const (
	polling       = "polling"
	websocketName = "websocket"
)

// ServeHTTP answers one request of a client: a handshake, a poll, a POST or a
// WebSocket.
func (e *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// W-S2, H-08: a foreign page is refused on every transport before anything
	// is looked up.
	if !e.o.Load().Origin(r) {
		forbidden().write(w)
		return
	}
	e.allowOrigin(w, r)
	if r.Method == http.MethodOptions {
		answer(w, http.StatusNoContent, "text/plain", nil)
		return
	}
	if f := e.serve(w, r); f != nil {
		f.write(w)
	}
}

// allowOrigin lets the page of another host, which Origin has approved, read
// the answers.
func (e *Server) allowOrigin(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type")
	}
}

// serve returns a fault to answer with, or nil once it has answered.
//
// W-S3: whatever stands in the query is compared with what is known, never used
// as a name.
func (e *Server) serve(w http.ResponseWriter, r *http.Request) *fault {
	query := r.URL.Query()
	transport, sid := query.Get("transport"), query.Get("sid")
	if transport != polling && transport != websocketName || jsonp(query) {
		return unknownTransport()
	}
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if (transport == websocketName) != upgrade {
		return badRequest()
	}
	if sid == "" {
		return e.handshake(w, r, transport, query.Get("EIO"))
	}
	s := e.find(sid)
	if s == nil || s.o.PinAddress && s.address != s.o.Address(r) {
		return unknownSession()
	}
	switch {
	case upgrade:
		return s.upgrade(w, r)
	case s.onWebSocket():
		return badRequest()
	case r.Method == http.MethodGet:
		return s.answerPoll(w, r)
	case r.Method == http.MethodPost:
		return s.takePost(w, r)
	}
	return badRequest()
}

// jsonp says whether a version 3 client wants its answers as scripts. Those are for
// browsers without cross-site requests, which have no WebRTC either, and a script
// element says nothing of the page that it is in.
//
// H-08: so with JSONP every site could speak here, and there is none.
func jsonp(query url.Values) bool { return query.Has("j") && query.Get("EIO") == "3" }

// handshake opens a session.
func (e *Server) handshake(w http.ResponseWriter, r *http.Request, transport, version string) *fault {
	if r.Method != http.MethodGet {
		return badMethod()
	}
	revision := Revision4
	switch version {
	case "4":
	case "3":
		revision = Revision3
	default:
		return badRevision()
	}
	o := e.o.Load()
	s := &Session{server: e, o: o, id: newID(), revision: revision, address: o.Address(r), done: make(chan struct{})}
	if f := e.add(s); f != nil {
		return f
	}
	if transport == websocketName {
		return s.handshakeWebSocket(w, r)
	}
	s.open(r, nil)
	s.mu.Lock()
	all := s.drain()
	s.sent(all)
	s.mu.Unlock()
	writePayload(w, all, revision)
	return nil
}

// open queues the opening packet and hands the session to the layer above.
func (s *Session) open(r *http.Request, conn *socket) {
	upgrades := []string{} // never null: clients crash on it
	if conn == nil {
		upgrades = append(upgrades, websocketName)
	}
	hello, err := json.Marshal(struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int      `json:"maxPayload"`
	}{s.id, upgrades, s.o.PingInterval.Milliseconds(), s.o.PingTimeout.Milliseconds(), s.o.MaxPayload})
	if err != nil {
		panic(err) // plain fields
	}
	// Holding it keeps the end of the session from being told before its
	// beginning.
	s.receiving.Lock()
	defer s.receiving.Unlock()
	s.mu.Lock()
	s.conn = conn
	s.expect(time.Now())
	s.push(packet{kind: packetOpen, data: hello})
	s.mu.Unlock()
	s.receiver = s.o.Accept(s, r)
}

// add lists a session, if there is room for it.
func (e *Server) add(s *Session) *fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.open {
		return closing()
	}
	why, ok := ServerFull, len(e.sessions) < s.o.Sessions
	if ok {
		why, ok = e.addresses.take(time.Now(), s.address)
	}
	if !ok {
		s.o.Refused(why, s.address)
		return tooMany()
	}
	e.sessions[s.id] = s
	return nil
}

func (e *Server) remove(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sessions[s.id] == s {
		delete(e.sessions, s.id)
		e.addresses.release(s.address)
	}
}

func (e *Server) find(id string) *Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sessions[id]
}
