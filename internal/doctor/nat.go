package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"iceserver/internal/turn"
)

// checkNAT tells what stands between this machine and the world.
func checkNAT(ctx context.Context, t *Target) []Check {
	var out []Check
	container := t.container()
	for _, r := range t.Relays {
		switch {
		case r.Local.IsLoopback() && r.External == r.Local, r.Local.Is6() && r.External == r.Local:
			continue
		case carrierGrade(r.External):
			out = append(out, warn("nat", fmt.Sprintf("%v is behind a carrier's NAT (100.64.0.0/10), where nobody can open a port", r.External),
				"ask the provider for a public IPv4 address, serve over IPv6, or use a machine in a cloud"))
		// That it is the address meant was said, or it is seen to be the host's.
		case container != "" && r.External == r.Local && !public(r.Local) && !t.ExternalSet && !t.hostNetwork():
			out = append(out, t.unpublished(container, r))
		case r.External != r.Local:
			out = append(out, ok("nat", fmt.Sprintf("%v is behind a NAT as %v", r.Local, r.External)))
			out = append(out, t.hairpin(ctx, r)...)
		case public(r.Local):
			out = append(out, ok("nat", fmt.Sprintf("none in front of %v", r.Local)))
		}
	}
	return out
}

// container names what kind of container this is, or nothing.
func (t *Target) container() string {
	switch {
	case t.exists("/.dockerenv"):
		return "Docker"
	case t.exists("/run/.containerenv"):
		return "Podman"
	}
	for _, mark := range []string{"kubepods", "docker", "containerd", "lxc"} {
		if strings.Contains(t.read("/proc/1/cgroup"), mark) {
			return mark
		}
	}
	return ""
}

// hostNetwork says whether this sees the network of a whole machine: a container
// with one of its own has neither network cards nor bridges.
func (t *Target) hostNetwork() bool {
	for _, what := range []string{"device", "bridge"} {
		if found, _ := filepath.Glob(filepath.Join("/", t.Root, "/sys/class/net/*", what)); len(found) > 0 {
			return true
		}
	}
	return false
}

// wideRange is how many ports a container runtime publishes without trouble: with
// its proxy it starts a process for each.
const wideRange = 1000

// unpublished is the advice for a container with an address that only its host can
// reach.
func (t *Target) unpublished(container string, r Relay) Check {
	seen := fmt.Sprintf("this is a %s container at %v, which only its host can reach unless every port is published", container, r.Local)
	if int(t.MaxPort)-int(t.MinPort) >= wideRange {
		return warn("container", seen, fmt.Sprintf("run it with --network host; or write min-port=49152 and max-port=49252 to %s and publish those", t.configuration()))
	}
	var flags []string
	for _, p := range t.needed() {
		flags = append(flags, fmt.Sprintf("-p %s:%s/%s", p.span("-"), p.span("-"), p.protocol))
	}
	return warn("container", seen, "publish them, and write external-ip=ADDRESS-OF-THE-HOST: "+strings.Join(flags, " "))
}

// hairpinPatience is how long an answer through the own NAT may take.
const hairpinPatience = 2 * time.Second

// hairpin looks whether the NAT leads back what comes from inside to the address
// outside. Clients in the own network need that, nobody else does.
func (t *Target) hairpin(ctx context.Context, r Relay) []Check {
	if !t.Running || len(t.Listen.UDP) == 0 || !r.External.IsValid() {
		return nil
	}
	at := netip.AddrPortFrom(r.External, t.Listen.UDP[0].Port())
	if t.answersAt(ctx, r.External) {
		return []Check{ok("hairpin", fmt.Sprintf("%v answers from inside too", at))}
	}
	return []Check{ok("hairpin", fmt.Sprintf("%v does not answer from inside, which matters only to clients in this very network", at))}
}

// answersAt says whether STUN is spoken at an address, at the port of this server.
func (t *Target) answersAt(ctx context.Context, at netip.Addr) bool {
	if !t.Running || len(t.Listen.UDP) == 0 {
		return false
	}
	s, err := dial(ctx, endpoint{proto: turn.UDP, server: netip.AddrPortFrom(at, t.Listen.UDP[0].Port()), patience: hairpinPatience})
	if err == nil {
		defer s.close(ctx)
		_, err = s.binding(ctx)
	}
	return err == nil || isRefusal(err)
}
