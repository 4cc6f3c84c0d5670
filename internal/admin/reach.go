package admin

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// Probe is one question about an address: does a server answer at a port.
type Probe struct {
	Transport string // "udp", "tcp", "tls", "dtls"; "relay" gets datagrams and is asked nothing
	Port      uint16
}

// Probed is what became of a Probe. Of what was heard there is nothing in it: who
// asks learns no more of a port than whether STUN is spoken there.
type Probed struct {
	Transport string        `json:"transport"`
	Port      uint16        `json:"port"`
	Result    string        `json:"result"` // "answered", "refused", "silent", or "sent" for "relay"
	Took      time.Duration `json:"-"`
	Millis    int64         `json:"ms"`
}

// Reach looks at whoever asks from outside. Both functions may be called by
// several goroutines.
type Reach struct {
	// May says why an address is not looked at, in a sentence; empty: it is.
	May func(asker netip.Addr) string
	// From is where datagrams to an address come from, as the world sees them.
	From func(asker netip.Addr) []netip.Addr
	// Probe asks all questions at once, until ctx ends. What is sent for "relay"
	// holds the token.
	Probe func(ctx context.Context, asker netip.Addr, all []Probe, token []byte) []Probed
}

// What one call may ask for, and how often.
const (
	mostProbes  = 16
	tokenLength = 16              // bytes
	reachTime   = 6 * time.Second // of a call
	reachAtOnce = 4               // calls

	// Of one key, and of one address; and of all together.
	reachRate, reachBurst       = 10.0 / 60, 10
	reachAllRate, reachAllBurst = 1, 30
)

// probeCost is what a probe may send before it has heard anything, headers
// included, in bytes. A call has to be as long as all of that: nobody makes this
// server send more than he has sent himself.
func probeCost(transport string) int {
	switch transport {
	case "udp":
		return 4 * (48 + 48)
	case "relay":
		return 2 * (32 + 48)
	case "dtls":
		return 1600 // a hello, again after a second and after two more
	}
	return 256 // a connection that is not made, tried three times
}

// reachQuestion is the body of POST /api/v1/reach. Of the host nothing can be
// said: it is the asker's own.
type reachQuestion struct {
	UDP   []uint16 `json:"udp"`
	TCP   []uint16 `json:"tcp"`
	TLS   []uint16 `json:"tls"`
	DTLS  []uint16 `json:"dtls"`
	Relay []uint16 `json:"relay"`
	Token string   `json:"token"` // 32 hexadecimal digits, for Relay
}

// probes are the questions, in their order.
func (q *reachQuestion) probes() []Probe {
	var all []Probe
	for _, of := range []struct {
		transport string
		ports     []uint16
	}{{"udp", q.UDP}, {"tcp", q.TCP}, {"tls", q.TLS}, {"dtls", q.DTLS}, {"relay", q.Relay}} {
		for _, port := range of.ports {
			all = append(all, Probe{of.transport, port})
		}
	}
	return all
}

// problem says what cannot be asked, for people; empty: nothing.
//
// Below 1024 only the ports on which browsers speak TURN can be asked for: mail
// servers, name servers of neighbours behind the same address and the like are
// nobody's business.
func (q *reachQuestion) problem(length int64) string {
	all := q.probes()
	if len(all) > mostProbes {
		return fmt.Sprintf("One call asks about %d ports at most.", mostProbes)
	}
	var cost int64
	for i, p := range all {
		if p.Port < 1024 && !slices.Contains([]uint16{53, 80, 443}, p.Port) {
			return fmt.Sprintf("Port %d cannot be asked for: below 1024 only 53, 80 and 443.", p.Port)
		}
		if slices.Contains(all[:i], p) {
			return fmt.Sprintf("Port %d is there twice.", p.Port)
		}
		cost += int64(probeCost(p.Transport))
	}
	if token, err := hex.DecodeString(q.Token); len(q.Relay) > 0 && (err != nil || len(token) != tokenLength) {
		return fmt.Sprintf("relay needs a token of %d hexadecimal digits.", 2*tokenLength)
	}
	if length < cost {
		return fmt.Sprintf("What is asked for takes a request of %d bytes or more: fill it up with spaces.", cost)
	}
	return ""
}

// reach answers POST /api/v1/reach: how the one who asks looks from here.
//
// The only address that is ever looked at is the asker's own, as its
// connection shows it; the body has no place for another.
func (a *API) reach(c *call) {
	var q reachQuestion
	if !readJSON(c, &q) {
		return
	}
	if text := q.problem(c.r.ContentLength); text != "" {
		fail(c.w, http.StatusBadRequest, "reach", text)
		return
	}
	if a.o.Reach.Probe == nil || !c.client.IsValid() {
		fail(c.w, http.StatusForbidden, "reach-off", "This server looks at nobody from outside.")
		return
	}
	if text := a.o.Reach.May(c.client); text != "" {
		fail(c.w, http.StatusForbidden, "reach-address", text)
		return
	}
	end, ok := a.reachTurn(c)
	if !ok {
		tooMany(a.reaches).answer(c.w)
		return
	}
	defer end()
	ctx, cancel := context.WithTimeout(c.r.Context(), reachTime)
	defer cancel()
	token, _ := hex.DecodeString(q.Token) // checked above
	all := q.probes()
	a.o.Log.Info("looking at a client from outside", "client", c.client, "link", c.link.ID, "ports", len(all))
	results := a.o.Reach.Probe(ctx, c.client, all, token)
	for i := range results {
		results[i].Millis = results[i].Took.Milliseconds()
	}
	reply(c.w, http.StatusOK, struct {
		Address netip.Addr   `json:"address"` // the asker's
		From    []netip.Addr `json:"from"`    // this server's, of what it sends for relay
		Results []Probed     `json:"results"`
	}{c.client, a.o.Reach.From(c.client), results})
}

// reachTurn lets a call begin if its key, its address and all together have not
// asked too much; end says that it is over.
func (a *API) reachTurn(c *call) (end func(), ok bool) {
	if !a.reaches.take(c.now, "key "+c.link.ID, 1) || !a.reaches.take(c.now, "address "+sourceOf(c.client), 1) ||
		!a.allReaches.take(c.now, "", 1) {
		return nil, false
	}
	select {
	case a.reaching <- struct{}{}:
		return func() { <-a.reaching }, true
	default:
		return nil, false
	}
}
