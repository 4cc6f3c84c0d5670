// Package socketio gives the messages of a session their meaning: namespaces,
// events, acknowledgements and attachments. It speaks version 5 of the protocol,
// and version 4 to old clients. It has no clock, no goroutine and no socket; a
// Link carries its frames.
package socketio

import (
	"encoding/json"
	"maps"
)

// Frame is what travels: the text of a packet, or one attachment.
type Frame struct {
	Data   []byte
	Binary bool
}

// Link carries frames to one client. Neither method may block.
type Link interface {
	// Send carries all frames with nothing between them.
	Send(all ...Frame)
	// Close ends the session once what was sent has gone out.
	Close()
}

// Event is what a client emits, or is sent.
type Event struct {
	Name string
	// Args are JSON. Bytes in them are placeholders that number Attachments.
	Args        []json.RawMessage
	Attachments [][]byte
	// Ack is the number under which the client waits for an answer, negative if
	// it does not wait.
	Ack int64
}

// Namespace is the layer above. All calls for one client come one after the
// other; those of different clients come at the same time.
type Namespace interface {
	// Connect decides about a client. It either calls Welcome and returns nil,
	// or returns an error, whose text the client is told. auth is nil or an object.
	Connect(s *Socket, auth json.RawMessage) error
	// Event takes one event of a client.
	Event(s *Socket, e Event)
	// Disconnect comes once after a Connect that returned nil; left says that
	// the client itself said good-bye.
	Disconnect(s *Socket, left bool)
}

// Server knows the namespaces. Any other than those is refused.
type Server struct {
	namespaces map[string]Namespace
}

// NewServer makes a server of the namespaces by their names; "/" is the one that
// clients use unless told otherwise.
func NewServer(namespaces map[string]Namespace) *Server {
	return &Server{namespaces: maps.Clone(namespaces)}
}

// Conn is one session of a client, with a socket in each namespace it joined.
// Its methods must not run at the same time.
type Conn struct {
	server  *Server
	link    Link
	old     bool // version 4 of the protocol
	sockets map[string]*Socket
	pending *packet // waits for its attachments
}

// Open begins a session. old is for clients of version 4, which are connected to
// the default namespace without asking.
func (s *Server) Open(link Link, old bool) *Conn {
	c := &Conn{server: s, link: link, old: old, sockets: map[string]*Socket{}}
	if old {
		c.connect("/", nil)
	}
	return c
}

// Receive takes a frame of the client. After an error the session must be closed.
func (c *Conn) Receive(f Frame) error {
	if f.Binary {
		return c.attach(f.Data)
	}
	if c.pending != nil {
		return errAttachment
	}
	p, err := decode(f.Data)
	if err != nil {
		return err
	}
	if p.announced > 0 {
		c.pending = &p
		return nil
	}
	return c.handle(p)
}

// attach adds an attachment to the packet that waits for it.
//
// W-S6: all attachments of a packet have one bound, as a message has.
func (c *Conn) attach(data []byte) error {
	p := c.pending
	if p == nil {
		return errAttachment
	}
	if p.attached += len(data); p.attached > longestAttachments {
		return errAttachment
	}
	p.attachments = append(p.attachments, data)
	if len(p.attachments) < p.announced {
		return nil
	}
	c.pending = nil
	return c.handle(*p)
}

func (c *Conn) handle(p packet) error {
	if p.kind == packetBinaryEvent || p.kind == packetBinaryAck {
		if err := p.checkPlaceholders(); err != nil {
			return err
		}
	}
	s := c.sockets[p.namespace]
	switch p.kind {
	case packetConnect:
		if s != nil {
			return errPacket
		}
		c.connect(p.namespace, p.data)
		return nil
	case packetDisconnect:
		if s != nil {
			delete(c.sockets, p.namespace)
			s.namespace.Disconnect(s, true)
		}
		return nil
	case packetEvent, packetBinaryEvent:
		if s == nil {
			return errPacket // nothing may come before the connect
		}
		name, args, err := p.event()
		if err != nil {
			return err
		}
		s.namespace.Event(s, Event{Name: name, Args: args, Attachments: p.attachments, Ack: p.id})
	}
	return nil // acknowledgements: we never ask for one
}

// connect asks the namespace whether the client may come in.
func (c *Conn) connect(name string, auth json.RawMessage) {
	n, ok := c.server.namespaces[name]
	if !ok {
		c.refuse(name, "Invalid namespace")
		return
	}
	s := &Socket{conn: c, namespace: n, name: name}
	if err := n.Connect(s, auth); err != nil {
		c.refuse(name, err.Error())
		return
	}
	c.sockets[name] = s
}

// refuse answers a connect with an error.
func (c *Conn) refuse(name, cause string) {
	var data any = map[string]string{"message": cause}
	if c.old {
		data = cause
	}
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // one string
	}
	c.link.Send(Frame{Data: packet{kind: packetConnectError, namespace: name, id: noID, data: text}.encode()})
}

// Joined says whether the client is in any namespace.
func (c *Conn) Joined() bool { return len(c.sockets) > 0 }

// Close ends the session. left says that the client went on purpose.
func (c *Conn) Close(left bool) {
	for name, s := range c.sockets {
		delete(c.sockets, name)
		s.namespace.Disconnect(s, left)
	}
}

// Socket is a client in one namespace. Its methods may be called from any
// goroutine.
type Socket struct {
	ID        uint64 // for the namespace to use
	conn      *Conn
	namespace Namespace
	name      string
}

// Welcome lets the client in. pid is a secret that the client presents when it
// comes again after a lost connection; clients of version 4 get none.
func (s *Socket) Welcome(sid, pid string) {
	p := packet{kind: packetConnect, namespace: s.name, id: noID}
	if !s.conn.old {
		data, err := json.Marshal(struct {
			SID string `json:"sid"`
			PID string `json:"pid,omitempty"`
		}{sid, pid})
		if err != nil {
			panic(err) // two strings
		}
		p.data = data
	}
	s.conn.link.Send(Frame{Data: p.encode()})
}

// markName is the event that carries a mark. Pages do not listen for it, and what
// they listen for has the arguments that it always had.
const markName = "iceserver-mark"

// Encode writes an event for any client of the namespace; Ack of e is ignored.
func (s *Socket) Encode(e Event) []Frame {
	args := append([]json.RawMessage{quote(e.Name)}, e.Args...)
	return s.frames(packet{kind: packetEvent, id: noID, data: array(args...), attachments: e.Attachments})
}

// Emit sends an event that Encode has written, and a mark right behind it if there
// is one. A client that was given a pid presents the last text that ended an event
// as its offset when it comes again.
func (s *Socket) Emit(event []Frame, mark string) {
	if mark != "" {
		data := array(quote(markName), quote(mark))
		event = append(event[:len(event):len(event)], s.frames(packet{kind: packetEvent, id: noID, data: data})...)
	}
	s.conn.link.Send(event...)
}

func quote(text string) json.RawMessage {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return b
}

// Ack answers the event that the client numbered so.
func (s *Socket) Ack(id int64, args ...json.RawMessage) {
	if id < 0 {
		return
	}
	s.conn.link.Send(s.frames(packet{kind: packetAck, id: id, data: array(args...)})...)
}

func (s *Socket) frames(p packet) []Frame {
	p.namespace = s.name
	if len(p.attachments) > 0 {
		p.kind += packetBinaryEvent - packetEvent
	}
	frames := []Frame{{Data: p.encode()}}
	for _, a := range p.attachments {
		frames = append(frames, Frame{Data: a, Binary: true})
	}
	return frames
}

// Disconnect puts the client out and ends its session.
func (s *Socket) Disconnect() {
	s.conn.link.Send(Frame{Data: packet{kind: packetDisconnect, namespace: s.name, id: noID}.encode()})
	s.conn.link.Close()
}

// Old says whether the client speaks version 4, and so has no pid.
func (s *Socket) Old() bool { return s.conn.old }

// Link is what carries the frames of this client.
func (s *Socket) Link() Link { return s.conn.link }
