package engineio

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// bodyTime is how long the body of a POST may take.
const bodyTime = 15 * time.Second

// answerPoll answers a GET with what is queued, or waits until something is.
//
// W-S9: one poll at a time; a second one means that two clients use the session.
func (s *Session) answerPoll(w http.ResponseWriter, r *http.Request) *fault {
	s.mu.Lock()
	if s.poll != nil {
		s.endLocked(Violation)
		s.mu.Unlock()
		return badRequest()
	}
	if len(s.queue) == 0 && !s.probing && !s.ended {
		wake := make(chan struct{})
		s.poll = wake
		s.mu.Unlock()
		// A poll outlives the deadlines of ordinary requests; heartbeats end it.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Time{})
		_ = control.SetWriteDeadline(time.Time{})
		select {
		case <-wake:
		case <-r.Context().Done():
			s.abandon(wake)
			return nil
		}
		s.mu.Lock()
	}
	all, queued := s.takeForPoll()
	s.mu.Unlock()
	// Who polls and does not read holds nothing for longer than a heartbeat may
	// take; net/http forgets the deadline before the next request.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.o.PingTimeout))
	writePayload(w, all, s.revision)
	if queued {
		s.mu.Lock()
		s.sent(all)
		s.mu.Unlock()
	}
	if all[len(all)-1].kind == packetClose {
		s.end(Closed)
	}
	return nil
}

// abandon ends the session because its poll broke off, unless the poll had been
// answered at that moment.
func (s *Session) abandon(wake chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll == wake {
		s.poll = nil
		s.endLocked(Lost)
	}
}

// takeForPoll returns what a poll is answered with, at least one packet, and
// whether that was queued: then it counts as waiting until it is written. s.mu is
// held.
func (s *Session) takeForPoll() (all []packet, queued bool) {
	switch {
	case s.ended && s.reason != Lost && s.reason != Left:
		return []packet{{kind: packetClose}}, false
	case s.ended || s.conn != nil || len(s.queue) == 0:
		// What is queued now belongs to the WebSocket.
		return []packet{{kind: packetNoop}}, false
	}
	return s.drain(), true
}

func writePayload(w http.ResponseWriter, all []packet, r Revision) {
	answer(w, http.StatusOK, "text/plain; charset=UTF-8", encodePayload(all, r))
}

// takePost takes the packets of a POST. It always answers.
//
// W-S7: a body that cannot be right is answered like any other fault.
func (s *Session) takePost(w http.ResponseWriter, r *http.Request) *fault {
	s.mu.Lock()
	if s.posting || s.ended {
		s.endLocked(Violation)
		s.mu.Unlock()
		return badRequest()
	}
	s.posting = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.posting = false
		s.mu.Unlock()
	}()
	body, binary, f := s.readBody(w, r)
	if f != nil {
		return f
	}
	all, err := decodePayload(body, s.revision, binary, s.o.MaxPackets)
	if err != nil {
		s.end(Violation)
		return badRequest()
	}
	for _, p := range all {
		if !s.receive(p) && p.kind != packetClose {
			return badRequest()
		}
	}
	answer(w, http.StatusOK, "text/html", []byte("ok"))
	return nil
}

// readBody reads the body of a POST within the bounds of size and time.
//
// W-S1, H-13: what is too long is answered without being read.
func (s *Session) readBody(w http.ResponseWriter, r *http.Request) (body []byte, binary bool, f *fault) {
	binary = r.Header.Get("Content-Type") == "application/octet-stream"
	if binary && s.revision == Revision4 {
		s.end(Violation)
		return nil, false, badRequest()
	}
	limit := int64(s.o.MaxPayload)
	if r.ContentLength > limit {
		return nil, false, s.tooLong(w)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	var b bytes.Buffer
	_, err := io.Copy(&b, http.MaxBytesReader(w, r.Body, limit))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, false, s.tooLong(w)
	case err != nil:
		s.end(Lost)
		return nil, false, badRequest()
	}
	return b.Bytes(), binary, nil
}

// tooLong ends the session, since what the client wanted to say is lost.
func (s *Session) tooLong(w http.ResponseWriter) *fault {
	s.end(Violation)
	w.Header().Set("Connection", "close")
	return &fault{http.StatusRequestEntityTooLarge, 3, "Payload too large"}
}
