package admin

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Attempt is one request that the relay answered, as the one who sent it may
// see it.
type Attempt struct {
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Code      int       `json:"code"`  // STUN error code; 0: accepted
	Cause     string    `json:"cause"` // why, in a word
	Rule      string    `json:"rule"`  // of the policy about peers, for 403
	Peer      string    `json:"peer"`
	Username  string    `json:"username"`
	Transport string    `json:"transport"`
	// Client is told to who asks from the server's own machine alone: a link may
	// have many holders.
	Client string `json:"client,omitempty"`

	order uint64 // in which it was added
}

const (
	// attemptsKept is how many are remembered of one link, and wrongKept how many
	// more that did not show the password.
	attemptsKept, wrongKept = 150, 50
	// holdersKept is of how many links; the one that was quiet longest goes.
	holdersKept = 256
)

// Attempts remembers the latest requests made with each link's credentials. It
// may be used from several goroutines.
type Attempts struct {
	mu      sync.Mutex // guards the following
	holders map[string]*history
	clock   uint64 // counts additions
}

// history is what is remembered of a link. A link's id stands in names that go over
// the network: who has read one can make attempts in its name, which must not push
// out the holder's.
type history struct {
	shown, wrong ring
	last         uint64
}

// ring is the latest of many attempts.
type ring struct {
	list []Attempt
	next int // the oldest, once the ring is full
}

func (r *ring) add(t Attempt, most int) {
	if len(r.list) < most {
		r.list = append(r.list, t)
		return
	}
	r.list[r.next] = t
	r.next = (r.next + 1) % most
}

// inOrder is the attempts, the oldest first.
func (r *ring) inOrder() []Attempt { return slices.Concat(r.list[r.next:], r.list[:r.next]) }

// NewAttempts returns an empty memory.
func NewAttempts() *Attempts { return &Attempts{holders: map[string]*history{}} }

// Add notes an attempt of the holder of a link. Whose it is the caller has made
// sure of: names are text that anybody can send.
func (a *Attempts) Add(holder string, t Attempt) {
	t.Username = clip(t.Username)
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.holders[holder]
	if h == nil {
		a.makeRoom()
		h = &history{}
		a.holders[holder] = h
	}
	a.clock++
	h.last, t.order = a.clock, a.clock
	if t.Code == unauthorized {
		h.wrong.add(t, wrongKept)
		return
	}
	h.shown.add(t, attemptsKept)
}

// unauthorized is the code of STUN for requests whose sender has not shown the
// password.
const unauthorized = 401

// makeRoom forgets the holder who was quiet longest. The caller holds mu.
func (a *Attempts) makeRoom() {
	if len(a.holders) < holdersKept {
		return
	}
	var oldest string
	for id, h := range a.holders {
		if oldest == "" || h.last < a.holders[oldest].last {
			oldest = id
		}
	}
	delete(a.holders, oldest)
}

// of returns what was noted of a holder, the oldest first; never nil.
func (a *Attempts) of(holder string) []Attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.holders[holder]
	if h == nil {
		return []Attempt{}
	}
	all := append(h.shown.inOrder(), h.wrong.inOrder()...)
	slices.SortFunc(all, func(a, b Attempt) int { return cmp.Compare(a.order, b.order) })
	return all
}

// attempts answers GET /api/v1/attempts: with what was done with the credentials
// of this very link.
//
// H-05: another one's are not to be had, whatever is asked for: the key says
// whose they are.
func (a *API) attempts(c *call) {
	all := a.o.Attempts.of(c.link.ID)
	if !c.here() {
		for i := range all {
			all[i].Client = ""
		}
	}
	reply(c.w, http.StatusOK, struct {
		Attempts []Attempt `json:"attempts"`
	}{all})
}

// here says whether somebody asks from this very machine: from loopback, or from
// the address that is asked.
func (c *call) here() bool {
	at, _ := c.r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return !c.way.proxied && (c.client.IsLoopback() || at != nil && c.client.IsValid() && hop(at.String()) == c.client)
}

// status answers GET /api/v1/status.
func (a *API) status(c *call) {
	s := a.o.Status()
	s.Anonymous = a.o.Anonymous
	reply(c.w, http.StatusOK, s)
}
