package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
)

// portsScarce is how many of a hundred relayed ports are in use when it is time to
// do something about it.
const portsScarce = 90

// hints are what the operator ought to do about a status, the worst first. What a
// doctor finds as well it says in the same words; what takes more than a look at
// this process is the doctor's alone.
func (s *Server) hints(st *Status, panics uint64, now time.Time) []doctor.Check {
	found := []doctor.Check{}
	add := func(is bool, name string, status doctor.Status, seen, advice string) {
		if is {
			found = append(found, doctor.Check{Name: name, Status: status, Seen: seen, Advice: advice})
		}
	}
	add(st.SelfTest.Result == partFailed, "self-test", doctor.Fail, "the test of the own relay failed, so clients will probably fail too: "+st.SelfTest.Reason, s.command("doctor"))
	if d := st.Database; d != nil && !d.Answers {
		found = append(found, doctor.DatabaseDown(fmt.Sprintf("%s does not answer since %s: %s", d.Name, d.Since.Format(time.RFC3339), d.Reason)))
	}
	found = append(found, s.certificateHints(now)...)
	found = append(found, s.configurationHints(&st.Configuration)...)
	x := s.setup.Load()
	unfound := x.unfound()
	add(len(unfound) > 0, "address", doctor.Warn, fmt.Sprintf("the external address cannot be found out: clients are told %v, which the world does not reach", unfound), "name it in external-ip")
	p := st.RelayPorts
	add(p.Total > 0 && 100*p.Used >= portsScarce*p.Total, "ports", doctor.Warn,
		fmt.Sprintf("%d of %d relayed ports are in use: without a free one new allocations get 508", p.Used, p.Total), "widen min-port and max-port, or set user-quota")
	add(panics > 0, "faults", doctor.Warn, fmt.Sprintf("faults of this program have cost %d packets or requests", panics), "report them, with what the log says of each")
	slices.SortStableFunc(found, func(a, b doctor.Check) int { return int(b.Status) - int(a.Status) })
	return found
}

// configurationHints are about what is not in force.
func (s *Server) configurationHints(c *configuration) []doctor.Check {
	const name = "configuration"
	check := "iceserver config check"
	if c.File != "" {
		check += " " + c.File
	}
	var found []doctor.Check
	if r := c.Rejected; r != nil && !r.Changed {
		found = append(found, doctor.Check{Name: name, Status: doctor.Warn, Advice: check + ", and then " + s.command("reload"),
			Seen: fmt.Sprintf("what was read at %s is refused, and the one before is in force: %s", r.At.Format(time.RFC3339), r.Reason)})
	} else if c.Newer {
		found = append(found, doctor.Check{Name: name, Status: doctor.Warn, Advice: check + ", and then " + s.command("reload"),
			Seen: fmt.Sprintf("%s has changed and is newer than what is in force", c.File)})
	}
	if len(c.Restart) > 0 {
		found = append(found, doctor.Check{Name: name, Status: doctor.Warn, Advice: "restart the server when that suits (" + s.command("drain") + " waits for the calls)",
			Seen: "these keys have new values that take a restart: " + strings.Join(c.Restart, ", ")})
	}
	return found
}

// certificateHints are about what clients are shown.
func (s *Server) certificateHints(now time.Time) []doctor.Check {
	facts := s.facts()
	failures := map[string]string{}
	if s.acme.client != nil {
		failures = s.acme.client.Failures()
	}
	found := facts.RefusedCertificates()
	all := s.shown()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := doctor.JudgeCertificate(facts, chainOf(all[name]), now)
		if c.Status != doctor.OK {
			found = append(found, c)
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(failures)) {
		found = append(found, doctor.Check{Name: "certificate", Status: doctor.Warn, Seen: "no certificate was issued for " + domain + " when one was asked for last", Advice: failures[domain]})
	}
	return found
}

// chainOf is a certificate with those that are shown after it.
func chainOf(cert *tls.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{cert.Leaf}
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, c)
		}
	}
	return chain
}

// unfound are the addresses that clients are told in place of an external one that
// is to be found out and is not. Machines without IPv6 towards the world are sound.
func (x *setup) unfound() []netip.Addr {
	if !slices.ContainsFunc(x.cfg.ExternalIPs, func(e config.ExternalIP) bool { return e.Name != "" }) {
		return nil
	}
	told := x.place.seen()
	v4 := slices.DeleteFunc(slices.Clone(told), func(a netip.Addr) bool { return !a.Is4() })
	switch {
	case len(v4) > 0 && !slices.ContainsFunc(v4, public):
		return v4
	case !slices.ContainsFunc(told, public):
		return told
	}
	return nil
}
