package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"iceserver/internal/turn"
)

// carrierGrade says whether an address is of the space of carriers' NATs (RFC 6598).
func carrierGrade(a netip.Addr) bool {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(a.Unmap())
}

// public says whether the world can reach an address.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !turn.NewPolicy(turn.PolicyOptions{}).Check(a).Denied
}

// oneLine keeps an error on its line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// checkAddress compares the address that clients are told with the one that the
// world sees: behind a NAT nothing else is wrong as often.
func checkAddress(ctx context.Context, t *Target) []Check {
	var out []Check
	for _, r := range t.Relays {
		out = append(out, t.compareAddress(ctx, r))
	}
	return out
}

func (t *Target) compareAddress(ctx context.Context, r Relay) Check {
	const name = "address"
	if r.Local.IsLoopback() && r.External == r.Local {
		return ok(name, fmt.Sprintf("%v: only this machine is served", r.Local))
	}
	seen, who, err := netip.Addr{}, "", error(nil)
	// Loopback stands behind no NAT, whatever is put in front of it.
	if t.External != nil && !r.Local.IsLoopback() {
		seen, who, err = t.External(ctx, r.Local)
	}
	switch known := err == nil && seen.IsValid(); {
	case known && seen == r.External:
		return ok(name, fmt.Sprintf("clients are told %v, which is what the world sees (%s)", r.External, who))
	case known && t.ExternalSet && !t.ExternalFollowed:
		return fail(name, fmt.Sprintf("wrong external-ip: clients are told %v, and the world sees %v as %v (%s)", r.External, r.Local, seen, who),
			t.setExternal(seen, r.Local))
	case known:
		return fail(name, fmt.Sprintf("wrong address behind NAT: clients are told %v, and the world sees it as %v (%s)", r.External, seen, who),
			t.setExternal(seen, r.Local))
	case public(r.External) && r.External == r.Local:
		return ok(name, fmt.Sprintf("%v is this machine's own public address", r.Local))
	case t.ExternalSet:
		return t.unconfirmed(ctx, r)
	}
	return warn(name, fmt.Sprintf("clients are told %v, which only the own network can reach, and nobody here knows the public address", r.External),
		fmt.Sprintf("for clients elsewhere write external-ip=PUBLIC-ADDRESS/%v to %s; for those of this network alone external-ip=%v", r.Local, t.configuration(), r.Local))
}

// unconfirmed is for an external-ip that nobody who was asked has confirmed.
func (t *Target) unconfirmed(ctx context.Context, r Relay) Check {
	const name = "address"
	told := fmt.Sprintf("clients are told %v for %v", r.External, r.Local)
	switch {
	// A wish for the own network, or found out by the server itself; a second server
	// that looks from outside tells the truth in a check of its own.
	case !public(r.External), t.ExternalFollowed, t.Outside.Link != "":
		return ok(name, told)
	case t.answersAt(ctx, r.External):
		return ok(name, told+", and a server answers there")
	}
	return warn(name, told+"; nobody here knows whether the world sees that",
		"see whether it is right: --stun HOST asks a STUN server elsewhere, --from LINK a second iceserver")
}

// setExternal is what to write.
func (t *Target) setExternal(public, local netip.Addr) string {
	if t.ConfigFile == "" {
		return fmt.Sprintf("end the server, and start it so: %s; or write external-ip=%v/%v to a file, and start it with -c FILE",
			t.commandLine(fmt.Sprintf("serve --external-ip=%v/%v", public, local)), public, local)
	}
	return fmt.Sprintf("write external-ip=%v/%v to %s, then: %s", public, local, t.configuration(), t.reloadCommand())
}
