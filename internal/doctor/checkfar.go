package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
)

// ExamineFar examines servers that run elsewhere, as far as a client can: every
// way to them, the addresses that they tell, and their certificates. The error is
// that of Probe.
func ExamineFar(ctx context.Context, o ProbeOptions) (Report, error) {
	// A certificate is a check of its own, and must not hide what is behind it.
	o.Insecure = true
	result, err := Probe(ctx, o)
	if err != nil {
		return Report{}, err
	}
	r := Report{Checks: []Check{}}
	for i := range result.Ways {
		r.Checks = append(r.Checks, result.Ways[i].check())
		if left := result.Ways[i].target.untried; left != "" {
			r.Checks = append(r.Checks, ok("addresses", left))
		}
	}
	r.Checks = append(r.Checks, farAddresses(result.Ways)...)
	r.Checks = append(r.Checks, farCertificates(result.Ways)...)
	return r, nil
}

// check is what came of one way.
func (w *Way) check() Check {
	name := strings.ToLower(w.Transport)
	if w.Server != "" {
		name += " " + w.Server
	} else {
		name += " " + w.URL
	}
	seen := w.figures()
	switch {
	// It answers, and nobody has told a name to log in with: that is no fault of it.
	case w.Code == 401 && w.Realm != "" && w.target.username == "":
		return warn(name, fmt.Sprintf("answers, and asks for a user of realm %q; whether it relays was not tried", w.Realm), "give --user and --password-file")
	// What nobody asked for by name need not be there.
	case w.Status == Warn && w.err != nil && noRoute(w.err):
		return ok(name, fmt.Sprintf("not tried: this machine has no way to %v", w.target.server.Addr()))
	case w.Status == Warn && w.err != nil:
		return ok(name, "not offered: "+w.Seen)
	// What the certificate is worth is said once, by the check of it.
	case w.Status == Warn && w.Certificate != nil && !w.Certificate.Trusted:
		return ok(name, strings.TrimSpace(strings.TrimPrefix(seen, w.Seen)))
	}
	return Check{Name: name, Status: w.Status, Seen: seen, Advice: w.Advice}
}

// farAddresses looks for a server in the world that tells clients a relayed
// address which only its own network can reach.
func farAddresses(ways []Way) []Check {
	for i := range ways {
		server, err1 := netip.ParseAddrPort(ways[i].Server)
		relayed, err2 := netip.ParseAddrPort(ways[i].Relayed)
		if err1 != nil || err2 != nil || !public(server.Addr()) {
			continue
		}
		if public(relayed.Addr()) {
			return []Check{ok("address", fmt.Sprintf("clients are told %v, which the world can reach", relayed.Addr()))}
		}
		return []Check{fail("address", fmt.Sprintf("wrong external-ip: the server is reached at %v and tells clients %v, which nobody outside of its network can reach", server.Addr(), relayed.Addr()),
			fmt.Sprintf("write external-ip=%v/%v to its configuration", server.Addr(), relayed.Addr()))}
	}
	return nil
}

// farCertificates judges each certificate once.
func farCertificates(ways []Way) []Check {
	judged := map[string]bool{}
	var out []Check
	for i := range ways {
		c := ways[i].Certificate
		if c == nil || judged[c.Subject+c.NotAfter.String()] {
			continue
		}
		judged[c.Subject+c.NotAfter.String()] = true
		t := &Target{farHost: ways[i].target.endpoint.name}
		out = append(out, t.judge(c, nil)...)
	}
	return out
}
