package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"iceserver/internal/turn"
)

// relaySamples is how many relayed ports are tried: the server hands them out by
// chance, and a firewall that opens half of a range shows.
const relaySamples = 3

// relayWait is how long what was sent may be under way.
const relayWait = 2 * time.Second

// relayView allocates on the own server and lets the second one send datagrams to
// the relayed ports. It is nothing for a server that does not relay.
func relayView(ctx context.Context, t *Target, far *farServer, v *view) (Check, bool) {
	const name = outside + "relay range"
	if t.STUNOnly || len(t.Relays) == 0 {
		return Check{}, false
	}
	if t.Account.Password == "" && !t.NoAuth {
		return warn(name, "not tried, since no account is known to log in with", "give --user and --password of one"), true
	}
	open, err := t.openSamples(ctx, v.seen.Address.Is4())
	defer func() {
		for _, s := range open {
			s.close(ctx)
		}
	}()
	if err != nil {
		// What is wrong with the login or the ports is told by the checks of those.
		return warn(name, "not tried, since no relayed port could be had: "+err.Error(), "mend that first, then ask again"), true
	}
	// The second server sends to the address that it was asked from. What is relayed
	// at another one of several gets nothing, and need not.
	at := slices.DeleteFunc(slices.Clone(open), func(s *session) bool { return s.relayed.Addr() != v.told() })
	if len(at) == 0 {
		return warn(name, fmt.Sprintf("not tried: what is relayed here is at %v, and the second server was asked from %v", open[0].relayed.Addr(), v.told()),
			"write a relay-ip that is seen from there, or mend external-ip, then ask again"), true
	}
	from := v.seen.by()
	for _, s := range at {
		if err := s.permit(ctx, from); err != nil {
			return warn(name, fmt.Sprintf("not tried: %v", err),
				fmt.Sprintf("this server's rules do not allow the second one, %v, as a peer: take one with a public address, or allow it by allowed-peer-ip", from)), true
		}
	}
	arrived, err := t.throwAt(ctx, far, at, from)
	if err != nil {
		return warn(name, "not tried: "+printable(err.Error()), far.advice(err)), true
	}
	return t.relayCheck(name, at, arrived, from), true
}

// openSamples allocates several relayed ports. It is content with fewer, if there
// is one at all.
func (t *Target) openSamples(ctx context.Context, v4 bool) (open []*session, err error) {
	family := turn.IPv6
	if v4 {
		family = turn.IPv4
	}
	for range relaySamples {
		var s *session
		if s, err = t.dialIn(ctx); err != nil {
			break
		}
		if _, err = s.allocate(ctx, family); err != nil {
			s.close(ctx)
			break
		}
		open = append(open, s)
	}
	if len(open) > 0 {
		err = nil
	}
	return open, err
}

// throwAt makes the second server send to the relayed ports, and returns which of
// the sessions have got it.
func (t *Target) throwAt(ctx context.Context, far *farServer, open []*session, from netip.Addr) ([]bool, error) {
	var token [16]byte
	rand.Read(token[:])
	q := reachQuestion{Token: hex.EncodeToString(token[:])}
	for _, s := range open {
		q.Relay = append(q.Relay, s.relayed.Port())
	}
	ctx, cancel := context.WithTimeout(ctx, farTime+relayWait)
	defer cancel()
	arrived := make([]bool, len(open))
	var waiting sync.WaitGroup
	for i, s := range open {
		waiting.Go(func() { arrived[i] = s.awaits(ctx, from, token[:]) })
	}
	_, err := far.ask(ctx, q)
	if err != nil {
		cancel()
	}
	late := time.AfterFunc(relayWait, cancel)
	waiting.Wait()
	late.Stop()
	return arrived, err
}

// awaits says whether a datagram with a token comes from an address before ctx
// ends.
func (s *session) awaits(ctx context.Context, from netip.Addr, token []byte) bool {
	for {
		got, err := s.receive(ctx, time.Now().Add(farTime+relayWait))
		if err != nil {
			return false
		}
		for _, d := range got {
			if d.From.Addr() == from && bytes.Equal(d.Data, append([]byte(reachMark), token...)) {
				return true
			}
		}
	}
}

// relayCheck is what came of it.
func (t *Target) relayCheck(name string, open []*session, arrived []bool, from netip.Addr) Check {
	var reached, missed []string
	for i, s := range open {
		list := &missed
		if arrived[i] {
			list = &reached
		}
		*list = append(*list, fmt.Sprint(s.relayed.Port()))
	}
	span := fmt.Sprintf("%d-%d", t.MinPort, t.MaxPort)
	switch {
	case len(missed) == 0:
		return ok(name, fmt.Sprintf("what %v sent to the relayed ports %s arrived", from, strings.Join(reached, ", ")))
	case len(reached) == 0:
		return t.closed(name, portRange{"udp", t.MinPort, t.MaxPort}, fmt.Sprintf("nothing that %v sent to the relayed ports %s arrived: the range %s is closed from outside", from, strings.Join(missed, ", "), span))
	}
	return t.closed(name, portRange{"udp", t.MinPort, t.MaxPort}, fmt.Sprintf("what %v sent arrived at the relayed ports %s but not at %s: a part of the range %s is closed from outside",
		from, strings.Join(reached, ", "), strings.Join(missed, ", "), span))
}
