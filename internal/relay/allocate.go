package relay

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"iceserver/internal/netio"
	"iceserver/internal/turn"
)

// bindTries is how many ports are tried for one relayed address when other
// processes hold ports of the range.
const bindTries = 32

// STUN error codes for an Allocate request that cannot be served (RFC 8656
// section 19).
const (
	codeFamily   = 440
	codeQuota    = 486
	codeCapacity = 508
)

// answerOpen is allocate with an answer even if that panics: the core holds the
// request until then.
func (w *worker) answerOpen(now turn.Now, o *turn.Open) (reply turn.PortReply) {
	reply = turn.PortReply{ID: o.ID, Code: codeCapacity, Cause: turn.CauseNoPort}
	defer w.guard()
	return w.allocate(now, o)
}

// allocate opens the relayed addresses of an allocation, if the quota has room
// for it.
func (w *worker) allocate(now turn.Now, o *turn.Open) turn.PortReply {
	p := w.relay.ports
	p.expire(now)
	if o.UseToken {
		return w.allocateReserved(o)
	}
	c, cause := w.relay.ledger.allocation(o.Realm, o.Username)
	if cause != turn.CauseNone {
		return turn.PortReply{ID: o.ID, Code: codeQuota, Cause: cause}
	}
	var reserved charge
	if o.Reserve {
		if reserved, cause = w.relay.ledger.reservation(o.Realm, o.Username); cause != turn.CauseNone {
			w.relay.ledger.release(c)
			return turn.PortReply{ID: o.ID, Code: codeQuota, Cause: cause}
		}
	}
	reply := turn.PortReply{ID: o.ID, MaxBPS: c.bps, Carried: w.carriedFor(o.Realm, c.user)}
	s := &seat{charge: c}
	for i, f := range o.Families {
		if f != turn.NoFamily {
			reply.Relayed[i] = w.openRelay(p.choose(f, o.From.Server.Addr()), o, s)
		}
	}
	if s.sockets == 0 {
		w.relay.ledger.release(c)
		if o.Reserve {
			w.relay.ledger.release(reserved)
		}
		return w.unserved(o, reply)
	}
	if o.Reserve {
		r := w.sockets[reply.Relayed[0].ID].from
		reply.Token = p.reserve(now, r, reply.Relayed[0].Local.Port()+1, reserved)
	}
	return reply
}

// unserved turns the reply of an allocation that got no address into a refusal.
//
// R-8656-7.2-i (RFC 8656, 7.2): 440 for a family that this server does not have.
// R-8656-7.2-l (RFC 8656, 7.2): 508 when two were asked for and neither came.
func (w *worker) unserved(o *turn.Open, reply turn.PortReply) turn.PortReply {
	refusal := turn.PortReply{ID: o.ID, Code: codeCapacity, Cause: turn.CauseNoPort}
	if o.Families[1] == turn.NoFamily && reply.Relayed[0].Code == codeFamily {
		refusal.Code, refusal.Cause = codeFamily, turn.CauseFamily
	}
	return refusal
}

// allocateReserved opens the port that a reservation has held back.
//
// R-8656-7.2-g (RFC 8656, 7.2): 508 for a token that is unknown, too old or
// used, and when the port cannot be had any more.
// R-8656-7.2-o (RFC 8656, 7.2): whoever brings the token, over whatever
// transport, gets the port.
func (w *worker) allocateReserved(o *turn.Open) turn.PortReply {
	r, port, c, cause := w.relay.ports.redeem(o.Token, o.Realm, o.Username)
	if cause != turn.CauseNone {
		code := codeQuota
		if cause == turn.CauseReservation {
			code = codeCapacity
		}
		return turn.PortReply{ID: o.ID, Code: code, Cause: cause}
	}
	s := &seat{charge: c}
	rel, err := w.bind(r, port, s)
	if err != nil {
		w.bindFailed(err)
		w.relay.ports.free(r, port)
		w.relay.ledger.release(c)
		return turn.PortReply{ID: o.ID, Code: codeCapacity, Cause: turn.CauseNoPort}
	}
	return turn.PortReply{ID: o.ID, Relayed: [2]turn.Relayed{rel}, MaxBPS: c.bps, Carried: w.carriedFor(o.Realm, c.user)}
}

// openRelay opens one relayed address of a pool; nil stands for a family that
// has none.
//
// R-8656-7.2-k (RFC 8656, 7.2): 508 where an even port or a pair cannot be had.
func (w *worker) openRelay(r *portRange, o *turn.Open, s *seat) turn.Relayed {
	if r == nil {
		return turn.Relayed{Code: codeFamily}
	}
	p := w.relay.ports
	// Ports that another process holds stay marked until the search is over, so
	// that they are not drawn again; then they are free for a later try.
	var busy []uint16
	defer func() {
		for _, port := range busy {
			p.free(r, port)
			if o.Reserve {
				p.free(r, port+1)
			}
		}
	}()
	for range bindTries {
		port, ok := p.take(r, o.EvenPort, o.Reserve)
		if !ok {
			break
		}
		rel, err := w.bind(r, port, s)
		if err == nil {
			return rel
		}
		w.bindFailed(err)
		busy = append(busy, port)
		// A-X08: no descriptors left, so no other port would fare better.
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			break
		}
	}
	return turn.Relayed{Code: codeCapacity}
}

// bind opens the socket of a port that has been taken.
func (w *worker) bind(r *portRange, port uint16, s *seat) (turn.Relayed, error) {
	size := w.relay.socketBuffer
	id, local, err := w.engine.Open(netip.AddrPortFrom(r.local, port), netio.Options{
		RecvBuf: size, SendBuf: size, ICMP: w.engine.Features().ICMP,
	})
	if err != nil {
		return turn.Relayed{}, err
	}
	w.setSocket(id, socket{from: r, port: port, seat: s})
	s.sockets++
	r.own(port, w.index, turn.RelayID(id))
	return turn.Relayed{ID: turn.RelayID(id), Local: local, Addr: netip.AddrPortFrom(*r.external.Load(), port)}, nil
}

// bindFailed tells the operator, once a minute at most, that ports of the range
// cannot be opened.
func (w *worker) bindFailed(err error) {
	if now := time.Now(); now.Sub(w.lastBindFail) >= time.Minute {
		w.lastBindFail = now
		w.relay.log.Warn("cannot open a relayed port", "worker", w.index, "error", err)
	}
}

func (w *worker) setSocket(id netio.SocketID, s socket) {
	for int(id) >= len(w.sockets) {
		w.sockets = append(w.sockets, socket{})
	}
	w.sockets[id] = s
}

// closeRelay closes a relayed address and gives its port back, and the charge
// with the last address of the allocation.
func (w *worker) closeRelay(id turn.RelayID) {
	s := w.sockets[id]
	w.sockets[id] = socket{}
	s.from.disown(s.port)
	if err := w.engine.CloseSocket(netio.SocketID(id)); err != nil {
		w.relay.log.Error("cannot close a relayed port", "worker", w.index, "port", s.port, "error", err)
	}
	w.relay.ports.free(s.from, s.port)
	if s.seat.sockets--; s.seat.sockets == 0 {
		w.relay.ledger.release(s.seat.charge)
	}
}
