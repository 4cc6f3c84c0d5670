package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// sameLink compares what two programs may read of a link.
func sameLink(a, b Link) bool {
	return a.ID == b.ID && a.Hash == b.Hash && a.Label == b.Label && a.Created.Equal(b.Created) && a.Expires.Equal(b.Expires) &&
		a.Revoked.Equal(b.Revoked) && a.Used.Equal(b.Used) && a.MaxTTL == b.MaxTTL && a.Quota == b.Quota
}

// A link comes back as it was put in, from the same file and from the one that
// another program has opened meanwhile.
//
// H-04: the key is found by its sum, has its end and its last use, and can be
// revoked once.
func TestLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%41?x=y", "links.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	server, command := openLinks(t, path), openLinks(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != dbMode && runtime.GOOS != "windows" {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	now := time.Unix(2_000_000_000, 0)
	want := Link{ID: "one", Hash: [32]byte{1}, Label: "Ann's \u7535\u8bdd; DROP TABLE link", Created: now, Expires: now.Add(time.Hour), MaxTTL: time.Minute, Quota: 3}
	for _, k := range []Link{want, {ID: "two", Hash: [32]byte{2}, Created: now.Add(time.Second)}} {
		if err := command.Add(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := server.Find(t.Context(), want.Hash); err != nil || !sameLink(got, want) {
		t.Errorf("got %+v, want %+v, error %v", got, want, err)
	}
	if _, err := server.Find(t.Context(), [32]byte{3}); !errors.Is(err, ErrNoLink) {
		t.Errorf("error %v", err)
	}
	want.Used, want.Revoked = now.Add(2*time.Second), now.Add(3*time.Second)
	for i, err := range []error{
		server.Use(t.Context(), "one", want.Used), server.Use(t.Context(), "one", now), command.Revoke(t.Context(), "one", want.Revoked),
	} {
		if err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	all, err := server.All(t.Context())
	if err != nil || len(all) != 2 || !sameLink(all[0], want) || all[1].ID != "two" || !all[1].Expires.IsZero() {
		t.Errorf("%+v, error %v", all, err)
	}
	for _, id := range []string{"one", "three", "' OR 1=1"} {
		if err := command.Revoke(t.Context(), id, now); !errors.Is(err, ErrNoLink) {
			t.Errorf("%s: error %v", id, err)
		}
	}
}

func openLinks(t *testing.T, path string) *Links {
	t.Helper()
	l, err := OpenLinks(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Links are bounded, revoking makes room, and what was revoked long ago goes.
func TestLinksAreBounded(t *testing.T) {
	l := openLinks(t, filepath.Join(t.TempDir(), "links.db"))
	now := time.Unix(2_000_000_000, 0)
	tx, err := l.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxLinks {
		if _, err := tx.Exec(sqlAddLink, fmt.Sprint(i), []byte{byte(i >> 8), byte(i)}, "", 1, 0, 0, 0, maxLinks); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	more := Link{ID: "more", Hash: [32]byte{9}, Created: now}
	if err := l.Add(t.Context(), more); !errors.Is(err, ErrTooManyLinks) {
		t.Errorf("error %v", err)
	}
	if err := l.Revoke(t.Context(), "5", now.Add(-keptRevoked-time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(t.Context(), more); err != nil {
		t.Error(err)
	}
	all, err := l.All(t.Context())
	if err != nil || len(all) != maxLinks {
		t.Errorf("%d links, error %v", len(all), err)
	}
	if err := l.Add(t.Context(), more); err == nil {
		t.Error("the same number or key twice")
	}
}

// A file that is something else is refused with its name.
func TestOpenLinksRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "links.db")
	if err := os.WriteFile(path, []byte("this is no database, and long enough to show it, is it not?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := OpenLinks(path); err == nil {
		l.Close()
		t.Error("no error")
	}
}
