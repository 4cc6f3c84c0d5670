package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// clockTolerance is how wrong a clock may be: the Date header tells seconds, and
// credentials and certificates bear minutes.
const clockTolerance = 60 * time.Second

// checkClock looks whether the clock is right, by a server's Date where one is
// named, else by what the kernel knows of it. Credentials with an end and
// certificates go by it.
func checkClock(ctx context.Context, t *Target) []Check {
	const name = "clock"
	set := "set the clock by the network: timedatectl set-ntp true"
	// A server that looks from outside tells the time as well. Its link has a key in
	// it, so only its host is ever shown.
	if at, err := url.Parse(cmp.Or(t.Clock, t.Outside.Link)); err == nil && at.Host != "" {
		at.Fragment, at.RawQuery = "", ""
		if off, err := clockOffset(ctx, at.String()); err == nil {
			return []Check{judgeClock(off, at.Host, set)}
		}
	}
	state, known := clockState()
	switch {
	case !known:
		return []Check{ok(name, "this system does not tell whether its clock is set by the network")}
	case state:
		return []Check{ok(name, "set by the network, says the kernel")}
	case t.exists("/run/systemd/system") && t.container() == "":
		return []Check{warn(name, "nobody sets the clock: credentials with an end and certificates go by it", set)}
	}
	// A container has the clock of its host, and cannot see who sets that.
	return []Check{ok(name, "the kernel does not know of anybody who sets it, which is the host's business")}
}

func judgeClock(off time.Duration, who, advice string) Check {
	if off.Abs() <= clockTolerance {
		return ok("clock", "as that of "+who)
	}
	how := "fast"
	if off < 0 {
		how = "slow"
	}
	return fail("clock", fmt.Sprintf("%v %s against %s: credentials with an end and certificates fail", off.Abs().Round(time.Second), how, who), advice)
}

// clockOffset is how much this machine is ahead of a server, by its Date header.
func clockOffset(ctx context.Context, url string) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return 0, err
	}
	// A clock that is wrong makes good certificates bad, just when the time is wanted;
	// and nothing is told to the server that anybody may not know.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	before := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("doctor: %s tells no time: %w", url, err)
	}
	// The answer was made somewhere between the two.
	return before.Add(time.Since(before) / 2).Sub(there), nil
}
