package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/turn"
)

// ProbeOptions say what to probe and as whom.
type ProbeOptions struct {
	// URLs are those of STUN and TURN servers, or hosts with or without a port. A
	// transport that is not named is tried in all ways that the scheme has.
	URLs []string
	// Username and Password are long-term credentials; with Secret a time-limited
	// one is made for Username, which may then be empty.
	Username, Password, Secret string
	Timeout                    time.Duration  // of the handshake and of each request; 5 s if zero
	Duration                   time.Duration  // of the relayed traffic; 1 s if zero
	IPv4, IPv6                 bool           // only that family; both set, or none, is both
	Insecure                   bool           // a certificate that is not trusted is reported and taken
	RelayOnly                  bool           // relay candidates alone
	Roots                      *x509.CertPool // authorities to trust; nil for the system's
	Resolver                   *net.Resolver  // nil for the system's
}

// ProbeResult is what was found out. Its JSON is for programs; durations are in
// milliseconds.
type ProbeResult struct {
	Status     Status      `json:"status"` // of the worst way
	Verdict    string      `json:"verdict"`
	Ways       []Way       `json:"ways"`
	Candidates []Candidate `json:"candidates"` // the best first
}

// waysAtOnce bounds how many ways are tried at the same time: each holds up to two
// allocations, and quotas of a dozen for a user are not rare.
const waysAtOnce = 4

// credentialTime is how long a credential made from a secret is good for.
const credentialTime = time.Hour

// ErrProbe says that the options of Probe make no sense.
var ErrProbe = errors.New("probe")

// prober is one run.
type prober struct {
	o        ProbeOptions
	families []turn.Family
}

// Probe tries every way to the servers as a browser would, relays traffic through
// each and measures it. What does not work is in the result. The error is about the
// options, and wraps ErrProbe then, or it is that of ctx.
func Probe(ctx context.Context, o ProbeOptions) (*ProbeResult, error) {
	p, wanted, err := newProber(o, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProbe, err)
	}
	r := p.probe(ctx, wanted)
	return r, ctx.Err()
}

// newProber checks the options and fills in what they leave open.
func newProber(o ProbeOptions, now time.Time) (*prober, []asked, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultPatience
	}
	if o.Duration <= 0 {
		o.Duration = time.Second
	}
	if len(o.URLs) == 0 {
		return nil, nil, errors.New("there is no URL to probe")
	}
	if o.Secret != "" && o.Password != "" {
		return nil, nil, errors.New("give either a password or a secret")
	}
	if o.Secret != "" {
		o.Username, o.Password = auth.REST{}.Mint(o.Secret, o.Username, now.Add(credentialTime))
	}
	p := &prober{o: o}
	if o.IPv4 || !o.IPv6 {
		p.families = append(p.families, turn.IPv4)
	}
	if o.IPv6 || !o.IPv4 {
		p.families = append(p.families, turn.IPv6)
	}
	var wanted []asked
	for _, url := range o.URLs {
		some, err := expand(url)
		if err != nil {
			return nil, nil, err
		}
		wanted = append(wanted, some...)
	}
	return p, wanted, nil
}

// probe tries all ways, a few at a time, and keeps them in the order asked for.
func (p *prober) probe(ctx context.Context, wanted []asked) *ProbeResult {
	var targets []target
	var ways []Way
	for _, a := range wanted {
		some, err := p.resolve(ctx, a)
		if err != nil {
			w := newWay(target{asked: a})
			w.Status, w.Seen, w.Advice = Fail, err.Error(), "Check the spelling of the host and its A and AAAA records."
			ways, targets = append(ways, w), append(targets, target{})
			continue
		}
		for _, t := range some {
			ways, targets = append(ways, newWay(t)), append(targets, t)
		}
	}
	slots := make(chan struct{}, waysAtOnce)
	var running sync.WaitGroup
	for i, t := range targets {
		if !t.server.IsValid() {
			continue
		}
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			p.try(ctx, t, &ways[i])
		})
	}
	running.Wait()
	p.again(ctx, targets, ways)
	return p.sumUp(ctx, ways)
}

// again tries what was refused for a quota, one after the other: it may be this
// probe itself that had used it up, by trying several ways at once.
func (p *prober) again(ctx context.Context, targets []target, ways []Way) {
	for i := range ways {
		if len(ways) > 1 && ways[i].crowded && ctx.Err() == nil {
			ways[i] = newWay(targets[i])
			p.try(ctx, targets[i], &ways[i])
		}
	}
}

// sumUp compares the ways with each other and gathers what belongs to none.
func (p *prober) sumUp(ctx context.Context, ways []Way) *ProbeResult {
	r := &ProbeResult{Ways: ways, Candidates: []Candidate{}}
	if !p.o.RelayOnly {
		r.Candidates = hosts(ctx, p.families)
	}
	compare(ways)
	for _, w := range ways {
		r.Status = max(r.Status, w.Status)
		for _, c := range w.candidates {
			if c.Type == relayCandidate || !p.o.RelayOnly {
				r.Candidates = append(r.Candidates, c)
			}
		}
	}
	r.Candidates = byPriority(r.Candidates)
	r.Verdict = verdictOf(ways)
	return r
}

// verdictOf is the whole in one sentence.
func verdictOf(ways []Way) string {
	count := map[Status]int{}
	relayed, answered := 0, 0
	var worst *Way // and of several the one that was asked for first
	for i := range ways {
		w := &ways[i]
		count[w.Status]++
		switch {
		case w.Quality != nil:
			relayed++
		case w.Mapped != "":
			answered++
		}
		if worst == nil || w.Status > worst.Status {
			worst = w
		}
	}
	did := times(relayed, "way") + " relayed"
	switch {
	case relayed == 0 && answered > 0:
		did = times(answered, "way") + " answered"
	case answered > 0:
		did += fmt.Sprintf(", %d more answered", answered)
	}
	switch {
	case count[Fail] > 0:
		return fmt.Sprintf("%d of %s failed; %s: %s", count[Fail], times(len(ways), "way"), worst.name(), worst.Seen)
	case count[Warn] > 0:
		return fmt.Sprintf("%s, with %s; %s: %s", did, times(count[Warn], "warning"), worst.name(), worst.Seen)
	}
	return did
}
