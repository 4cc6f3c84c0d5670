package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// BrowserTime is how long the doctor waits for a browser, and so how long the link
// is good that it makes for one.
const BrowserTime = 15 * time.Minute

const (
	// browserEvery is how often the server is asked what it has seen.
	browserEvery = time.Second
	// browserQuiet is longer than the test page is silent during a run: it tries
	// one transport after the other, and waits for each.
	browserQuiet = 25 * time.Second
)

// seenAttempt is a request with the link's credentials, as the server tells it.
type seenAttempt struct {
	Method    string
	Code      int
	Cause     string
	Transport string
	Client    string
}

// FollowBrowser waits until somebody elsewhere has opened a link to the test page
// and run the test, or until ctx ends, and tells what the server saw of it: which
// transports came through, and from where. Link is as `iceserver link add` prints
// it.
func (t *Target) FollowBrowser(ctx context.Context, link string) []Check {
	f, err := t.pages(link)
	if err != nil {
		return []Check{fail("browser", err.Error(), "start the server with web=on, which has the test page")}
	}
	defer f.client.CloseIdleConnections()
	seen, err := f.follow(ctx, t.browserTransports())
	if err != nil {
		return []Check{fail("browser", "the server does not tell what it sees: "+err.Error(), "see whether it runs still, and look at its log")}
	}
	return t.browserChecks(seen)
}

// browserTransports are those of this server that browsers speak.
func (t *Target) browserTransports() (all []string) {
	for _, of := range []struct {
		name string
		at   []netip.AddrPort
	}{{"UDP", t.Listen.UDP}, {"TCP", t.Listen.TCP}, {"TLS", t.Listen.TLS}} {
		if len(of.at) > 0 {
			all = append(all, of.name)
		}
	}
	return all
}

// follower asks the running server for the attempts of one link.
type follower struct {
	url, key string
	client   *http.Client
}

// pages finds the way to the pages of the running server from this machine: their
// port is that of the link, the address one that it listens on here.
func (t *Target) pages(link string) (*follower, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("the link is no address of a page")
	}
	fragment, _ := url.ParseQuery(u.EscapedFragment())
	all := slices.Concat(t.Listen.TCP, t.Listen.TLS)
	i := slices.IndexFunc(all, func(a netip.AddrPort) bool { return own(a).Addr().IsLoopback() })
	if len(all) == 0 || u.Port() == "" {
		return nil, errors.New("this server has no pages")
	}
	at := own(all[max(i, 0)]).Addr().String()
	return &follower{
		url: "https://" + net.JoinHostPort(at, u.Port()) + "/api/v1/attempts", key: fragment.Get("key"),
		client: &http.Client{
			Timeout: farTime,
			// The other end is on this machine: nobody is in between.
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// ask asks once.
func (f *follower) ask(ctx context.Context) ([]seenAttempt, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+f.key)
	res, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusalOf(res.StatusCode, text)
	}
	var said struct{ Attempts []seenAttempt }
	return said.Attempts, json.Unmarshal(text, &said)
}

// follow asks until a run of the page is seen to be over: every transport has
// come through, or nothing more happens. The end of ctx is no error.
func (f *follower) follow(ctx context.Context, transports []string) (seen []seenAttempt, err error) {
	again := time.NewTicker(browserEvery)
	defer again.Stop()
	last := time.Now()
	for {
		now, err := f.ask(ctx)
		var refused *farError
		switch {
		case ctx.Err() != nil:
			return seen, nil
		// A running server takes a new link within seconds.
		case errors.As(err, &refused) && refused.status == http.StatusUnauthorized && time.Since(last) < farTime:
		case err != nil:
			return seen, err
		case len(now) != len(seen):
			seen, last = now, time.Now()
		}
		missing := slices.ContainsFunc(transports, func(name string) bool { return !allocated(seen, name).came })
		if len(seen) > 0 && (!missing || time.Since(last) > browserQuiet) {
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return seen, nil
		case <-again.C:
		}
	}
}

// came is what was seen of one transport.
type came struct {
	came    bool
	clients []string // where from, also of those who were refused
	refusal string   // of the last one that was refused after it had logged in
}

// allocated looks through what was seen of one transport.
func allocated(seen []seenAttempt, transport string) (c came) {
	for _, a := range seen {
		if a.Transport != transport || a.Method != "Allocate" {
			continue
		}
		if a.Client != "" && !slices.Contains(c.clients, a.Client) {
			c.clients = append(c.clients, a.Client)
		}
		switch {
		case a.Code == 0:
			c.came = true
		case a.Code != 401 && a.Code != 438:
			c.refusal = fmt.Sprintf("%d %s", a.Code, a.Cause)
		}
	}
	return c
}

// browserChecks is what that means.
func (t *Target) browserChecks(seen []seenAttempt) []Check {
	if len(seen) == 0 {
		return []Check{warn("browser", "no browser has asked for a relay with the link", "open the link elsewhere, press Run the test, and see what the page says: if it does not open at all, the port of the pages is closed, or the address wrong")}
	}
	var checks []Check
	others := slices.ContainsFunc(t.browserTransports(), func(name string) bool { return allocated(seen, name).came })
	for _, name := range t.browserTransports() {
		check := "browser " + strings.ToLower(name)
		got := allocated(seen, name)
		from := strings.Join(got.clients, ", ")
		switch {
		case got.came:
			checks = append(checks, ok(check, "came through from "+from))
		case got.refusal != "":
			checks = append(checks, fail(check, "was refused with "+got.refusal+" from "+from, "the log of the server says why"))
		case len(got.clients) > 0:
			checks = append(checks, fail(check, "arrived from "+from+", and nothing after the challenge did", "answers do not get back: see what this machine's firewall does with what goes out, and whether external-ip is right"))
		case name == "TLS":
			// A hello that ends with the certificate is no attempt of anybody.
			advice, _ := t.open(t.door(name))
			checks = append(checks, fail(check, "nothing came over TLS: the browser refuses the certificate, or its port is closed", "look at the line of the certificate; if that is OK, "+advice))
		default:
			what := "nothing came over " + name
			if others {
				what += ", other transports came through: a firewall drops it"
			}
			checks = append(checks, t.closed(check, t.door(name), what))
		}
	}
	return checks
}

// door is the first port of a transport.
func (t *Target) door(transport string) portRange {
	switch transport {
	case "UDP":
		return portRange{"udp", t.Listen.UDP[0].Port(), t.Listen.UDP[0].Port()}
	case "TCP":
		return portRange{"tcp", t.Listen.TCP[0].Port(), t.Listen.TCP[0].Port()}
	}
	return portRange{"tcp", t.Listen.TLS[0].Port(), t.Listen.TLS[0].Port()}
}
