package store

import (
	"context"
	"sync"
	"time"
)

// maxStale is how long a change may stay unseen in a database that cannot be
// asked exactly whether there was one. coturn itself reads its lists every five
// seconds.
const maxStale = 2 * time.Second

// watch turns something that differs after a change into the number of Version.
type watch struct {
	// state asks the database; the same text means that nothing was changed
	// since, if exact, or most probably nothing.
	state func(ctx context.Context) (string, error)
	exact bool
	end   func() // gives back what state holds; nil: nothing

	mu      sync.Mutex // guards the following, and is held while state asks
	known   bool
	seen    string
	since   time.Time // when version became what it is
	version uint64
}

// Version implements Source.
func (w *watch) Version(ctx context.Context) (uint64, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	seen, err := w.state(ctx)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	if !w.known || seen != w.seen || !w.exact && now.Sub(w.since) >= maxStale {
		w.known, w.seen, w.since = true, seen, now
		w.version++
	}
	return w.version, nil
}

func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end != nil {
		w.end()
	}
}
