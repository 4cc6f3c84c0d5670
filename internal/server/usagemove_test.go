package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/store"
	"iceserver/internal/turn"
)

// Of two servers on one database each knows what a user did on the other with the
// next time that both write down, and a new month is one for both. Whoever may not
// write there any more is told once, and counts alone.
func TestUsageOfTwoServers(t *testing.T) {
	port := freePort(t)
	db := redisServer(t, port)
	conf := fmt.Sprintf("user-monthly-quota=1000\nrealm=r\nuser=alice:pw\nredis-userdb=ip=127.0.0.1 port=%d dbname=3 password=of-the-test", port)
	one, two := start(t, load(t, conf), Options{}), start(t, load(t, conf), Options{})
	for _, r := range []*running{one, two} {
		r.log.Wait(t, "msg=ready")
	}
	alice := turn.Account{Realm: "r", Username: "alice"}
	did := func(r *running, now time.Time, bytes uint64) {
		r.accounting.unkept[alice] = turn.Tally{Usage: turn.Usage{ClientBytes: bytes}}
		r.accounting.settle(t.Context(), now, r.relay)
	}
	barred := func(when string, first, second bool) {
		t.Helper()
		if a, b := one.accounting.barred("r", "alice"), two.accounting.barred("r", "alice"); a != first || b != second {
			t.Errorf("%s: alice is out on the first: %v, on the second: %v", when, a, b)
		}
	}
	last := time.Date(2026, 5, 31, 23, 59, 30, 0, time.UTC)
	did(one, last, 600)
	did(two, last, 399)
	did(one, last, 0)
	barred("one byte is left", false, false)
	did(two, last, 1)
	barred("she has had all", false, true)
	did(one, last, 0)
	barred("both know", true, true)

	first := last.Add(time.Minute)
	did(one, first, 700)
	did(two, first, 0)
	barred("a new month", false, false)
	rows, err := two.accounting.book.Find(t.Context(), store.UsageFilter{})
	want := []store.Usage{{Day: "2026-05-31", Realm: "r", User: "alice", SentBytes: 1000}, {Day: "2026-06-01", Realm: "r", User: "alice", SentBytes: 700}}
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("usage is %+v, error %v; want %+v", rows, err, want)
	}

	// From now on nobody may write, as on a replica.
	if err := db.Do(t.Context(), "ACL", "SETUSER", "default", "-@write").Err(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		did(two, first, 100)
	}
	barred("the second counts on", false, true)
	if n := strings.Count(two.log.String(), "does not let its user keep"); n != 1 {
		t.Errorf("%d lines about it", n)
	}
	if err := db.Do(t.Context(), "ACL", "SETUSER", "default", "+@write").Err(); err != nil {
		t.Fatal(err)
	}
	did(two, first.Add(2*refusedInterval), 0)
	did(one, first.Add(2*refusedInterval), 0)
	barred("both know again", true, true)
	two.log.Wait(t, "is in the database again")
}
