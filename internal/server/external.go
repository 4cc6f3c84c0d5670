package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/stun"
)

// finder finds out which address the world sees for one of this machine. It asks
// only where the operator said external-ip=auto.
type finder struct {
	clouds []cloud
	stun   string // host:port of a STUN server that the operator named, or empty
}

// resolver finds out the addresses that stand behind names in external-ip.
type resolver func(relay netip.Addr, name string) (netip.Addr, error)

// all returns the external addresses of relays with every name replaced by what
// it stands for. What cannot be found out is left out: the server is reached from
// the own network still, and what is wrong was told.
func (r resolver) all(relays []netip.Addr, external []config.ExternalIP) []config.ExternalIP {
	var out []config.ExternalIP
	for _, e := range external {
		if e.Name == "" {
			out = append(out, e)
			continue
		}
		for _, a := range relays {
			if r == nil || e.Private.IsValid() && e.Private.Unmap() != a || a.IsLoopback() && e.Private != a {
				continue
			}
			if public, err := r(a, e.Name); err == nil {
				out = append(out, config.ExternalIP{Public: public, Private: a})
			}
		}
	}
	return out
}

// externalCheck is how often it is looked whether an external address that was
// found out is another one by now.
const externalCheck = time.Minute

// resolver asks as the configuration says, and logs what it hears where that is
// news.
func (s *Server) resolver(cfg *config.Config) resolver {
	f := &finder{clouds: clouds(s.o.Metadata), stun: stunAddress(cfg.ExternalSTUN)}
	return func(relay netip.Addr, name string) (netip.Addr, error) {
		var public netip.Addr
		var who string
		var err error
		if name == config.ExternalAuto {
			public, who, err = f.find(context.Background(), relay)
		} else {
			public, err = lookUp(name, relay)
			who = name
		}
		if err != nil {
			s.external.said.once(s.log, slog.LevelWarn, relay, err.Error(), "the external address cannot be found out: name it in external-ip", "relay", relay, "external_ip", name, "error", err)
			return s.external.known(relay, name, err)
		}
		s.external.learn(relay, name, foundOut{public, who})
		s.external.said.once(s.log, slog.LevelInfo, relay, public.String(), "external address", "relay", relay, "external", public, "from", who)
		return public, nil
	}
}

// external remembers what was found out: whoever does not answer now did so
// before, and goes on to count.
type external struct {
	said  lastSaid
	mu    sync.Mutex // guards the following
	found map[externalName]foundOut
}

// foundOut is an address with who has told it, for people.
type foundOut struct {
	public netip.Addr
	who    string
}

// externalName is a name in external-ip, for one relay address.
type externalName struct {
	relay netip.Addr
	name  string
}

func (t *external) learn(relay netip.Addr, name string, f foundOut) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found == nil {
		t.found = make(map[externalName]foundOut)
	}
	t.found[externalName{relay, name}] = f
}

// who has told an address last, for people; empty: nobody.
func (t *external) who(relay netip.Addr, public netip.Addr) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, f := range t.found {
		if at.relay == relay && f.public == public {
			return f.who
		}
	}
	return ""
}

// known returns what was found out before, or err if that is nothing.
func (t *external) known(relay netip.Addr, name string, err error) (netip.Addr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f, ok := t.found[externalName{relay, name}]; ok {
		return f.public, nil
	}
	return netip.Addr{}, err
}

// stunAddress adds the usual port to the address of a STUN server, if it has none.
func stunAddress(server string) string {
	if _, _, err := net.SplitHostPort(server); server != "" && err != nil {
		return net.JoinHostPort(strings.Trim(server, "[]"), "3478")
	}
	return server
}

// lastSaid remembers the last thing that was said about an address, so that it is
// said once.
type lastSaid struct {
	mu   sync.Mutex // guards the following
	last map[netip.Addr]string
}

// once says something about an address that was not the last thing said of it.
func (t *lastSaid) once(log *slog.Logger, level slog.Level, about netip.Addr, news, message string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last[about] == news {
		return
	}
	if t.last == nil {
		t.last = make(map[netip.Addr]string)
	}
	t.last[about] = news
	log.Log(context.Background(), level, message, args...)
}

// lookUp returns the first address of a name in the family of relay, which is
// not told one of its own machine: Debian has 127.0.1.1 in /etc/hosts for the name
// of the machine itself.
func lookUp(name string, relay netip.Addr) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	network := "ip6"
	if relay.Is4() {
		network = "ip4"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, network, name)
	if err != nil {
		return netip.Addr{}, err
	}
	return beyond(found, name, relay)
}

// beyond picks the first address that others than this machine can reach.
func beyond(found []netip.Addr, name string, relay netip.Addr) (netip.Addr, error) {
	for _, a := range found {
		if a = a.Unmap(); relay.IsLoopback() || !a.IsLoopback() && !a.IsUnspecified() {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s stands for %v on this machine, which nobody else can reach: see /etc/hosts", name, found[0].Unmap())
}

// runExternal follows addresses that were found out, until ctx ends: new
// allocations are told the new ones.
func (s *Server) runExternal(ctx context.Context) {
	every(ctx, externalCheck, func(time.Time) { s.followExternal() })
}

// followExternal looks whether an address that was found out is another one.
func (s *Server) followExternal() {
	if !slices.ContainsFunc(s.cfg().ExternalIPs, func(e config.ExternalIP) bool { return e.Name != "" }) {
		return
	}
	err := s.change(func(x *setup) error {
		p, err := locate(x.cfg, s.found, s.resolver(x.cfg))
		if err != nil || slices.Equal(p.relays, x.place.relays) {
			return cmp.Or(err, errSame)
		}
		s.log.Warn("the external address has changed: new allocations are told the new one", "before", x.place.relayNames(), "now", p.relayNames())
		x.move(p)
		return nil
	})
	if err != nil && !errors.Is(err, errSame) {
		s.log.Error("cannot follow the external address", "error", err)
	}
}

// errSame says that there is nothing to change.
var errSame = errors.New("nothing has changed")

// cloud is a service inside a cloud that tells a machine its public address. All
// are asked by address and not by name, which nobody outside could take over.
type cloud struct {
	name   string
	token  string // where to get a token first with PUT, or empty
	url    string
	header [2]string // what the service wants to see
}

// awsToken and awsTTL are the headers of Amazon's tokens; without one it answers
// nothing since its second version.
const (
	awsToken = "X-aws-ec2-metadata-token"
	awsTTL   = "X-aws-ec2-metadata-token-ttl-seconds"
)

// clouds are the services that are known; base is empty but in tests.
func clouds(base string) []cloud {
	at := func(address, path string) string {
		if base != "" {
			return base + path
		}
		return "http://" + address + path
	}
	const common = "169.254.169.254"
	return []cloud{
		{name: "Google Cloud", url: at(common, "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip"), header: [2]string{"Metadata-Flavor", "Google"}},
		{name: "Azure", url: at(common, "/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress?api-version=2021-02-01&format=text"), header: [2]string{"Metadata", "true"}},
		{name: "Hetzner", url: at(common, "/hetzner/v1/metadata/public-ipv4")},
		{name: "DigitalOcean", url: at(common, "/metadata/v1/interfaces/public/0/ipv4/address")},
		{name: "AWS", token: at(common, "/latest/api/token"), url: at(common, "/latest/meta-data/public-ipv4")},
		{name: "Alibaba Cloud", url: at("100.100.100.200", "/latest/meta-data/eipv4")},
		{name: "Tencent Cloud", url: at("169.254.0.23", "/latest/meta-data/public-ipv4")},
		// The first version, which has no tokens: a token does not get through to a
		// container, and OpenStack never had them.
		{name: "AWS or OpenStack", url: at(common, "/latest/meta-data/public-ipv4")},
	}
}

// askTimeout bounds all that is asked for one address: outside a cloud nobody
// answers, and the start must not wait long for that.
const askTimeout = 3 * time.Second

// find returns the address that the world sees for local, and who says so. An
// address that is public already is its own.
func (f *finder) find(ctx context.Context, local netip.Addr) (netip.Addr, string, error) {
	if public(local) {
		return local, "its interface", nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var errs []error
	if f.stun != "" {
		a, err := askSTUN(ctx, local, f.stun)
		if err == nil {
			return a, "the STUN server " + f.stun, nil
		}
		errs = append(errs, err)
	}
	if local.Is4() {
		if a, name := f.askClouds(ctx); a.IsValid() {
			return a, "the metadata service of " + name, nil
		}
		errs = append(errs, errors.New("no metadata service of a cloud answers"))
	}
	return netip.Addr{}, "", errors.Join(errs...)
}

// askClouds asks all of them at once and takes the answer of the first in the
// list that has one: several answer to the same address. Those behind it are not
// waited for, who may well be silent here.
func (f *finder) askClouds(ctx context.Context) (netip.Addr, string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := &http.Client{
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	answers := make([]chan netip.Addr, len(f.clouds))
	for i, c := range f.clouds {
		answers[i] = make(chan netip.Addr, 1)
		go func() { answers[i] <- c.ask(ctx, client) }()
	}
	found, name := netip.Addr{}, ""
	for i, c := range f.clouds {
		if a := <-answers[i]; a.IsValid() && !found.IsValid() {
			found, name = a, c.name
			cancel()
		}
	}
	return found, name
}

// ask returns what the service says, if that is the public address of a machine.
func (c *cloud) ask(ctx context.Context, client *http.Client) netip.Addr {
	header := c.header
	if c.token != "" {
		token, ok := fetch(ctx, client, http.MethodPut, c.token, [2]string{awsTTL, "60"})
		if !ok {
			return netip.Addr{}
		}
		header = [2]string{awsToken, token}
	}
	text, _ := fetch(ctx, client, http.MethodGet, c.url, header)
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() || !public(a) {
		return netip.Addr{}
	}
	return a
}

// fetch returns a short text. Whatever else is at that address in a network that
// is no cloud's, nothing longer is read.
func fetch(ctx context.Context, client *http.Client, method, url string, header [2]string) (string, bool) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", false
	}
	if header[0] != "" {
		r.Header.Set(header[0], header[1])
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 512))
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", false
	}
	return strings.TrimSpace(string(text)), true
}

// askSTUN asks a STUN server which address it sees for local, three times, as a
// datagram may be lost.
func askSTUN(ctx context.Context, local netip.Addr, server string) (netip.Addr, error) {
	network := "udp6"
	if local.Is4() {
		network = "udp4"
	}
	dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
	conn, err := dialer.DialContext(ctx, network, server)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("cannot ask the STUN server: %w", err)
	}
	defer conn.Close()
	var id stun.TransactionID
	rand.Read(id[:])
	b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, id)
	var in [1500]byte
	for range 3 {
		if _, err := conn.Write(b.Bytes()); err != nil {
			return netip.Addr{}, fmt.Errorf("cannot ask the STUN server: %w", err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(askTimeout / 4))
		for {
			n, err := conn.Read(in[:])
			if err != nil {
				break
			}
			m, err := stun.Parse(in[:n])
			if err != nil || m.ID != id || m.Class != stun.ClassSuccess {
				continue
			}
			seen, err := m.XORAddress(stun.AttrXORMappedAddress)
			a := seen.Addr().Unmap()
			if err == nil && a.Is4() == local.Is4() && (a == local || public(a)) {
				return a, nil
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return netip.Addr{}, fmt.Errorf("the STUN server %s does not answer", server)
}
