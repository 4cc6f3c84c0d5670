package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// dnsTime bounds one look-up.
const dnsTime = 4 * time.Second

// checkDNS looks whether the names by which clients may know this server lead
// here, and whether SRV records do.
func checkDNS(ctx context.Context, t *Target) []Check {
	names, certain := t.names(), len(t.ACMEDomains) > 0
	var out []Check
	for _, name := range names {
		found, err := t.lookUp(ctx, name)
		switch here := t.leadsHere(found); {
		case err == nil && here:
			out = append(out, ok("dns", fmt.Sprintf("%s leads here, to %v", name, found)))
		case !certain:
			continue // a realm need not be the name of a machine
		case err != nil:
			out = append(out, fail("dns", fmt.Sprintf("%s leads nowhere: %s", name, oneLine(err)),
				fmt.Sprintf("give %s an A record with %s", name, t.Host)))
		default:
			out = append(out, fail("dns", fmt.Sprintf("%s leads to %v, and this server is %s", name, found, t.Host),
				fmt.Sprintf("change its A record to %s", t.Host)))
		}
		out = append(out, t.records(ctx, name))
	}
	return out
}

// names are those by which clients may know this server.
func (t *Target) names() []string {
	if len(t.ACMEDomains) > 0 {
		return t.ACMEDomains
	}
	if hostName(t.Realm) {
		return []string{t.Realm}
	}
	return nil
}

// hostName says whether a text can be the name of a machine in the world.
func hostName(s string) bool {
	_, err := netip.ParseAddr(s)
	return err != nil && strings.Contains(strings.Trim(s, "."), ".") && !strings.ContainsAny(s, " /:*@")
}

func (t *Target) resolver() *net.Resolver {
	if t.Resolver != nil {
		return t.Resolver
	}
	return net.DefaultResolver
}

func (t *Target) lookUp(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTime)
	defer cancel()
	found, err := t.resolver().LookupNetIP(ctx, "ip", name)
	for i, a := range found {
		found[i] = a.Unmap()
	}
	return found, err
}

// leadsHere says whether one of some addresses is this server's, as the world or
// as its network sees it. Clients connect to where it listens, which need not be
// where it relays.
func (t *Target) leadsHere(found []netip.Addr) bool {
	for _, at := range t.listening() {
		if slices.Contains(found, at.Addr()) {
			return true
		}
	}
	if host, err := netip.ParseAddr(t.Host); err == nil && slices.Contains(found, host) {
		return true
	}
	return slices.ContainsFunc(t.Relays, func(r Relay) bool {
		return slices.Contains(found, r.External) || slices.Contains(found, r.Local)
	})
}

// records tells of SRV records, which browsers do not ask for and others do
// (RFC 5928). Without them nothing is wrong.
func (t *Target) records(ctx context.Context, name string) Check {
	ctx, cancel := context.WithTimeout(ctx, dnsTime)
	defer cancel()
	var found []string
	for _, service := range []struct{ name, protocol string }{{"turn", "udp"}, {"turn", "tcp"}, {"turns", "tcp"}, {"stun", "udp"}} {
		_, all, err := t.resolver().LookupSRV(ctx, service.name, service.protocol, name)
		if err == nil && len(all) > 0 {
			found = append(found, fmt.Sprintf("_%s._%s:%d", service.name, service.protocol, all[0].Port))
		}
	}
	if len(found) == 0 {
		return ok("srv", fmt.Sprintf("%s has no SRV records, which browsers do not need", name))
	}
	return ok("srv", fmt.Sprintf("%s has %s", name, strings.Join(found, ", ")))
}
