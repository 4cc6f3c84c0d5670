package turn

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

var rewrite = flag.Bool("rewrite", false, "write what came out into the scenario scripts")

// TestScenarios plays the scripts in testdata/scenarios. A script is lines of
// input, and under each, indented, everything that came out of the server for
// it. With -rewrite the output is written anew, to be read as a diff.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playScript(t, string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s does not give what it says:\n%s", file, firstDifference(got, string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got  %s\n want %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d", len(g), len(w))
}

func playScript(t *testing.T, script string) string {
	w := newWorld(t, Options{})
	var b strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "  ") {
			continue // the output of last time
		}
		b.WriteString(line)
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		w.do(strings.Fields(line))
		for _, s := range w.drain() {
			b.WriteString("  " + s + "\n")
		}
	}
	return b.String()
}

// world is a server with everything around it played by the test: it answers
// look-ups and opens ports at once unless told to hold them.
type world struct {
	t       *testing.T
	s       *Server
	now     Now
	out     Outbox
	drops   [NumDrops]uint64
	nonces  *auth.Nonces
	clients map[string]FiveTuple
	users   map[string]string
	expired map[string]bool // of them, whose time is over
	lines   []string
	ids     uint32

	holdKeys, holdPorts, noKeys bool
	keys                        []Lookup
	opens                       []Open
	refuse                      int
	refuseSecond                int
	nextPort                    uint16
	nextRelay                   RelayID
	maxBPS                      uint64
}

const (
	testRealm = "example.org"
	nonceLife = 10 * time.Minute
)

var testStart = time.Unix(1_800_000_000, 0)

func newWorld(t *testing.T, o Options) *world {
	w := &world{t: t, clients: map[string]FiveTuple{}, users: map[string]string{"u": "secret", "v": "other"}, expired: map[string]bool{}, nextPort: 50000}
	w.reset(o)
	return w
}

func (w *world) reset(o Options) {
	w.nonces = auth.NewNonces([]byte("0123456789abcdef0123456789abcdef"), nonceLife)
	w.s = NewServer(w.complete(o))
}

// complete fills in what every server of the scripts has.
func (w *world) complete(o Options) Options {
	o.Seed = [2]uint64{0x1234567890abcdef, 0xfedcba0987654321}
	o.Realm, o.Start, o.Nonces, o.DontFragment = testRealm, testStart, w.nonces, !o.NoSTUN
	if o.Policy == nil {
		o.Policy = testPolicy()
	}
	if o.Families == nil {
		o.Families = []Family{IPv4, IPv6}
	}
	return o
}

// testPolicy allows documentation addresses, which the scripts use as peers.
func testPolicy(denied ...string) *Policy {
	var allowed []PeerRange
	for _, p := range []string{"192.0.2.0/24", "2001:db8::/32"} {
		allowed = append(allowed, prefixRange(netip.MustParsePrefix(p), p))
	}
	var forbidden []PeerRange
	for _, p := range append(denied, "198.41.0.0/24") {
		forbidden = append(forbidden, prefixRange(netip.MustParsePrefix(p), p))
	}
	return NewPolicy(PolicyOptions{
		Allowed:   allowed,
		Denied:    forbidden,
		Self:      []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8:ffff::1")},
		Listeners: []netip.AddrPort{netip.MustParseAddrPort("203.0.113.1:3478"), netip.MustParseAddrPort("192.0.2.200:3478")},
	})
}

// do carries out one line of a script.
func (w *world) do(f []string) {
	switch f[0] {
	case "options":
		w.options(f[1:])
	case "client":
		proto := UDP
		if len(f) > 3 {
			proto = map[string]Proto{"tcp": TCP, "tls": TLS, "dtls": DTLS}[f[3]]
		}
		w.clients[f[1]] = FiveTuple{Client: netip.MustParseAddrPort(f[2]), Server: netip.MustParseAddrPort("203.0.113.1:3478"),
			Via: Via(len(w.clients)), Proto: proto}
	case "at":
		w.now = w.duration(f[1])
		w.s.Expire(w.now, &w.out)
	case "hold":
		w.holdKeys, w.holdPorts = f[1] == "keys" || w.holdKeys, f[1] == "ports" || w.holdPorts
	case "release":
		w.holdKeys, w.holdPorts = false, false
	case "password":
		w.users[f[1]] = f[2]
	case "forget":
		delete(w.users, f[1])
	case "expire":
		w.expired[f[1]] = true
	case "keys":
		w.noKeys = f[1] == "unavailable"
	case "refuse":
		w.refuse, _ = strconv.Atoi(f[1])
	case "refuse-second":
		w.refuseSecond, _ = strconv.Atoi(f[1])
	case "disconnect":
		w.s.Disconnect(w.now, w.clients[f[1]], &w.out)
	case "close-all":
		w.s.CloseAll(w.now, &w.out)
	case "reconfigure":
		w.s.Reconfigure(w.now, w.complete(w.parse(f[1:])), &w.out)
	case "tallies":
		for k, t := range w.s.Tallies(w.now) {
			w.say("tally %s of %s: %d begun, %v, usage=%v", k.Username, k.Realm, t.Allocations, t.Time, t.Usage)
		}
		slices.Sort(w.lines)
	case "end":
		w.s.End(w.now, func(realm, username string) bool { return realm == f[1] && username == f[2] }, &w.out)
	case "channel":
		n, _ := strconv.ParseUint(f[2], 0, 16)
		w.packet(f[1], channelMessage(uint16(n), []byte(strings.Join(f[3:], " "))))
	case "hex":
		b, err := hex.DecodeString(strings.Join(f[2:], ""))
		if err != nil {
			w.t.Fatalf("%v: %v", f, err)
		}
		w.packet(f[1], b)
	case "peer":
		id, _ := strconv.Atoi(f[1])
		w.s.Peer(w.now, RelayID(id), netip.MustParseAddrPort(f[2]), headroom([]byte(strings.Join(f[3:], " "))), &w.out)
	case "icmp": // relay, peer, type, code and perhaps the MTU
		id, _ := strconv.Atoi(f[1])
		n := [3]uint64{}
		for i, v := range f[3:] {
			n[i], _ = strconv.ParseUint(v, 10, 32)
		}
		w.s.ICMP(w.now, RelayID(id), ICMP{Peer: netip.MustParseAddrPort(f[2]), Type: uint8(n[0]), Code: uint8(n[1]), MTU: uint32(n[2])}, &w.out)
	default:
		w.packet(f[0], w.build(w.clients[f[0]], f[1], f[2:]))
	}
}

func (w *world) options(f []string) { w.reset(w.parse(f)) }

func (w *world) parse(f []string) Options {
	o := Options{Realms: map[string]string{}}
	for _, a := range f {
		k, v, _ := strings.Cut(a, "=")
		switch k {
		case "no-auth":
			o.NoAuth = true
		case "draining":
			o.Draining = true
		case "no-stun":
			o.NoSTUN = true
		case "no-turn":
			o.NoTURN = true
		case "secure-stun":
			o.SecureSTUN = true
		case "mapped-address":
			o.MappedAddress = true
		case "wide-channels":
			o.WideChannels = true
		case "keep-family":
			o.KeepFamily = true
		case "ipv4-only":
			o.Families = []Family{IPv4}
		case "ipv6-only":
			o.Families = []Family{IPv6}
		case "software":
			o.Software = v
		case "reasons":
			o.Reasons = true
		case "fingerprint":
			o.Fingerprint = true
		case "max-permissions":
			o.MaxPermissions, _ = strconv.Atoi(v)
		case "max-channels":
			o.MaxChannels, _ = strconv.Atoi(v)
		case "challenge-rate":
			o.ChallengeRate, _ = strconv.Atoi(v)
		case "max-bps":
			w.maxBPS, _ = strconv.ParseUint(v, 10, 64)
		case "deny":
			o.Policy = testPolicy(v)
		case "same-origin":
			o.SameOrigin = true
		case "tell-traffic":
			o.TellTraffic = true
		case "tell-bindings":
			o.TellBindings = true
		case "resident":
			o.Resident = v
		case "alternate": // transport and server
			proto, server, _ := strings.Cut(v, ">")
			p := map[string]Proto{"udp": UDP, "tcp": TCP, "tls": TLS, "dtls": DTLS}[proto]
			o.Alternates[p] = append(o.Alternates[p], netip.MustParseAddrPort(server))
		case "realm":
			origin, realm, _ := strings.Cut(v, ">")
			o.Realms[origin] = realm
		default:
			w.t.Fatalf("no option %q", k)
		}
	}
	return o
}

func (w *world) duration(s string) Now {
	d, err := time.ParseDuration(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func headroom(pkt []byte) []byte {
	b := make([]byte, Headroom+len(pkt), Headroom+len(pkt)+Tailroom)
	copy(b[Headroom:], pkt)
	return b
}

func channelMessage(number uint16, data []byte) []byte {
	b := make([]byte, 4, 4+len(data))
	stun.PutChannelHeader(b, number, len(data))
	return append(b, data...)
}

func (w *world) packet(client string, pkt []byte) {
	from, ok := w.clients[client]
	if !ok {
		w.t.Fatalf("no client %q", client)
	}
	w.s.Client(w.now, from, headroom(pkt), &w.out)
}

// drain answers what the server asks until it asks no more, and tells all that
// came out.
func (w *world) drain() []string {
	for {
		w.tell()
		keys, opens := w.keys, w.opens
		if w.holdKeys {
			keys = nil
		} else {
			w.keys = nil
		}
		if w.holdPorts {
			opens = nil
		} else {
			w.opens = nil
		}
		for _, l := range keys {
			w.s.Key(w.now, w.keyReply(l), &w.out)
		}
		for _, o := range opens {
			w.s.Port(w.now, w.portReply(o), &w.out)
		}
		if len(keys)+len(opens) == 0 {
			break
		}
	}
	lines := w.lines
	w.lines = nil
	return lines
}

func (w *world) keyReply(l Lookup) KeyReply {
	r := KeyReply{ID: l.ID, Unavailable: w.noKeys}
	if pw, ok := w.users[l.Username]; ok && !w.noKeys {
		k, err := auth.LongTermKey(l.Username, l.Realm, pw)
		if err != nil {
			w.t.Fatal(err)
		}
		// A second candidate, as with two shared secrets.
		keys := []auth.Key{bytes.Repeat([]byte{1}, 16), k}
		if r.Keys = keys; w.expired[l.Username] {
			r.Candidates = auth.Candidates{Expired: keys}
		}
	}
	return r
}

func (w *world) portReply(o Open) PortReply {
	r := PortReply{ID: o.ID, MaxBPS: w.maxBPS}
	if w.refuse != 0 {
		r.Code, r.Cause = w.refuse, CauseNoPort
		w.refuse = 0
		return r
	}
	if o.Reserve {
		copy(r.Token[:], "reserved")
	}
	for i, f := range o.Families {
		if f == NoFamily {
			continue
		}
		ip := "203.0.113.1"
		if f == IPv6 {
			ip = "2001:db8:ffff::1"
		}
		addr := netip.AddrPortFrom(netip.MustParseAddr(ip), w.nextPort)
		r.Relayed[i] = Relayed{ID: w.nextRelay, Local: addr, Addr: addr}
		if i == 1 && w.refuseSecond != 0 {
			r.Relayed[i] = Relayed{Code: w.refuseSecond}
			w.refuseSecond = 0
			continue
		}
		w.nextPort++
		w.nextRelay++
	}
	return r
}
