package rooms

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// backlog is what a user was sent of late. A connection takes a while to be known
// as lost, and what was sent meanwhile went nowhere: the client says how far it has
// come, and gets the rest when it is back.
type backlog struct {
	sent []sent // in their order
	size int    // bytes in sent
	cut  uint64 // the number of the last event that is kept no more; 0: all are
}

// sent is one event that a user was sent.
type sent struct {
	number uint64
	at     time.Time
	event  Event
	size   int
}

// perEvent is added to the size of each event that is kept.
const perEvent = 128

// backlogShare is what is kept for each user even when too much is kept for all of
// them together, in bytes.
const backlogShare = 16 << 10

// markPrefix begins what a client presents to say how far it has come.
const markPrefix = "#"

// remember keeps an event for a user and returns the mark that goes with it. A user
// whose connection is lost and for whom too much is waiting counts as gone.
func (r *Rooms) remember(now time.Time, u *user, e Event) (mark string) {
	r.marks++
	s := sent{number: r.marks, at: now, event: e, size: perEvent + len(e.Name)}
	for _, a := range e.Args {
		s.size += len(a)
	}
	for _, a := range e.Attachments {
		s.size += len(a)
	}
	b := &u.backlog
	b.sent = append(b.sent, s)
	b.size += s.size
	r.stats.Kept += s.size
	for b.size > r.o.Backlog || r.stats.Kept > r.o.Kept && b.size > backlogShare {
		if u.socket == 0 {
			u.until, u.missed = now, true
			r.forget(u, len(b.sent))
			break
		}
		r.forget(u, 1)
	}
	return s.mark()
}

// mark is what a client presents that has got the event.
func (s *sent) mark() string { return markPrefix + strconv.FormatUint(s.number, 10) }

// forget drops the oldest events that are kept for a user.
func (r *Rooms) forget(u *user, n int) {
	if n == 0 {
		return
	}
	b := &u.backlog
	for _, s := range b.sent[:n] {
		b.size -= s.size
		r.stats.Kept -= s.size
	}
	b.cut = b.sent[n-1].number
	b.sent = slices.Delete(b.sent, 0, n)
	if len(b.sent) == 0 {
		b.sent = nil
	}
}

// forgetOld drops what connected users have got long ago: if the connection had
// been lost before, that would be known by now.
func (r *Rooms) forgetOld(now time.Time) {
	for _, u := range r.users {
		if u.socket == 0 {
			continue
		}
		n := 0
		for n < len(u.backlog.sent) && now.Sub(u.backlog.sent[n].at) > r.o.Remember {
			n++
		}
		r.forget(u, n)
	}
}

// after returns the part of b.sent that a client has not got yet, judged by the last
// text that ended an event of those that it got; false: some of that is kept no more.
func (b *backlog) after(offset string) ([]sent, bool) {
	number, ok := b.find(offset)
	if !ok || number < b.cut {
		return nil, false
	}
	i := slices.IndexFunc(b.sent, func(s sent) bool { return s.number > number })
	if i < 0 {
		return nil, true
	}
	return b.sent[i:], true
}

// find returns the number of the event that a client got last. Usually it presents
// the mark of it; a connection that broke between the two leaves it with the text
// in which the event itself ends.
func (b *backlog) find(offset string) (number uint64, ok bool) {
	if offset == "" {
		return 0, true // it has got nothing yet
	}
	if digits, marked := strings.CutPrefix(offset, markPrefix); marked {
		if number, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return number, true
		}
	}
	for _, s := range slices.Backward(b.sent) {
		var text string
		if args := s.event.Args; len(args) > 0 && json.Unmarshal(args[len(args)-1], &text) == nil && text == offset {
			return s.number, true
		}
	}
	return 0, false
}
