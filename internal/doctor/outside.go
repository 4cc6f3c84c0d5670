package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Outside names a second iceserver that looks at the target from where it is. The
// zero value names none.
type Outside struct {
	Link string // as `iceserver link add` prints it there, with its key
	// Insecure takes whatever certificate it shows.
	Insecure bool
}

// The names of the checks from outside begin alike.
const outside = "outside "

// outsideView asks the second server how this one looks from there.
func outsideView(ctx context.Context, t *Target) []Check {
	if t.Outside.Link == "" {
		return nil
	}
	far, err := newFarServer(t.Outside, t.outsideRelay())
	if err != nil {
		return []Check{fail(outside+"view", err.Error(), "give --from the whole link that iceserver link add prints on the second server, in quotes")}
	}
	defer far.close()
	// The second server looks at the address that asks it, and nowhere else: the
	// relay's may be one where nobody listens.
	together := t.listensAt(far.from)
	var question reachQuestion
	if together {
		question = t.outsidePorts(far.from)
	}
	seen, err := far.ask(ctx, question)
	if err != nil {
		return []Check{fail(outside+"view", fmt.Sprintf("%s does not tell how this server looks from there: %s", far.host(), printable(err.Error())), far.advice(err))}
	}
	view := &view{t: t, local: far.local.Unmap(), seen: seen}
	checks := []Check{view.address()}
	if together && t.listensAt(view.local) {
		checks = append(checks, view.ports()...)
	} else {
		checks = append(checks, t.doorView(ctx, view.local)...)
	}
	if c, any := relayView(ctx, t, far, view); any {
		checks = append(checks, c)
	}
	return checks
}

// outsideRelay is the local address to ask about relaying from: that of a relay,
// so that what is seen is what peers see. Zero: whichever the kernel takes.
func (t *Target) outsideRelay() netip.Addr {
	for _, r := range t.Relays {
		if !r.Local.IsUnspecified() {
			return r.Local
		}
	}
	return netip.Addr{}
}

// listening are all addresses that clients connect to.
func (t *Target) listening() []netip.AddrPort {
	return slices.Concat(t.Listen.UDP, t.Listen.TCP, t.Listen.TLS, t.Listen.DTLS)
}

// listensAt says whether clients find the server at a local address; where nobody
// knows which it is they may.
func (t *Target) listensAt(local netip.Addr) bool {
	return !local.IsValid() || slices.ContainsFunc(t.listening(), func(at netip.AddrPort) bool { return answersFor(at.Addr(), local) })
}

// answersFor says whether a listener at one address gets what is sent to another.
func answersFor(at, local netip.Addr) bool {
	return at == local || at.IsUnspecified() && (at.Is6() || local.Is4())
}

// doorView asks about the ports of a server that listens elsewhere than it relays:
// from an address where it listens, of the family that the second server was
// reached in.
func (t *Target) doorView(ctx context.Context, relay netip.Addr) []Check {
	const name, advice = outside + "ports", "look from a second server with an address of the family that this one listens in"
	i := slices.IndexFunc(t.listening(), func(at netip.AddrPort) bool {
		return at.Addr().Is4() == relay.Is4() && !at.Addr().IsLoopback()
	})
	if i < 0 {
		return []Check{warn(name, "not asked: this server listens at no address that the second server could see", advice)}
	}
	door := t.listening()[i].Addr()
	far, err := newFarServer(t.Outside, door)
	if err != nil {
		return nil // which was told of the same link before
	}
	defer far.close()
	seen, err := far.ask(ctx, t.outsidePorts(door))
	switch {
	case err != nil:
		return []Check{warn(name, "not asked: "+printable(err.Error()), far.advice(err))}
	case far.local.Unmap() != door:
		return []Check{warn(name, fmt.Sprintf("not asked: from %v, where this server listens, the second server is not reached", door), advice)}
	}
	return (&view{t: t, local: door, seen: seen}).ports()
}

// mostOutsidePorts is how many ports of a transport are asked about.
const mostOutsidePorts = 3

// outsidePorts are the ports that are listened on at a local address, or at all if
// nobody knows which it is, as the question has them.
func (t *Target) outsidePorts(local netip.Addr) reachQuestion {
	pick := func(from []netip.AddrPort) (ports []uint16) {
		for _, at := range from {
			// The far server asks about no others below 1024.
			asked := at.Port() >= 1024 || slices.Contains([]uint16{53, 80, 443}, at.Port())
			here := !local.IsValid() || answersFor(at.Addr(), local)
			if here && asked && len(ports) < mostOutsidePorts && !slices.Contains(ports, at.Port()) {
				ports = append(ports, at.Port())
			}
		}
		return ports
	}
	l := t.Listen
	return reachQuestion{UDP: pick(l.UDP), TCP: pick(l.TCP), TLS: pick(l.TLS), DTLS: pick(l.DTLS)}
}

// view is what was seen of a target.
type view struct {
	t     *Target
	local netip.Addr // that was asked from
	seen  *reachAnswer
}

// told is what clients are told for the address that was asked from.
func (v *view) told() netip.Addr {
	for _, r := range v.t.Relays {
		if r.Local == v.local {
			return r.External
		}
	}
	return v.local
}

// address compares the address that clients are told with the one that the second
// server has seen.
func (v *view) address() Check {
	name, seen, told := outside+"address", v.seen.Address, v.told()
	if told == seen {
		return ok(name, fmt.Sprintf("clients are told %v, and that is what the world sees", told))
	}
	advice := v.t.setExternal(seen, v.local)
	if told == v.local {
		return fail(name, fmt.Sprintf("clients are told %v, an address of this machine alone: the world sees %v", told, seen), advice)
	}
	return fail(name, fmt.Sprintf("external-ip tells clients %v, but the world sees %v", told, seen), advice)
}

// ports tells of every port that was asked about. What has one cause has one line.
func (v *view) ports() []Check {
	all := v.seen.Results
	answered := func(transport string, port uint16) bool {
		return slices.ContainsFunc(all, func(r reachResult) bool {
			return r.Transport == transport && r.Port == port && r.answered()
		})
	}
	if len(all) > 1 && !slices.ContainsFunc(all, reachResult.answered) {
		return []Check{v.nothing()}
	}
	var checks []Check
	for _, r := range all {
		name := outside + r.Transport + fmt.Sprintf(" %d", r.Port)
		switch {
		case r.answered():
			checks = append(checks, ok(name, fmt.Sprintf("answers %v in %d ms", v.seen.by(), r.Millis)))
		case r.Transport == "udp" && answered("tcp", r.Port):
			checks = append(checks, v.t.closed(name, r.door(),
				fmt.Sprintf("UDP %d does not answer from outside, TCP does: a firewall drops UDP, without which calls are slow or fail", r.Port)))
		default:
			checks = append(checks, v.t.closed(name, r.door(), fmt.Sprintf("%v does not answer from outside (%s)", r.door(), r.words())))
		}
	}
	return checks
}

// nothing is the one line for a server of which no port answers.
func (v *view) nothing() Check {
	var doors []portRange
	var tcp, udp []string
	for _, r := range v.seen.Results {
		door, list := r.door(), &tcp
		if r.datagrams() {
			list = &udp
		}
		if !slices.Contains(doors, door) {
			doors, *list = append(doors, door), append(*list, door.span("-"))
		}
	}
	var which []string
	if len(udp) > 0 {
		which = append(which, "UDP "+strings.Join(udp, ", "))
	}
	if len(tcp) > 0 {
		which = append(which, "TCP "+strings.Join(tcp, ", "))
	}
	advice, remedies := v.t.open(doors...)
	return fail(outside+"ports", fmt.Sprintf("nothing answers at %v from outside: %s", v.seen.Address, noneOf(which)),
		advice+"; if "+v.seen.Address.String()+" is a router's, forward them here").with(remedies...)
}

// noneOf says that it is none of some things.
func noneOf(which []string) string {
	if len(which) == 1 {
		return "not " + which[0]
	}
	return "neither " + strings.Join(which, " nor ")
}

// closed is a check of ports that are closed from outside. The remedies are those
// of this machine's firewall.
func (t *Target) closed(name string, ports portRange, seen string) Check {
	advice, remedies := t.open(ports)
	return fail(name, seen, advice).with(remedies...)
}
