package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// looks is what a server would have looked at.
type looks struct {
	at     []netip.Addr
	probes []Probe
	token  string
}

// reachAPI is an API whose looks are written down instead of carried out.
func reachAPI(t *testing.T, settings ...func(*Options)) (*api, *looks) {
	t.Helper()
	l := new(looks)
	return newAPI(t, append([]func(*Options){func(o *Options) {
		o.Reach = Reach{
			May: func(a netip.Addr) string {
				if a.IsPrivate() {
					return "not there"
				}
				return ""
			},
			From: func(netip.Addr) []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.0.2.1")} },
			Probe: func(_ context.Context, at netip.Addr, all []Probe, token []byte) []Probed {
				l.at, l.probes, l.token = append(l.at, at), all, fmt.Sprintf("%x", token)
				var out []Probed
				for _, p := range all {
					out = append(out, Probed{Transport: p.Transport, Port: p.Port, Result: "answered", Took: 3 * time.Millisecond})
				}
				return out
			},
		}
	}}, settings...)...), l
}

// long fills a body up, so that it pays for what it asks for.
func long(body string) string { return body + strings.Repeat(" ", 8<<10) }

func (a *api) reachFor(body string, headers ...string) *httptest.ResponseRecorder {
	return a.do(request("POST", "/api/v1/reach", body, append(headers, a.bearer())...))
}

const someToken = "00112233445566778899aabbccddeeff"

// Who asks is told of the ports that he names, at his own address.
func TestReach(t *testing.T) {
	a, l := reachAPI(t)
	w := a.reachFor(long(`{"udp":[3478],"tcp":[443,3478],"relay":[50000],"token":"` + someToken + `"}`))
	want(t, w, http.StatusOK, "")
	var got struct {
		Address netip.Addr
		From    []netip.Addr
		Results []struct {
			Transport string
			Port      uint16
			Result    string
			MS        int64
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Address.String() != "198.51.100.7" || fmt.Sprint(got.From) != "[192.0.2.1]" ||
		fmt.Sprint(got.Results) != "[{udp 3478 answered 3} {tcp 443 answered 3} {tcp 3478 answered 3} {relay 50000 answered 3}]" {
		t.Errorf("%+v", got)
	}
	if fmt.Sprint(l.at) != "[198.51.100.7]" || l.token != someToken {
		t.Errorf("%+v", l)
	}
}

// H-18: nobody can have another address looked at: not by the body, and not by
// headers, unless a proxy that is trusted has written them.
func TestReachAddressIsTheAskers(t *testing.T) {
	a, l := reachAPI(t)
	for _, body := range []string{
		`{"udp":[3478],"address":"203.0.113.9"}`, `{"udp":["203.0.113.9:3478"]}`, `{"relay":["203.0.113.9:50000"],"token":"` + someToken + `"}`, `{"host":"x"}`,
	} {
		want(t, a.reachFor(long(body)), http.StatusBadRequest, "json")
	}
	forged := []string{"X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Real-Ip: 203.0.113.9", "X-Forwarded-Proto: https"}
	want(t, a.reachFor(long(`{"udp":[3478]}`), forged...), http.StatusOK, "")
	behind, b := reachAPI(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")} })
	want(t, behind.reachFor(long(`{"udp":[3478]}`), "X-Forwarded-For: 192.0.2.77, 203.0.113.9", "X-Forwarded-Proto: https"), http.StatusOK, "")
	// One that does not say whom it asks for is no client.
	want(t, behind.reachFor(long(`{"udp":[3478]}`), "X-Forwarded-For: nonsense", "X-Forwarded-Proto: https"), http.StatusForbidden, "reach-off")
	// What the server will not look at it does not look at.
	want(t, behind.reachFor(long(`{"udp":[3478]}`), "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https"), http.StatusForbidden, "reach-address")
	if fmt.Sprint(l.at, b.at) != "[198.51.100.7] [203.0.113.9]" {
		t.Errorf("looked at %v and %v", l.at, b.at)
	}
}

// A call asks for little: few ports, none of other services, no reflection.
//
// A-O09: what it makes the server send is never more than it is long.
func TestReachIsBounded(t *testing.T) {
	a, l := reachAPI(t, func(o *Options) { o.Clock = time.Now })
	list := func(n int) string {
		var ports []string
		for i := range n {
			ports = append(ports, fmt.Sprint(40000+i))
		}
		return strings.Join(ports, ",")
	}
	for body, word := range map[string]string{
		long(`{"udp":[` + list(mostProbes+1) + `]}`):                          "reach",
		long(`{"udp":[` + list(mostProbes) + `],"tcp":[3478]}`):               "reach",
		long(`{"tcp":[22]}`):                                                  "reach",
		long(`{"udp":[123]}`):                                                 "reach",
		long(`{"udp":[0]}`):                                                   "reach",
		long(`{"udp":[3478,3478]}`):                                           "reach",
		long(`{"udp":[65536]}`):                                               "json",
		long(`{"udp":[-1]}`):                                                  "json",
		long(`{"relay":[50000]}`):                                             "reach",
		long(`{"relay":[50000],"token":"00"}`):                                "reach",
		long(`{"relay":[50000],"token":"` + strings.Repeat("z", 32) + `"}`):   "reach",
		long(`{"relay":[50000],"token":"` + strings.Repeat("0", 4096) + `"}`): "reach",
		`{"udp":[3478]}`:                                                      "reach",
		`{"dtls":[` + list(5) + `]}` + strings.Repeat(" ", 5*probeCost("dtls")-1-len(`{"dtls":[`+list(5)+`]}`)): "reach",
	} {
		a.API.clients, a.API.keys = newRate(1000, 1000), newRate(1000, 1000)
		want(t, a.reachFor(body), http.StatusBadRequest, word)
	}
	// Without a length that is known nothing is paid for.
	r := request("POST", "/api/v1/reach", long(`{"udp":[3478]}`), a.bearer())
	r.ContentLength = -1
	want(t, a.do(r), http.StatusBadRequest, "reach")
	if len(l.at) > 0 {
		t.Errorf("looked at %v", l.at)
	}
	a.API.clients = newRate(1000, 1000)
	want(t, a.reachFor(`{"udp":[3478],"tcp":[80,443,53]}`+strings.Repeat(" ", probeCost("udp")+3*probeCost("tcp"))), http.StatusOK, "")
}

// H-18: a key, an address and all of them together have only so many calls.
func TestReachRates(t *testing.T) {
	a, _ := reachAPI(t)
	body := long(`{"udp":[3478]}`)
	codes := func(n int, ask func(i int) int) (ok int) {
		for i := range n {
			a.API.clients, a.API.keys = newRate(1000, 1000), newRate(1000, 1000)
			switch code := ask(i); code {
			case http.StatusOK:
				ok++
			case http.StatusTooManyRequests:
			default:
				t.Fatalf("%d", code)
			}
		}
		return ok
	}
	if got := codes(reachBurst+5, func(int) int { return a.reachFor(body).Code }); got != reachBurst {
		t.Errorf("one key has %d calls", got)
	}
	// Another key from the same address has none, nor has the same key from elsewhere.
	other, _ := a.add(Link{})
	want(t, a.do(request("POST", "/api/v1/reach", body, "Authorization: Bearer "+other)), http.StatusTooManyRequests, "too-many")
	from := func(i int, key string) int {
		r := request("POST", "/api/v1/reach", body, "Authorization: Bearer "+key)
		r.RemoteAddr = fmt.Sprintf("203.0.113.%d:40000", i)
		return a.do(r).Code
	}
	if code := from(250, a.key); code != http.StatusTooManyRequests {
		t.Errorf("the key has more elsewhere: %d", code)
	}
	if got := codes(2*reachAllBurst, func(i int) int {
		key, _ := a.add(Link{})
		return from(i, key)
	}); got != reachAllBurst-reachBurst {
		t.Errorf("all together have %d more calls, want %d", got, reachAllBurst-reachBurst)
	}
	a.now = a.now.Add(10 * time.Minute)
	if code := a.reachFor(body).Code; code != http.StatusOK {
		t.Errorf("%d after a while", code)
	}
}

// Only a few calls are under way at a time.
func TestReachAtOnce(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	a, _ := reachAPI(t, func(o *Options) {
		o.Reach.Probe = func(ctx context.Context, _ netip.Addr, _ []Probe, _ []byte) []Probed {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a look has no end")
			}
			begun <- struct{}{}
			<-end
			return nil
		}
	})
	codes := make(chan int)
	for range reachAtOnce {
		go func() { codes <- a.reachFor(long(`{"udp":[3478]}`)).Code }()
	}
	for range reachAtOnce {
		<-begun
	}
	if code := a.reachFor(long(`{"udp":[3478]}`)).Code; code != http.StatusTooManyRequests {
		t.Errorf("one more: %d", code)
	}
	close(end)
	var all []int
	for range reachAtOnce {
		all = append(all, <-codes)
	}
	if !slices.Equal(all, slices.Repeat([]int{http.StatusOK}, reachAtOnce)) {
		t.Errorf("%v", all)
	}
}

// A server that is not told how looks at nobody.
func TestReachOff(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Reach = Reach{} })
	want(t, a.reachFor(long(`{"udp":[3478]}`)), http.StatusForbidden, "reach-off")
}
