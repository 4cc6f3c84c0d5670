package store

import (
	"context"
	"database/sql"
	"sync"
)

// watch notices that somebody has written to the database. SQLite counts the
// changes that others make as each connection sees them, so one connection is
// kept for that; our own writes go over others and count as well.
type watch struct {
	db *sql.DB

	mu      sync.Mutex
	conn    *sql.Conn // nil: none yet, or the last one failed
	seen    int64
	version uint64
}

// Version implements Source. It reads one page of the file, and none of it where
// nobody has written.
func (w *watch) Version(ctx context.Context) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := w.conn == nil
	if fresh {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return 0, err
		}
		w.conn = conn
	}
	var seen int64
	if err := w.conn.QueryRowContext(ctx, sqlVersion).Scan(&seen); err != nil {
		w.drop()
		return 0, err
	}
	// The numbers of two connections have nothing to do with each other, so a
	// new one may have missed something.
	if fresh || seen != w.seen {
		w.seen = seen
		w.version++
	}
	return w.version, nil
}

// drop gives the connection back. The caller holds mu.
func (w *watch) drop() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop()
}
