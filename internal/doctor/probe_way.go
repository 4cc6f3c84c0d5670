package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"iceserver/internal/turn"
)

// Way is one way to a server: a transport and an address.
type Way struct {
	URL       string `json:"url"`
	Transport string `json:"transport"` // UDP, TCP, TLS or DTLS
	Family    string `json:"family,omitempty"`
	Server    string `json:"server,omitempty"` // address and port
	Status    Status `json:"status"`
	Seen      string `json:"seen"`           // in one sentence
	Advice    string `json:"advice"`         // what it means and what to change; empty if nothing
	Code      int    `json:"code,omitempty"` // of the refusal

	Mapped   string   `json:"mapped,omitempty"`  // the own address as the server sees it
	Relayed  string   `json:"relayed,omitempty"` // the relayed address that it gave
	Gathered float64  `json:"gathered_ms"`       // from the first packet to the relayed address
	Path     string   `json:"path,omitempty"`    // that the measured traffic took
	Quality  *Quality `json:"quality,omitempty"`
	Software string   `json:"software,omitempty"` // as the server calls itself
	Realm    string   `json:"realm,omitempty"`
	// Notes are worth knowing and no fault.
	Notes       []string          `json:"notes,omitempty"`
	Certificate *ShownCertificate `json:"certificate,omitempty"`

	target     target
	candidates []Candidate
	err        error // why it does not work
	silent     bool  // the error is that nobody answers
	crowded    bool  // a quota kept it from relaying
}

func newWay(t target) Way {
	w := Way{URL: t.url(), Transport: t.asked.proto.String(), target: t}
	if t.server.IsValid() {
		w.Server, w.Family = t.server.String(), familyName(t.server.Addr())
	}
	if t.srv != "" {
		w.Notes = append(w.Notes, "A SRV record leads to "+t.srv+"; browsers do not look for it, so give them host and port.")
	}
	if t.untried != "" {
		w.Notes = append(w.Notes, t.untried)
	}
	return w
}

// mostHops is how many servers may send on to another one.
const mostHops = 3

// try finds out all about one way.
func (p *prober) try(ctx context.Context, t target, w *Way) {
	for hop := 0; ; hop++ {
		next, err := p.visit(ctx, t.endpoint, w)
		if err == nil {
			return
		}
		if !next.IsValid() || hop == mostHops {
			w.failed(err, t.optional)
			return
		}
		w.Notes = append(w.Notes, fmt.Sprintf("%v sends its clients on to %v (300).", t.server, next))
		t.server = next
	}
}

// visit talks to one server. With an error goes the address of another server that
// it names instead of itself, if it does.
func (p *prober) visit(ctx context.Context, e endpoint, w *Way) (next netip.AddrPort, err error) {
	s, err := dial(ctx, e)
	if err != nil {
		return next, err
	}
	defer s.close(ctx)
	w.Certificate = s.certificate
	if !w.target.uri.TURN {
		res, err := s.binding(ctx)
		w.learn(res)
		if err == nil {
			w.bound(s)
		}
		return next, err
	}
	res, err := s.allocate(ctx, turn.NoFamily)
	var refused *refusedError
	if errors.As(err, &refused) {
		w.learn(refused.Result)
		return refused.Alternate, err
	}
	var silence *silenceError
	if errors.As(err, &silence) && p.answersBinding(ctx, e) {
		err = &bindingOnlyError{*silence}
	}
	if err != nil {
		return next, err
	}
	w.learn(res)
	w.allocated(s)
	w.relayed(ctx, relay(ctx, s, p.o.Duration))
	p.otherFamily(ctx, e, s.relayed, w)
	return next, nil
}

// answersBinding says whether a server that is silent to Allocate is so to all.
func (p *prober) answersBinding(ctx context.Context, e endpoint) bool {
	s, err := dial(ctx, e)
	if err != nil {
		return false
	}
	defer s.close(ctx)
	_, err = s.binding(ctx)
	return err == nil || isRefusal(err)
}

// learn keeps what a server says of itself.
func (w *Way) learn(r turn.Result) {
	if r.Software != "" {
		w.Software = printable(r.Software)
	}
	if r.Realm != "" {
		w.Realm = printable(r.Realm)
	}
}

// bound notes the own address that a STUN server told.
func (w *Way) bound(s *session) {
	took := time.Since(s.start)
	w.Mapped, w.Gathered = s.mapped.String(), milliseconds(took)
	w.Seen = "answers Binding"
	w.reflexive(s, took)
	w.judgeCertificate()
}

// reflexive adds what a browser learns over UDP besides a relayed address. Over a
// connection it learns nothing that its peer could use.
func (w *Way) reflexive(s *session, took time.Duration) {
	if w.target.asked.proto.Stream() {
		return
	}
	own := s.local()
	w.candidates = append(w.candidates,
		newCandidate(hostCandidate, turn.UDP, own, own, own.Addr(), "", 0))
	if s.mapped.IsValid() {
		w.candidates = append(w.candidates, newCandidate(srflxCandidate, turn.UDP, s.mapped, own, own.Addr(), w.URL, took))
	}
}

// allocated notes the relayed address.
func (w *Way) allocated(s *session) {
	took := time.Since(s.start)
	w.Relayed, w.Gathered = s.relayed.String(), milliseconds(took)
	if s.mapped.IsValid() {
		w.Mapped = s.mapped.String()
	}
	w.reflexive(s, took)
	w.candidates = append(w.candidates,
		newCandidate(relayCandidate, w.target.asked.proto, s.relayed, s.relayed, s.local().Addr(), w.URL, took))
}

// tolerableLoss is how many percent of the packets may be lost before a way is
// called bad: more, and speech suffers.
const tolerableLoss = 5

// relayed judges what came of the traffic.
func (w *Way) relayed(ctx context.Context, r relaying) {
	w.Path = r.path
	if r.quality.Sent > 0 && len(r.failed) == 0 {
		w.Quality = &r.quality
	}
	reason := r.refusal()
	w.crowded = isRefused(reason, 486)
	switch {
	case ctx.Err() != nil:
		w.Status, w.Seen = Fail, "interrupted"
	case len(r.failed) == 0 && r.quality.LossPercent > tolerableLoss:
		w.Status, w.Seen = Warn, fmt.Sprintf("relays, but %.0f %% of the packets were lost", r.quality.LossPercent)
		w.Advice = "The network or the server is overloaded, or a limit of bandwidth (max-bps) holds packets back."
	case len(r.failed) == 0:
		w.Seen = "relays"
	case r.lost():
		w.Status, w.Seen = Fail, fmt.Sprintf("the allocation %s was made, but no packet came through it", w.Relayed)
		w.Advice = "Open the server's relay ports (UDP 49152-65535, or min-port to max-port) in its firewall and in the cloud's, and check that external-ip is the address that the world sees."
	case reason != nil:
		w.Status, w.Seen = Warn, fmt.Sprintf("the allocation %s was made, but relaying could not be tested: %v", w.Relayed, reason)
		w.Advice = explain(reason, time.Now())
	default:
		w.Status, w.Code = Warn, 403
		w.Seen = fmt.Sprintf("the allocation %s was made, but the server forbids its own relayed address and yours as peers (403), so relaying could not be tested", w.Relayed)
		w.Advice = explain(r.failed[len(r.failed)-1], time.Now())
	}
	w.judgeCertificate()
}

// judgeCertificate adds what a working way has to be warned of.
func (w *Way) judgeCertificate() {
	c := w.Certificate
	switch {
	case c == nil || w.Status != OK:
	case !c.Trusted:
		w.Status, w.Seen, w.Advice = Warn, fmt.Sprintf("works, but the certificate is not trusted: %s", c.Problem), c.advice()
	case !c.Complete:
		w.Status, w.Seen, w.Advice = Warn, "works, but the chain of certificates is incomplete", c.advice()
	case c.soon:
		w.Status, w.Seen = Warn, fmt.Sprintf("works, but the certificate ends in %s", times(c.DaysLeft, "day"))
		w.Advice = "Renew the certificate, and see that the server reads the new file."
	}
}

// failed notes why a way does not work.
func (w *Way) failed(err error, optional bool) {
	var refused *refusedError
	var certificate *certificateError
	var silence *silenceError
	var unreachable *unreachableError
	how := "" // to go on all the same
	switch {
	case errors.As(err, &refused):
		w.Code, w.crowded = refused.Code, refused.Code == 486
	case errors.As(err, &certificate):
		w.Certificate, how = certificate.shown, " --insecure tests the relay all the same."
	case errors.As(err, &silence), errors.As(err, &unreachable):
		w.silent = true
	}
	w.err, w.Status, w.Seen, w.Advice = err, Fail, err.Error(), explain(err, time.Now())+how
	switch {
	case errors.Is(err, context.Canceled):
		w.Seen, w.Advice = "interrupted", ""
	case !optional:
	case w.silent:
		w.Status, w.Advice = Warn, "Nobody asked for this transport by name, and many servers do without it: fine unless clients are given it."
	case certificate != nil:
		// A server that was never given a certificate makes its own; who does not
		// hand out turns: URLs has lost nothing.
		w.Status = Warn
	}
}

// otherFamily asks whether the server relays in the family too that the client was
// not given an address of, and adds the candidate. That it does not is no fault.
func (p *prober) otherFamily(ctx context.Context, e endpoint, got netip.AddrPort, w *Way) {
	if len(p.families) < 2 {
		return
	}
	other, name := turn.IPv6, "IPv6"
	if turn.FamilyOf(got.Addr()) == turn.IPv6 {
		other, name = turn.IPv4, "IPv4"
	}
	at, took, err := offersFamily(ctx, e, other)
	switch {
	case err == nil:
		// Of the own address only the family counts here, which is the server's.
		w.candidates = append(w.candidates, newCandidate(relayCandidate, e.proto, at, at, e.server.Addr(), w.URL, took))
	case isRefused(err, 440):
		w.Notes = append(w.Notes, fmt.Sprintf("The server has no relay address of %s (440).", name))
	}
}

// compare looks at ways to the same server side by side: what one of them shows
// tells where the fault of another lies.
func compare(ways []Way) {
	for i := range ways {
		w := &ways[i]
		if !w.silent || w.Status != Fail {
			continue
		}
		for _, other := range ways {
			if other.Status != Fail && !other.silent {
				w.against(other)
			}
		}
	}
}

// against explains why a way fails that works in another manner.
func (w *Way) against(works Way) {
	mine, its := w.target, works.target
	switch {
	case mine.server.Addr() == its.server.Addr() && !mine.asked.proto.Stream() && its.asked.proto.Stream():
		w.Advice = fmt.Sprintf("The server answers over %s but not over UDP: open %s in its firewall and in the cloud's (security group, VPC firewall rule, NSG). Most calls need UDP.", works.Transport, mine.port())
	case w.URL == works.URL && w.Family == "IPv6" && works.Family == "IPv4" && noRoute(w.err):
		w.Status, w.Advice = Warn, "This machine has no IPv6, so that the server's could not be tried."
	}
}
