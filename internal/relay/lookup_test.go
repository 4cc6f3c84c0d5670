package relay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/turn"
)

// directory is a user database: what Known knows, what Find finds, how long
// that takes.
type directory struct {
	users map[string]auth.Key // known at once
	ended map[string]auth.Key // known at once, and over
	slow  map[string]auth.Key // found after delay
	delay time.Duration
}

func (d *directory) Known(_ time.Time, _, username string) (auth.Candidates, bool) {
	if username == "panic" {
		panic("a fault in the user database")
	}
	var c auth.Candidates
	if k, ok := d.users[username]; ok {
		c.Keys = []auth.Key{k}
	}
	if k, ok := d.ended[username]; ok {
		c.Expired = []auth.Key{k}
	}
	return c, d.slow == nil || len(c.Keys) > 0
}

func (d *directory) Find(ctx context.Context, _, username string) (c auth.Candidates, err error) {
	select {
	case <-ctx.Done():
		return c, ctx.Err()
	case <-time.After(d.delay):
	}
	if username == "panic slowly" {
		panic("a fault in the user database")
	}
	if username == "broken" {
		return c, errors.New("connection refused")
	}
	if k, ok := d.slow[username]; ok {
		c.Keys = []auth.Key{k}
	}
	if k, ok := d.ended[username]; ok {
		c.Expired = []auth.Key{k}
	}
	return c, nil
}

func TestLookups(t *testing.T) {
	key := auth.Key("0123456789abcdef")
	cases := []struct {
		user  string
		delay time.Duration
		want  turn.KeyReply
		after time.Duration
	}{
		{"alice", time.Second, turn.KeyReply{ID: 1, Candidates: auth.Candidates{Keys: []auth.Key{key}}}, time.Second},
		{"ended", time.Second, turn.KeyReply{ID: 1, Candidates: auth.Candidates{Expired: []auth.Key{key}}}, time.Second},
		{"nobody", time.Second, turn.KeyReply{ID: 1}, time.Second},
		{"broken", time.Second, turn.KeyReply{ID: 1, Unavailable: true}, time.Second},
		// F-16: a database that hangs costs its own users two seconds and a 500.
		{"alice", time.Hour, turn.KeyReply{ID: 1, Unavailable: true}, lookupTimeout},
		{"panic slowly", 0, turn.KeyReply{ID: 1, Unavailable: true}, 0},
	}
	for _, c := range cases {
		t.Run(c.user+" "+c.delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &directory{slow: map[string]auth.Key{"alice": key}, ended: map[string]auth.Key{"ended": key}, delay: c.delay}
				l := newLookups(d, slog.New(slog.DiscardHandler))
				m, woken := newTestMailbox()
				ctx, cancel := context.WithCancel(t.Context())
				go l.run(ctx)
				start := time.Now()
				l.ask(turn.Lookup{ID: 1, Username: c.user}, m)
				<-woken
				if took := time.Since(start); took != c.after {
					t.Errorf("answered after %v, want %v", took, c.after)
				}
				got := onlyReply(t, m)
				if got.ID != 1 || got.Unavailable != c.want.Unavailable || len(got.Keys) != len(c.want.Keys) || len(got.Expired) != len(c.want.Expired) {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
				cancel()
			})
		})
	}
}

// A queue that is full answers at once; one that waited too long is not asked
// for any more.
func TestLookupsOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{slow: map[string]auth.Key{}, delay: time.Hour}
		l := newLookups(d, slog.New(slog.DiscardHandler))
		m, _ := newTestMailbox()
		for i := range lookupQueue {
			if !l.ask(turn.Lookup{ID: uint64(i)}, m) {
				t.Fatalf("refused at %d", i)
			}
		}
		if l.ask(turn.Lookup{}, m) {
			t.Fatal("one more than the queue holds was taken")
		}
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		go l.run(ctx)
		var out mail
		for n := 0; n < lookupQueue; {
			time.Sleep(time.Millisecond)
			if m.take(&out) {
				n += len(out.replies)
			}
		}
		if took := time.Since(start); took > lookupTimeout+10*time.Millisecond {
			t.Errorf("%d look-ups of a dead database took %v", lookupQueue, took)
		}
		cancel()
	})
}

// F-21: a fault in the database's driver is counted and told once.
func TestLookupsPanic(t *testing.T) {
	var text bytes.Buffer
	l := newLookups(&directory{}, slog.New(slog.NewTextHandler(&text, nil)))
	for range 3 {
		reply, ok := l.known(&turn.Lookup{ID: 5, Username: "panic"})
		if !ok || !reply.Unavailable || reply.ID != 5 {
			t.Fatalf("got %+v, %v", reply, ok)
		}
	}
	if n := l.panics.Load(); n != 3 {
		t.Errorf("%d panics counted, want 3", n)
	}
	if n := strings.Count(text.String(), "panic while looking up"); n != 1 {
		t.Errorf("%d lines logged, want 1", n)
	}
}

// newTestMailbox returns a mailbox and where its wakes arrive.
func newTestMailbox() (*mailbox, chan struct{}) {
	woken := make(chan struct{}, 1)
	return newMailbox(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}), woken
}

func onlyReply(t *testing.T, m *mailbox) turn.KeyReply {
	t.Helper()
	var out mail
	if !m.take(&out) || len(out.replies) != 1 {
		t.Fatalf("%d replies, want 1", len(out.replies))
	}
	return out.replies[0]
}
