package store

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// H-22: rows add up and are found again, until they are older than 400 days.
func TestUsageBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	b, err := OpenUsage(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, now := context.Background(), time.Date(2026, 5, 2, 0, 0, 10, 0, time.UTC)
	add := func(news ...Usage) {
		t.Helper()
		if err := b.Add(ctx, now, news); err != nil {
			t.Fatal(err)
		}
	}
	one := Usage{Day: "2026-05-01", Realm: "r", User: "alice", Allocations: 1, Seconds: 60, SentPackets: 2, SentBytes: 300, RecvPackets: 4, RecvBytes: 500}
	next := Usage{Day: "2026-05-02", Realm: "r", User: "alice", Seconds: 10, SentBytes: 200}
	other := Usage{Day: "2026-05-01", Realm: "s", User: "alice", Allocations: 3}
	add(one, next, other)
	add(one)
	add(Usage{Day: "2024-05-01", Realm: "r", User: "gone"})
	add()
	// It outlives the process that wrote it.
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = OpenUsage(path, nil); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	twice := Usage{Day: "2026-05-01", Realm: "r", User: "alice", Allocations: 2, Seconds: 120, SentPackets: 4, SentBytes: 600, RecvPackets: 8, RecvBytes: 1000}
	for _, c := range []struct {
		name string
		f    UsageFilter
		want []Usage
	}{
		{"everything, without what is too old", UsageFilter{}, []Usage{twice, other, next}},
		{"a realm", UsageFilter{Realm: "s"}, []Usage{other}},
		{"a user of a day", UsageFilter{User: "alice", Realm: "r", From: "2026-05-02", To: "2026-05-02"}, []Usage{next}},
		{"until a day", UsageFilter{Realm: "r", To: "2026-05-01"}, []Usage{twice}},
		{"nobody", UsageFilter{User: "' OR 1=1 --"}, nil},
	} {
		got, err := b.Find(ctx, c.f)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
	for month, want := range map[string][]Usage{
		"2026-05": {{Realm: "r", User: "alice", SentBytes: 800, RecvBytes: 1000}, {Realm: "s", User: "alice"}}, "2026-06": nil,
	} {
		if got, err := b.Month(ctx, month, true); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("in %s: %+v, %v; want %+v", month, got, err, want)
		}
	}
	if refused, err := b.Move(ctx, now); refused || err != nil {
		t.Errorf("moved to nowhere: %v, %v", refused, err)
	}
}

func TestUsageBookFails(t *testing.T) {
	b, err := OpenUsage(filepath.Join(t.TempDir(), "usage.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	ctx := context.Background()
	if err := b.Add(ctx, time.Now(), nil); err == nil {
		t.Error("added to a closed file")
	}
	if _, err := b.Find(ctx, UsageFilter{}); err == nil {
		t.Error("read from a closed file")
	}
	if _, err := b.Month(ctx, "2026-05", true); err == nil {
		t.Error("summed up in a closed file")
	}
	if _, err := OpenUsage(filepath.Join(t.TempDir(), "no", "such", "folder"), nil); err == nil {
		t.Error("opened in a folder that is not there")
	}
}
