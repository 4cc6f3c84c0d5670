package relay

import (
	"context"
	"errors"
	"testing"
	"time"

	"iceserver/internal/turn"
)

// A relay is alive if all of its workers are.
func TestAlive(t *testing.T) {
	o := testOptions(t)
	o.Workers = 2
	r := serveForTest(t, o)
	if err := r.Alive(t.Context()); err != nil {
		t.Fatal(err)
	}
	goOn := make(chan struct{})
	r.workers[1].mailbox.order(func(turn.Now) { <-goOn })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a worker that hangs: %v", err)
	}
	close(goOn)
	if err := r.Alive(t.Context()); err != nil {
		t.Error(err)
	}
}

// Workers that have ended keep nobody waiting.
func TestAliveAtTheEnd(t *testing.T) {
	r, err := New(testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(over); err != nil {
		t.Fatal(err)
	}
	if err := r.Alive(t.Context()); err != nil {
		t.Error(err)
	}
}
