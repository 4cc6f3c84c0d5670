package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// lines are checks in words.
func lines(all []Check) (out []string) {
	for _, c := range all {
		out = append(out, fmt.Sprint(c.Status, " ", c.Name, ": ", c.Seen, " -> ", c.Advice))
	}
	return out
}

// wantLines requires the beginnings of lines, and that there are no more.
func wantLines(t *testing.T, got []Check, want ...string) {
	t.Helper()
	all := lines(got)
	if len(all) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(all), len(want), strings.Join(all, "\n"))
	}
	for i, line := range all {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("%s\nwant %s", line, want[i])
		}
	}
}

// far is a second server that answers as a test wants; it is not trusted by its
// certificate, since it has none.
func far(t *testing.T, answer func(q reachQuestion) (int, any)) Outside {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q reachQuestion
		err := json.NewDecoder(r.Body).Decode(&q)
		if err != nil || r.URL.Path != "/api/v1/reach" || r.Header.Get("Authorization") != "Bearer ice_k" || r.ContentLength < longestQuestion {
			t.Errorf("%v %v %v", r.URL, r.Header, err)
		}
		status, body := answer(q)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(s.Close)
	return Outside{Link: s.URL + "/test#key=ice_k"}
}

// one is a target behind a NAT, with every port and no account.
func one(told string) *Target {
	local, at := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddrPort
	t := &Target{Root: "/nowhere"}
	t.Relays = []Relay{{Local: local, External: netip.MustParseAddr(told)}}
	t.Listen.UDP, t.Listen.TCP = []netip.AddrPort{at("10.0.0.5:3478"), at("127.0.0.1:3478")}, []netip.AddrPort{at("10.0.0.5:3478"), at("10.0.0.5:443")}
	t.Listen.TLS = []netip.AddrPort{at("10.0.0.5:5349"), at("10.0.0.5:993")}
	t.MinPort, t.MaxPort = 49152, 65535
	return t
}

// What the second server sees of the address, and what there is to write.
func TestOutsideAddress(t *testing.T) {
	for told, want := range map[string]string{
		"192.0.2.7": "OK outside address: clients are told 192.0.2.7",
		"192.0.2.8": "FAIL outside address: external-ip tells clients 192.0.2.8, but the world sees 192.0.2.7 -> write external-ip=192.0.2.7/10.0.0.5 to /etc/turnserver.conf",
		"10.0.0.5":  "FAIL outside address: clients are told 10.0.0.5, an address of this machine alone: the world sees 192.0.2.7 -> write external-ip=192.0.2.7/10.0.0.5 to /etc/turnserver.conf",
	} {
		v := &view{t: one(told), local: netip.MustParseAddr("10.0.0.5"), seen: &reachAnswer{Address: netip.MustParseAddr("192.0.2.7")}}
		v.t.ConfigFile = "/etc/turnserver.conf"
		wantLines(t, []Check{v.address()}, want)
	}
	// Without a file there is none to write to: what there is to type is said.
	v := &view{t: one("192.0.2.8"), local: netip.MustParseAddr("10.0.0.5"), seen: &reachAnswer{Address: netip.MustParseAddr("192.0.2.7")}}
	wantLines(t, []Check{v.address()}, "FAIL outside address: external-ip tells clients 192.0.2.8, but the world sees 192.0.2.7 -> "+
		"end the server, and start it so: iceserver serve --external-ip=192.0.2.7/10.0.0.5; or write external-ip=192.0.2.7/10.0.0.5 to a file, and start it with -c FILE")
}

// One cause is one line.
func TestOutsidePorts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		results []reachResult
		want    []string
	}{
		{"all answer", []reachResult{{"udp", 3478, "answered", 3}, {"tcp", 3478, "answered", 4}}, []string{
			"OK outside udp 3478: answers 192.0.2.9 in 3 ms", "OK outside tcp 3478: answers 192.0.2.9 in 4 ms"}},
		{"UDP is dropped", []reachResult{{"udp", 3478, "silent", 4000}, {"tcp", 3478, "answered", 4}}, []string{
			"FAIL outside udp 3478: UDP 3478 does not answer from outside, TCP does: a firewall drops UDP", "OK outside tcp 3478"}},
		{"TLS is shut", []reachResult{{"udp", 3478, "answered", 3}, {"tls", 5349, "refused", 1}}, []string{
			"OK outside udp 3478", "FAIL outside tls 5349: TCP 5349 does not answer from outside (refused: "}},
		{"DTLS is silent", []reachResult{{"udp", 3478, "answered", 3}, {"dtls", 5349, "silent", 1}}, []string{
			"OK outside udp 3478", "FAIL outside dtls 5349: UDP 5349 does not answer from outside (no answer at all) -> open UDP 5349"}},
		{"nothing", []reachResult{{"udp", 3478, "silent", 1}, {"tcp", 3478, "silent", 1}, {"tls", 5349, "refused", 1}, {"dtls", 5349, "silent", 1}}, []string{
			"FAIL outside ports: nothing answers at 192.0.2.7 from outside: neither UDP 3478, 5349 nor TCP 3478, 5349" +
				" -> open UDP 3478, TCP 3478, TCP 5349, UDP 5349 in the firewall in front of this machine"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := &view{t: one("192.0.2.7"), seen: &reachAnswer{
				Address: netip.MustParseAddr("192.0.2.7"), From: []netip.Addr{netip.MustParseAddr("192.0.2.9")}, Results: tt.results,
			}}
			wantLines(t, v.ports(), tt.want...)
		})
	}
}

// The question has every port once, none that the second server would refuse, and
// is as long as it has to be.
func TestOutsideAsks(t *testing.T) {
	target := one("192.0.2.7")
	target.Outside = far(t, func(q reachQuestion) (int, any) {
		if fmt.Sprint(q) != "{[3478] [3478 443] [5349] [] [] }" {
			t.Errorf("%v", q)
		}
		return http.StatusOK, reachAnswer{Address: netip.MustParseAddr("192.0.2.7"), Results: []reachResult{{"udp", 3478, "answered", 1}}}
	})
	got := outsideView(context.Background(), target)
	wantLines(t, got, "FAIL outside address", "OK outside udp 3478", "WARN outside relay range: not tried, since no account")
	target.Outside = Outside{}
	wantLines(t, outsideView(context.Background(), target))
}

// What keeps the second server from telling is said in one line, however long and
// odd its answer is.
func TestOutsideRefused(t *testing.T) {
	said := func(text string) any { return map[string]string{"code": "x", "error": text} }
	for _, tt := range []struct {
		name   string
		status int
		body   any
		want   string
	}{
		{"key", 401, said("This link has expired."), "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: This link has expired. (HTTP 401) -> make a new link"},
		{"rate", 429, said("Too many requests."), "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: Too many requests. (HTTP 429) -> wait"},
		{"old", 404, "nothing", "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: Not Found (HTTP 404) -> the second server has to be"},
		{"private", 403, said("You come from\n\x1b[31m here"), "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: You come from [31m here (HTTP 403) -> run it from"},
		{"long", 403, said(strings.Repeat("x", 5000)), "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: " + strings.Repeat("x", 280) + " (HTTP 403)"},
		{"eight bits", 403, said("You \u009b31m \u202ecome"), "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: You  31m ?come (HTTP 403)"},
		{"zone", 200, map[string]any{"address": "fe80::1%\x1b[2J"}, "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: its answer is not that of an iceserver"},
		{"zone of another", 200, map[string]any{"address": "192.0.2.7", "from": []string{"fe80::1%\x1b[2J"}}, "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: its answer is not that of an iceserver"},
		{"a port of its own", 200, map[string]any{"address": "192.0.2.7", "results": []reachResult{{"tcp", 22, "silent", 1}}}, "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: its answer is not that of an iceserver"},
		{"a transport of its own", 200, map[string]any{"address": "192.0.2.7", "results": []reachResult{{"udp\x1b[2J", 3478, "answered", 1}}}, "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: its answer is not that of an iceserver"},
		{"a port twice", 200, map[string]any{"address": "192.0.2.7", "results": []reachResult{{"udp", 3478, "silent", 1}, {"udp", 3478, "silent", 1}}}, "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: its answer is not that of an iceserver"},
		{"other", 200, "{}", "FAIL outside view: 127.0.0.1:PORT does not tell how this server looks from there: its answer is not that of an iceserver"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := one("192.0.2.7")
			target.Outside = far(t, func(reachQuestion) (int, any) { return tt.status, tt.body })
			_, port, _ := strings.Cut(strings.TrimSuffix(target.Outside.Link, "/test#key=ice_k"), "127.0.0.1:")
			wantLines(t, outsideView(context.Background(), target), strings.ReplaceAll(tt.want, "PORT", port))
		})
	}
	for _, link := range []string{"x", "ftp://h/#key=k", "https://h/test", "https:///test#key=k", "https://h/test#key=", "http://198.18.0.1/test#key=k", "http://h/test#key=k"} {
		target := one("192.0.2.7")
		target.Outside.Link = link
		wantLines(t, outsideView(context.Background(), target), "FAIL outside view: the link of the second server")
	}
}

// The key goes to the host in the link and nowhere else.
func TestOutsideFollowsNoRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the key went elsewhere") }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusPermanentRedirect))
	defer s.Close()
	target := one("192.0.2.7")
	target.Outside.Link = s.URL + "/test#key=ice_k"
	wantLines(t, outsideView(context.Background(), target), "FAIL outside view")
}

// A server that relays elsewhere than it listens is asked about twice: where it
// relays nobody listens, and that is right so.
func TestOutsideTwoAddresses(t *testing.T) {
	target := one("127.0.0.2")
	target.Relays = []Relay{{Local: netip.MustParseAddr("127.0.0.2"), External: netip.MustParseAddr("127.0.0.2")}}
	for _, list := range []*[]netip.AddrPort{&target.Listen.UDP, &target.Listen.TCP, &target.Listen.TLS} {
		*list = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.3:3478"), netip.MustParseAddrPort("127.0.0.4:3479")}
	}
	var asked []string
	target.Outside = far(t, func(q reachQuestion) (int, any) {
		asked = append(asked, fmt.Sprint(q))
		return http.StatusOK, reachAnswer{Address: netip.MustParseAddr("127.0.0.2")}
	})
	// Loopback is no address that another machine sees.
	got := outsideView(context.Background(), target)
	wantLines(t, got, "OK outside address", "WARN outside ports: not asked: this server listens at no address", "WARN outside relay range")
	if strings.Join(asked, " ") != "{[] [] [] [] [] }" {
		t.Errorf("asked %q", asked)
	}
	target.Listen.UDP, target.Listen.TCP, target.Listen.TLS = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.99:3478")}, nil, nil
	// From there nobody gets anywhere: what is seen of another address is not told.
	wantLines(t, outsideView(context.Background(), target), "OK outside address", "WARN outside ports: not asked: from 192.0.2.99, where", "WARN outside relay range")
	for at, want := range map[string]bool{"0.0.0.0:1": true, "[::]:1": true, "127.0.0.2:1": true, "127.0.0.3:1": false, "[::1]:1": false} {
		target.Listen.UDP = []netip.AddrPort{netip.MustParseAddrPort(at)}
		if got := target.listensAt(netip.MustParseAddr("127.0.0.2")); got != want {
			t.Errorf("%s: %v", at, got)
		}
	}
}

func TestNoneOf(t *testing.T) {
	for want, of := range map[string][]string{"not UDP 1": {"UDP 1"}, "neither UDP 1, 2 nor TCP 1": {"UDP 1, 2", "TCP 1"}} {
		if got := noneOf(of); got != want {
			t.Errorf("%q", got)
		}
	}
}
