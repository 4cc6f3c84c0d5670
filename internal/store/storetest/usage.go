package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"iceserver/internal/store"
)

// Usage runs the suite of what servers that share a database keep of users in it.
// Fresh returns what opens a new, empty database, which it may do several times;
// dead is one of the same kind that nobody answers for.
func Usage(t *testing.T, fresh func(t *testing.T) (open func() store.Database), dead store.Database) {
	tests := []struct {
		name string
		run  func(t *testing.T, open func() store.Database, dead store.Database)
	}{
		{"servers add up", usageAddsUp}, {"names are apart", usageNames}, {"borders", usageBorders},
		{"crash", usageCrash}, {"down", usageDown}, {"many rows", usageMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, fresh(t), dead) })
	}
}

// today is the day of these tests, and its usual moment.
const today = "2026-05-31"

func noon() time.Time { return time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC) }

// of is a row with numbers that are all different.
func of(day, realm, user string, n uint64) store.Usage {
	return store.Usage{Day: day, Realm: realm, User: user, Allocations: n, Seconds: 2 * n, SentPackets: 3 * n, SentBytes: 4 * n, RecvPackets: 5 * n, RecvBytes: 6 * n}
}

func book(t *testing.T, path string, db store.Database) *store.UsageBook {
	t.Helper()
	b, err := store.OpenUsage(path, db)
	check(t, "open", err, nil)
	t.Cleanup(func() { b.Close() })
	return b
}

// server is the book of a server of its own.
func server(t *testing.T, db store.Database) *store.UsageBook {
	t.Helper()
	return book(t, filepath.Join(t.TempDir(), "usage.db"), db)
}

// move adds and moves.
func move(t *testing.T, b *store.UsageBook, now time.Time, rows ...store.Usage) {
	t.Helper()
	check(t, "add", b.Add(context.Background(), now, rows), nil)
	if refused, err := b.Move(context.Background(), now); refused || err != nil {
		t.Fatalf("move: refused %v, error %v", refused, err)
	}
}

func wantUsage(t *testing.T, b *store.UsageBook, f store.UsageFilter, want ...store.Usage) {
	t.Helper()
	got, err := b.Find(context.Background(), f)
	check(t, "find", err, nil)
	if !slices.Equal(got, want) {
		t.Fatalf("usage of %+v:\ngot  %+v\nwant %+v", f, got, want)
	}
}

// wantMonth requires sums of bytes, each of a user of realm r.
func wantMonth(t *testing.T, b *store.UsageBook, month string, ask bool, want map[string]uint64) {
	t.Helper()
	sums, err := b.Month(context.Background(), month, ask)
	check(t, "month", err, nil)
	if len(sums) != len(want) {
		t.Fatalf("sums of %s: %+v, want %v", month, sums, want)
	}
	for _, u := range sums {
		if got := u.SentBytes + u.RecvBytes; u.Realm != "r" || got != want[u.User] {
			t.Fatalf("sums of %s: %+v, want %v", month, sums, want)
		}
	}
}

// H-22: what a user did on one server and on another is one row, and found by each.
func usageAddsUp(t *testing.T, open func() store.Database, _ store.Database) {
	a, b := server(t, open()), server(t, open())
	wantUsage(t, a, store.UsageFilter{})
	move(t, a, noon(), of(today, "r", "alice", 1), of("2026-05-30", "r", "alice", 10), of(today, "s", "alice", 100))
	move(t, b, noon(), of(today, "r", "alice", 1000), of(today, "r", "bob", 7))
	move(t, a, noon(), of(today, "r", "alice", 10000))
	for _, s := range []*store.UsageBook{a, b} {
		wantUsage(t, s, store.UsageFilter{}, of("2026-05-30", "r", "alice", 10), of(today, "r", "alice", 11001), of(today, "r", "bob", 7), of(today, "s", "alice", 100))
		wantUsage(t, s, store.UsageFilter{Realm: "s"}, of(today, "s", "alice", 100))
		wantUsage(t, s, store.UsageFilter{User: "alice", Realm: "r", From: today}, of(today, "r", "alice", 11001))
		wantUsage(t, s, store.UsageFilter{To: "2026-05-30"}, of("2026-05-30", "r", "alice", 10))
		wantUsage(t, s, store.UsageFilter{User: "' OR 1=1 --"})
	}
	wantMonth(t, b, "2026-04", true, nil)
}

// UsageAtOnce shows that servers which write the same rows of an empty database at
// the same time lose none.
func UsageAtOnce(t *testing.T, open func() store.Database) {
	const servers, rounds = 3, 5
	first := server(t, open())
	move(t, first, noon(), of(today, "r", "alice", 1))
	var wg sync.WaitGroup
	for range servers {
		b := server(t, open())
		wg.Go(func() {
			for range rounds {
				if err := b.Add(context.Background(), noon(), []store.Usage{of(today, "r", "alice", 1), of(today, "r", "bob", 2)}); err != nil {
					t.Error(err)
				}
				if _, err := b.Move(context.Background(), noon()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantUsage(t, first, store.UsageFilter{}, of(today, "r", "alice", servers*rounds+1), of(today, "r", "bob", 2*servers*rounds))
}

// A-C01: names are bytes, whatever is in them.
func usageNames(t *testing.T, open func() store.Database, _ store.Database) {
	b := server(t, open())
	var rows []store.Usage
	for i, name := range []string{"Alice", "alice", "alice ", "al/ice", "al'ice", `a"\%_*?[`, "$alice.x", "cafe\u0301", "caf\u00e9", "\U0001f600", "1 a 2 b"} {
		for j, realm := range []string{"R", "r", "r 1", "1 r", "\u00e9\u4e2d"} {
			rows = append(rows, of(today, realm, name, uint64(10*i+j+1)))
		}
	}
	move(t, b, noon(), rows...)
	slices.SortFunc(rows, func(a, b store.Usage) int {
		return slices.Compare([]string{a.Realm, a.User}, []string{b.Realm, b.User})
	})
	wantUsage(t, b, store.UsageFilter{}, rows...)
	wantUsage(t, b, store.UsageFilter{Realm: rows[7].Realm, User: rows[7].User}, rows[7])
}

// A day and a month end where they do, in the database too, and a row ends after 400
// days.
func usageBorders(t *testing.T, open func() store.Database, _ store.Database) {
	b := server(t, open())
	last := of("2025-04-26", "r", "alice", 5) // 400 days before
	move(t, b, noon(), of(today, "r", "alice", 1), of("2026-06-01", "r", "alice", 10), of("2026-05-01", "r", "bob", 100), of("2026-04-30", "r", "bob", 1000), last)
	wantMonth(t, b, "2026-04", true, map[string]uint64{"bob": 10000})
	wantMonth(t, b, "2026-05", true, map[string]uint64{"alice": 10, "bob": 1000})
	wantMonth(t, b, "2026-06", true, map[string]uint64{"alice": 100})
	wantUsage(t, b, store.UsageFilter{To: "2025-12-31"}, last)
	move(t, b, noon().AddDate(0, 0, 1), of("2026-06-01", "r", "alice", 1))
	wantUsage(t, b, store.UsageFilter{To: "2025-12-31"})
	wantMonth(t, b, "2026-06", true, map[string]uint64{"alice": 110})
}

// A server that ends between the database's answer and its own note of it brings the
// same again at its next start, and nothing counts twice; nor where another process
// has moved it meanwhile.
func usageCrash(t *testing.T, open func() store.Database, dead store.Database) {
	dir := t.TempDir()
	path, before := filepath.Join(dir, "usage.db"), filepath.Join(dir, "before.db")
	b, err := store.OpenUsage(path, dead)
	check(t, "open", err, nil)
	check(t, "add", b.Add(t.Context(), noon(), []store.Usage{of(today, "r", "alice", 1), of(today, "r", "bob", 2)}), nil)
	if refused, err := b.Move(t.Context(), noon()); err == nil || refused {
		t.Fatalf("moved into a dead database: refused %v, error %v", refused, err)
	}
	check(t, "add", b.Add(t.Context(), noon(), []store.Usage{of(today, "r", "alice", 10)}), nil)
	check(t, "close", b.Close(), nil)
	text, err := os.ReadFile(path)
	check(t, "read", err, nil)
	check(t, "write", os.WriteFile(before, text, 0o600), nil)

	b = book(t, path, open())
	move(t, b, noon())
	// The same batch, and behind it one that has another name, from a file of before.
	again := book(t, before, open())
	move(t, again, noon())
	wantUsage(t, b, store.UsageFilter{}, of(today, "r", "alice", 21), of(today, "r", "bob", 2))
	// The names of batches are forgotten, and rows are not.
	move(t, b, noon().Add(2*time.Hour), of(today, "r", "bob", 1))
	move(t, b, noon().Add(4*time.Hour))
	wantUsage(t, b, store.UsageFilter{}, of(today, "r", "alice", 21), of(today, "r", "bob", 3))
}

// While a database is down nothing is lost, sums go by what it said last, and nobody
// is told half of it.
func usageDown(t *testing.T, open func() store.Database, dead store.Database) {
	path := filepath.Join(t.TempDir(), "usage.db")
	b, err := store.OpenUsage(path, open())
	check(t, "open", err, nil)
	move(t, server(t, open()), noon(), of(today, "r", "alice", 1), of(today, "r", "bob", 1))
	move(t, b, noon(), of(today, "r", "alice", 1))
	wantMonth(t, b, "2026-05", true, map[string]uint64{"alice": 20, "bob": 10})
	check(t, "close", b.Close(), nil)

	b, err = store.OpenUsage(path, dead)
	check(t, "open", err, nil)
	check(t, "add", b.Add(t.Context(), noon(), []store.Usage{of(today, "r", "alice", 1)}), nil)
	for range 2 {
		if refused, err := b.Move(t.Context(), noon()); err == nil || refused {
			t.Fatalf("moved into a dead database: refused %v, error %v", refused, err)
		}
		wantMonth(t, b, "2026-05", false, map[string]uint64{"alice": 30, "bob": 10})
	}
	if found, err := b.Find(t.Context(), store.UsageFilter{}); err == nil {
		t.Fatalf("a dead database, and usage is %+v", found)
	}
	if sums, err := b.Month(t.Context(), "2026-05", true); err == nil || len(sums) != 2 {
		t.Fatalf("a dead database, and sums are %+v, error %v", sums, err)
	}
	check(t, "close", b.Close(), nil)

	b = book(t, path, open())
	move(t, b, noon())
	wantMonth(t, b, "2026-05", true, map[string]uint64{"alice": 30, "bob": 10})
	wantUsage(t, b, store.UsageFilter{}, of(today, "r", "alice", 3), of(today, "r", "bob", 1))
}

// A file of many rows, as of an earlier version that kept all there, is moved in.
func usageMany(t *testing.T, open func() store.Database, _ store.Database) {
	path := filepath.Join(t.TempDir(), "usage.db")
	b, err := store.OpenUsage(path, nil)
	check(t, "open", err, nil)
	var rows []store.Usage
	for i := range 450 {
		rows = append(rows, of(noon().AddDate(0, 0, -i/100).Format(store.DayFormat), "r", fmt.Sprint("user", i), uint64(i+1)))
	}
	check(t, "add", b.Add(t.Context(), noon(), rows), nil)
	check(t, "close", b.Close(), nil)
	move(t, book(t, path, open()), noon())
	slices.SortFunc(rows, func(a, b store.Usage) int {
		return slices.Compare([]string{a.Day, a.User}, []string{b.Day, b.User})
	})
	wantUsage(t, server(t, open()), store.UsageFilter{}, rows...)
}
