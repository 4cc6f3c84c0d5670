package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"iceserver/internal/turn"
)

// answer is what came of asking one listener.
type answer struct {
	endpoint
	err error
}

// checkAnswers asks every listener of the server from this machine, as a client
// does. A check is about all that have the transport and the port in common.
func checkAnswers(ctx context.Context, t *Target) []Check {
	if !t.Running {
		return nil
	}
	return t.judgeAnswers(ask(ctx, t.endpoints()))
}

// judgeAnswers says what the answers of listeners mean.
func (t *Target) judgeAnswers(all []answer) []Check {
	var out []Check
	tcp := slices.ContainsFunc(all, func(a answer) bool { return a.proto == turn.TCP && a.err == nil })
	for _, same := range listeners(all) {
		c := t.answered(same)
		// The one word that tells a UDP port that is dropped from a server that is down.
		if tcp && c.Status == Fail && same[0].proto == turn.UDP && !refusedAll(same) {
			c.Seen += "; TCP answers, so that something drops UDP"
		}
		out = append(out, c)
	}
	return out
}

// refusedAll says whether all that did not answer refused: then nothing listens
// there, and no packet was dropped.
func refusedAll(all []answer) bool {
	return !slices.ContainsFunc(all, func(a answer) bool {
		var unreachable *unreachableError
		return a.err != nil && (!errors.As(a.err, &unreachable) || !unreachable.closed)
	})
}

// listeners puts together what has the transport and the port in common.
func listeners(all []answer) [][]answer {
	var out [][]answer
	for _, a := range all {
		i := slices.IndexFunc(out, func(g []answer) bool {
			return g[0].proto == a.proto && g[0].server.Port() == a.server.Port()
		})
		if i < 0 {
			out = append(out, []answer{a})
			continue
		}
		out[i] = append(out[i], a)
	}
	return out
}

// ask sends a Binding request to each, side by side.
func ask(ctx context.Context, all []endpoint) []answer {
	answers := make([]answer, len(all))
	var running sync.WaitGroup
	for i, e := range all {
		running.Go(func() {
			s, err := dial(ctx, e)
			if err == nil {
				_, err = s.binding(ctx)
				s.close(ctx)
			}
			// Who refuses has answered: secure-stun wants credentials here.
			if isRefusal(err) {
				err = nil
			}
			answers[i] = answer{e, err}
		})
	}
	running.Wait()
	return answers
}

// answered makes one check of what listeners with one transport and port said.
func (t *Target) answered(all []answer) Check {
	name := fmt.Sprintf("%s %d", strings.ToLower(all[0].proto.String()), all[0].server.Port())
	var well, silent []string
	for _, a := range all {
		if a.err == nil {
			well = append(well, a.server.Addr().String())
			continue
		}
		silent = append(silent, oneLine(a.err))
	}
	if len(silent) == 0 {
		return ok(name, "answers at "+strings.Join(well, ", "))
	}
	if refusedAll(all) {
		return fail(name, "nothing listens, seen from this very machine: "+strings.Join(silent, "; "),
			"see in the log why, and start it again: "+t.restartCommand()+"; a firewall of this machine that rejects looks the same")
	}
	p := portRange{"udp", all[0].server.Port(), all[0].server.Port()}
	if all[0].proto.Stream() {
		p.protocol = "tcp"
	}
	advice, remedies := t.open(p)
	return fail(name, "does not answer from this very machine: "+strings.Join(silent, "; "), advice).with(remedies...)
}

// relayPatience is how long a datagram may take through the relay and back. It is
// sent again as often as it fits.
const relayPatience = 4 * time.Second

// relayAgain is when a datagram counts as lost.
const relayAgain = 500 * time.Millisecond

// relayed sends a datagram to the relayed address of a session, by way of itself.
func (t *Target) relayed(ctx context.Context, s *session, at netip.AddrPort) Check {
	const name = "relay"
	if err := comesBack(ctx, s, at); err != nil {
		return fail(name, fmt.Sprintf("a datagram to the relayed address %v did not come back: %s", at, oneLine(err)),
			"see what the log says of it; a rule about peers (denied-peer-ip) may be about this server itself")
	}
	return ok(name, fmt.Sprintf("relays at %v, of the ports %d-%d", at, t.MinPort, t.MaxPort))
}

// comesBack sends a datagram to the own relayed address until it comes back.
func comesBack(ctx context.Context, s *session, relayed netip.AddrPort) error {
	if err := s.permit(ctx, relayed.Addr()); err != nil {
		return err
	}
	data := make([]byte, 16)
	rand.Read(data)
	for over := time.Now().Add(relayPatience); time.Now().Before(over); {
		if err := s.send(relayed, data); err != nil {
			return err
		}
		got, err := s.receive(ctx, time.Now().Add(relayAgain))
		if err != nil && !errors.Is(err, errQuiet) {
			return err
		}
		for _, d := range got {
			if d.From == relayed && bytes.Equal(d.Data, data) {
				return nil
			}
		}
	}
	return errQuiet
}
