package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

type used struct {
	Day, Realm, User       string
	Allocations, Minutes   int
	SentPackets, SentBytes int
	ReceivedPackets        int
	ReceivedBytes          int
}

// withinOneDay waits for the next day, in UTC, if this one is nearly over: usage is
// kept for each, and its quota for each month.
func withinOneDay() {
	if left := time.Until(time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)); left < 3*limit {
		<-time.After(left)
	}
}

// What a user did is kept, counted for whom it was, and counts against the quota
// of the month in the next run too.
func TestUsageIsKept(t *testing.T) {
	withinOneDay()
	dir := t.TempDir()
	conf := "realm=example.org\nuser=alice:one\nuser=bob:two\nstatic-auth-secret=north\n"
	file := write(t, "turnserver.conf", conf)
	p := server(t, dir, "-c", file)
	url := "turn:" + udpOf(t, p) + "?transport=udp"
	relays(t, url, "alice", "one", "")
	var minted struct {
		ICEServers []struct{ Username, Credential string }
	}
	must(t, "", &minted, "credentials", "--user=carol", "--data-dir="+dir, "-c", file)
	relays(t, url, minted.ICEServers[0].Username, minted.ICEServers[0].Credential, "")
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d: %s", code, p.err)
	}

	at := []string{"--data-dir=" + dir, "-c", file}
	var list []used
	must(t, "", &list, append([]string{"usage"}, at...)...)
	if len(list) != 2 || list[0].User != "alice" || list[1].User != "carol" {
		t.Fatalf("alice and carol relayed, and usage shows %+v", list)
	}
	for _, u := range list {
		bytes := 2 * len("through "+url) // each of two clients sends at least once
		if u.Allocations != 2 || u.Minutes < 1 || u.SentBytes < bytes || u.ReceivedBytes < bytes || u.SentPackets < 2 || u.Realm != "example.org" {
			t.Errorf("two clients that sent to each other are told as %+v", u)
		}
	}
	csv := must(t, "", nil, append([]string{"usage", "--csv", "--user=alice"}, at...)...)
	if lines := strings.Split(strings.TrimSpace(csv), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "day,realm,user,") || !strings.Contains(lines[1], ",example.org,alice,2,") {
		t.Errorf("as CSV:\n%s", csv)
	}
	if out := must(t, "", nil, append([]string{"usage", "--to=2020-01-01"}, at...)...); !strings.Contains(out, "Nothing") {
		t.Errorf("long ago: %s", out)
	}
	if r := command(t, "", append([]string{"usage", "--from=yesterday"}, at...)...); r.code != 1 || !strings.Contains(r.err, "is no day") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}

	file = write(t, "turnserver.conf", conf+"user-monthly-quota=60\n")
	p = server(t, dir, "-c", file)
	url = "turn:" + udpOf(t, p) + "?transport=udp"
	p.wait(t, "has used up")
	if _, code := dial(t, url, "alice", "one", "").allocate(); code != 486 {
		t.Errorf("alice, who has had her bytes, got %d, want 486", code)
	}
	relays(t, url, "bob", "two", "")
}
