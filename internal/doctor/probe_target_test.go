package doctor

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	for url, want := range map[string]string{
		"turn:h:1?transport=udp":    "turn:h:1?transport=udp/UDP",
		"turn:h:1?transport=tcp":    "turn:h:1?transport=tcp/TCP",
		"turn:h:1":                  "turn:h:1?transport=udp/UDP turn:h:1?transport=tcp/TCP",
		"turn:h":                    "turn:h?transport=udp/UDP turn:h?transport=tcp/TCP turns:h?transport=tcp/TLS? turns:h?transport=udp/DTLS?",
		"h":                         "turn:h?transport=udp/UDP turn:h?transport=tcp/TCP turns:h?transport=tcp/TLS? turns:h?transport=udp/DTLS?",
		"h:1":                       "turn:h:1?transport=udp/UDP turn:h:1?transport=tcp/TCP turns:h:1?transport=tcp/TLS? turns:h:1?transport=udp/DTLS?",
		"2001:db8::1":               "turn:[2001:db8::1]?transport=udp/UDP turn:[2001:db8::1]?transport=tcp/TCP turns:[2001:db8::1]?transport=tcp/TLS? turns:[2001:db8::1]?transport=udp/DTLS?",
		"turns:h":                   "turns:h?transport=tcp/TLS turns:h?transport=udp/DTLS?",
		"turns:h:1?transport=udp":   "turns:h:1?transport=udp/DTLS",
		"TURNS:[::1]?transport=tcp": "turns:[::1]?transport=tcp/TLS",
		"stun:h":                    "stun:h/UDP",
		"stuns:h":                   "stuns:h/TLS",
	} {
		all, err := expand(url)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range all {
			s := a.url() + "/" + a.proto.String()
			if a.optional {
				s += "?"
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", url, got, want)
		}
	}
}

// nameServer is a resolver that asks a server of its own, which has answers for
// some questions, a name and a type each (1 is A, 28 AAAA, 33 SRV), and denies the
// rest.
func nameServer(t *testing.T, records map[string][]byte) *net.Resolver {
	t.Helper()
	server := replying(t, func(query []byte) []byte { return answerTo(query, records) })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server)
	}}
}

// answerTo builds the response to a query of one question (RFC 1035, 4).
func answerTo(query []byte, records map[string][]byte) []byte {
	const header = 12
	end, name := header, ""
	for query[end] != 0 {
		size := int(query[end])
		name += string(query[end+1:end+1+size]) + "."
		end += 1 + size
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	end += 5
	r := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
	data, ok := records[fmt.Sprintf("%s %d", strings.ToLower(name), kind)]
	if !ok {
		for known := range records {
			if strings.HasPrefix(known, name+" ") {
				return r // the name is there, with records of another type
			}
		}
		r[3] |= 3
		return r
	}
	size := len(data)
	if kind == 1 {
		size = net.IPv4len // several stand one after the other
	}
	for one := range slices.Chunk(data, size) {
		r[7]++
		r = append(r, 0xC0, header)
		r = binary.BigEndian.AppendUint16(r, kind)
		r = append(r, 0, 1, 0, 0, 0, 60)
		r = binary.BigEndian.AppendUint16(r, uint16(len(one)))
		r = append(r, one...)
	}
	return r
}

// srvData is a SRV record for a port of a host (RFC 2782).
func srvData(port int, host string) []byte {
	data := binary.BigEndian.AppendUint16([]byte{0, 0, 0, 0}, uint16(port))
	for label := range strings.SplitSeq(host, ".") {
		data = append(append(data, byte(len(label))), label...)
	}
	return append(data, 0)
}

func TestResolve(t *testing.T) {
	names := nameServer(t, map[string][]byte{
		"both.test. 1": {127, 0, 0, 1}, "both.test. 28": net.IPv6loopback,
		"v4.test. 1":             {127, 0, 0, 1},
		"_turn._udp.v4.test. 33": srvData(4000, "both.test"),
	})
	for _, c := range []struct {
		url  string
		o    ProbeOptions
		want string
	}{
		{"turn:both.test?transport=udp", ProbeOptions{}, "127.0.0.1:3478 [::1]:3478"},
		{"turn:both.test:9?transport=udp", ProbeOptions{IPv6: true}, "[::1]:9"},
		{"turns:both.test?transport=tcp", ProbeOptions{IPv4: true}, "127.0.0.1:5349"},
		{"turn:v4.test?transport=udp", ProbeOptions{}, "127.0.0.1:4000 by both.test:4000 [::1]:4000 by both.test:4000"},
		{"turn:v4.test?transport=tcp", ProbeOptions{}, "127.0.0.1:3478"},
		{"turn:v4.test:9?transport=udp", ProbeOptions{}, "127.0.0.1:9"},
		{"turn:v4.test:9?transport=udp", ProbeOptions{IPv6: true}, "v4.test has no address of the family asked for"},
		{"turn:[::1]:9?transport=udp", ProbeOptions{IPv4: true}, "::1 is not of the family asked for"},
		{"turn:none.test:9?transport=udp", ProbeOptions{}, "there is no host none.test in the DNS"},
	} {
		c.o.URLs, c.o.Resolver = []string{c.url}, names
		p, wanted, err := newProber(c.o, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.resolve(t.Context(), wanted[0])
		var got []string
		for _, a := range all {
			s := a.server.String()
			if a.srv != "" {
				s += " by " + a.srv
			}
			got = append(got, s)
		}
		if err != nil {
			got = append(got, err.Error())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.url, got, c.want)
		}
	}
}

// A host that nobody knows is told of, and the rest is probed all the same.
func TestProbeUnknownHost(t *testing.T) {
	s := startServer(t)
	names := nameServer(t, map[string][]byte{
		"turn.test. 1":             {127, 0, 0, 1},
		"_turn._udp.turn.test. 33": srvData(s.port, "turn.test"),
	})
	r := s.probe(t, ProbeOptions{Resolver: names}, "turn:none.test?transport=udp", "turn:turn.test?transport=udp")
	if r.Status != Fail || r.Ways[0].Status != Fail || !strings.Contains(r.Ways[0].Seen, "no host none.test") {
		t.Errorf("%s", text(t, r))
	}
	if w := r.Ways[1]; w.Status != OK || !strings.Contains(strings.Join(w.Notes, ""), "browsers do not look for it") {
		t.Errorf("%s", text(t, r))
	}
}

// What is left out of a long list of addresses is said, once.
func TestAddressesLeftOut(t *testing.T) {
	p, wanted, err := newProber(ProbeOptions{URLs: []string{"turn:many.test:9?transport=udp"}, IPv4: true, Resolver: nameServer(t, map[string][]byte{
		"many.test. 1": {127, 0, 0, 1, 127, 0, 0, 2, 127, 0, 0, 3, 127, 0, 0, 4, 127, 0, 0, 5, 127, 0, 0, 6},
	})}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.resolve(t.Context(), wanted[0])
	if err != nil || len(all) != mostAddresses {
		t.Fatalf("%v %v", all, err)
	}
	var notes []string
	for _, to := range all {
		w := newWay(to)
		notes = append(notes, w.Notes...)
	}
	if strings.Join(notes, "|") != "many.test has 6 addresses of IPv4, and 4 of them were tried." {
		t.Errorf("%q", notes)
	}
}
