package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// asked is one transport of a URL: what a person wants to know of.
type asked struct {
	uri   stun.URI // its Port is 0 where none was given
	proto turn.Proto
	// optional marks what the URL did not ask for by name and many servers do
	// without: that nobody answers there is no failure.
	optional bool
}

// target is one address of what was asked.
type target struct {
	asked
	endpoint
	srv string // what a SRV record says, if one was followed
	// untried says how many more addresses there are; empty: none, or another
	// target of the name says it.
	untried string
}

// url is the URL that would ask for exactly this.
func (a asked) url() string {
	u := a.uri
	if u.TURN {
		u.Transport = "udp"
		if a.proto.Stream() {
			u.Transport = "tcp"
		}
	}
	return u.String()
}

// hasScheme says whether a text begins with one of those of RFC 7064 and RFC 7065.
func hasScheme(s string) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(s), ":")
	return slices.Contains([]string{"stun", "stuns", "turn", "turns"}, scheme)
}

// expand reads a URL, or a host with or without a port, and says which transports
// are to be tried. A host alone, and turn: without a port, is asked for all.
func expand(url string) ([]asked, error) {
	// That of a web page is a mistake, and no host.
	bare := !hasScheme(url) && !strings.Contains(url, "://")
	if bare {
		if a, err := netip.ParseAddr(url); err == nil && a.Is6() {
			url = "[" + url + "]"
		}
		url = "turn:" + url
	}
	u, err := stun.ParseURI(url)
	if err != nil {
		return nil, err
	}
	all := transports(u)
	if u.TURN && !u.Secure && u.Transport == "" && (bare || u.Port == 0) {
		u.Secure = true
		all = append(all, asked{u, turn.TLS, true}, asked{u, turn.DTLS, true})
	}
	return all, nil
}

// transports are those that a URI names, or that its scheme has.
func transports(u stun.URI) []asked {
	datagrams, stream := turn.UDP, turn.TCP
	if u.Secure {
		datagrams, stream = turn.DTLS, turn.TLS
	}
	switch {
	case u.TURN && u.Transport == "udp", !u.TURN && !u.Secure:
		return []asked{{uri: u, proto: datagrams}}
	case u.TURN && u.Transport == "tcp", !u.TURN:
		return []asked{{uri: u, proto: stream}}
	case u.Secure:
		return []asked{{uri: u, proto: stream}, {u, datagrams, true}}
	}
	return []asked{{uri: u, proto: datagrams}, {uri: u, proto: stream}}
}

const (
	// srvPatience is short: few have such records, and a resolver that drops the
	// question must not hold up the rest.
	srvPatience = 2 * time.Second
	// mostAddresses of a family are tried; a name of a balancer can have dozens.
	mostAddresses = 4
)

// resolve finds the addresses behind what is asked, of the families wanted.
func (p *prober) resolve(ctx context.Context, a asked) ([]target, error) {
	host, port := a.uri.Address()
	t := target{asked: a, endpoint: p.endpoint(a.proto, host)}
	if addr, err := netip.ParseAddr(host); err == nil {
		t.server = netip.AddrPortFrom(addr.Unmap(), port)
		if !slices.Contains(p.families, turn.FamilyOf(addr.Unmap())) {
			return nil, fmt.Errorf("%v is not of the family asked for", addr)
		}
		return []target{t}, nil
	}
	if a.uri.Port == 0 {
		if name, at, ok := p.srv(ctx, a); ok {
			host, port = name, at
			t.srv = fmt.Sprintf("%s:%d", printable(name), at)
		}
	}
	inner, cancel := context.WithTimeout(ctx, p.o.Timeout)
	defer cancel()
	found, err := p.resolver().LookupNetIP(inner, "ip", host)
	if err != nil {
		return nil, lookUpError(host, err)
	}
	var all []target
	for _, f := range p.families {
		n, first := 0, len(all)
		for _, addr := range found {
			addr = addr.Unmap()
			if turn.FamilyOf(addr) != f {
				continue
			}
			if n++; n <= mostAddresses {
				t.server = netip.AddrPortFrom(addr, port)
				all = append(all, t)
			}
		}
		if n > mostAddresses {
			all[first].untried = fmt.Sprintf("%s has %d addresses of %s, and %d of them were tried.", host, n, familyName(all[first].server.Addr()), mostAddresses)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no address of the family asked for", host)
	}
	return all, nil
}

// lookUpError says in short what the resolver found.
func lookUpError(host string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no host %s in the DNS", host)
	case errors.As(err, &dns) && dns.IsTimeout:
		return fmt.Errorf("the DNS server did not answer about %s", host)
	}
	return fmt.Errorf("looking up %s: %w", host, err)
}

// srv looks for the record of RFC 5928 or RFC 8489, 8.1, and returns the target
// that comes first. Most domains have none, and no browser looks.
func (p *prober) srv(ctx context.Context, a asked) (host string, port uint16, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, srvPatience)
	defer cancel()
	service, proto := "stun", "udp"
	if a.uri.TURN {
		service = "turn"
	}
	if a.uri.Secure {
		service += "s"
	}
	if a.proto.Stream() {
		proto = "tcp"
	}
	_, records, err := p.resolver().LookupSRV(ctx, service, proto, a.uri.Host)
	if err != nil || len(records) == 0 || records[0].Port == 0 {
		return "", 0, false
	}
	// A lone dot says that there is decidedly no such service (RFC 2782).
	host = strings.TrimSuffix(records[0].Target, ".")
	return host, records[0].Port, host != ""
}

func (p *prober) resolver() *net.Resolver {
	if p.o.Resolver != nil {
		return p.o.Resolver
	}
	return net.DefaultResolver
}

// endpoint is how to talk to a server by a transport.
func (p *prober) endpoint(proto turn.Proto, name string) endpoint {
	return endpoint{
		proto: proto, name: name, roots: p.o.Roots, insecure: p.o.Insecure,
		username: p.o.Username, password: p.o.Password, patience: p.o.Timeout,
	}
}
