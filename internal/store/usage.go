package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Usage is what one user did on one day.
type Usage struct {
	Day                    string // in UTC, as 2006-01-02
	Realm, User            string // the user of a time-limited credential without its time
	Allocations            uint64 // begun on that day
	Seconds                uint64 // of all allocations together
	SentPackets, SentBytes uint64 // to peers
	RecvPackets, RecvBytes uint64 // from peers
}

// UsageFilter says which Usage is wanted. What is empty says nothing.
type UsageFilter struct {
	Realm, User string
	From, To    string // days, both included
}

// UsageBook keeps what users did, a row for each user and day, in a file of its
// own: the schema of the users' database is coturn's, and often not ours to
// write to.
type UsageBook struct {
	db   *sql.DB
	path string
}

const usageSchema = `
CREATE TABLE IF NOT EXISTS usage (day TEXT NOT NULL, realm TEXT NOT NULL, user TEXT NOT NULL,
 allocations INTEGER NOT NULL, seconds INTEGER NOT NULL, sent_packets INTEGER NOT NULL, sent_bytes INTEGER NOT NULL,
 recv_packets INTEGER NOT NULL, recv_bytes INTEGER NOT NULL, PRIMARY KEY (day, realm, user)) STRICT, WITHOUT ROWID;
`

const (
	sqlAddUsage = `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
 allocations = allocations + excluded.allocations, seconds = seconds + excluded.seconds,
 sent_packets = sent_packets + excluded.sent_packets, sent_bytes = sent_bytes + excluded.sent_bytes,
 recv_packets = recv_packets + excluded.recv_packets, recv_bytes = recv_bytes + excluded.recv_bytes`
	sqlUsage = `SELECT day, realm, user, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes FROM usage
 WHERE (?1 = '' OR realm = ?1) AND (?2 = '' OR user = ?2) AND (?3 = '' OR day >= ?3) AND (?4 = '' OR day <= ?4)
 ORDER BY day, realm, user`
	sqlOver = `SELECT realm, user FROM usage WHERE day >= ? AND day <= ? GROUP BY realm, user
 HAVING sum(sent_bytes) + sum(recv_bytes) >= ?`
	sqlPruneUsage = `DELETE FROM usage WHERE day < ?`
)

// keptUsage is how long a row stays: long enough to compare a month with that of
// the year before.
//
// H-22: of users this server keeps what each did by the day, for 400 days.
const keptUsage = 400 * 24 * time.Hour

// DayFormat is how the days of Usage are written.
const DayFormat = time.DateOnly

// OpenUsage opens the book at path, and creates the file, readable by its owner
// alone, when it is missing.
func OpenUsage(path string) (*UsageBook, error) {
	db, err := openOwn(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the usage: %w", err)
	}
	if _, err := db.Exec(usageSchema); err != nil {
		db.Close()
		return nil, fmt.Errorf("cannot use the usage %s: %w", path, err)
	}
	return &UsageBook{db: db, path: path}, nil
}

// Close closes the file.
func (b *UsageBook) Close() error { return b.db.Close() }

func (b *UsageBook) fail(err error) error { return fmt.Errorf("usage %s: %w", b.path, err) }

// Add adds to what is there, all of it or, with an error, nothing. Rows older
// than 400 days go.
func (b *UsageBook) Add(ctx context.Context, now time.Time, news []Usage) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return b.fail(err)
	}
	for _, u := range news {
		_, err = tx.ExecContext(ctx, sqlAddUsage, u.Day, u.Realm, u.User, int64(u.Allocations), int64(u.Seconds),
			int64(u.SentPackets), int64(u.SentBytes), int64(u.RecvPackets), int64(u.RecvBytes))
		if err != nil {
			return b.fail(errors.Join(err, tx.Rollback()))
		}
	}
	if _, err := tx.ExecContext(ctx, sqlPruneUsage, now.UTC().Add(-keptUsage).Format(DayFormat)); err != nil {
		return b.fail(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return b.fail(err)
	}
	return nil
}

// Find lists what the filter lets through, by day, realm and user.
func (b *UsageBook) Find(ctx context.Context, f UsageFilter) ([]Usage, error) {
	rows, err := b.db.QueryContext(ctx, sqlUsage, f.Realm, f.User, f.From, f.To)
	if err != nil {
		return nil, b.fail(err)
	}
	defer rows.Close()
	var all []Usage
	for rows.Next() {
		var u Usage
		if err := rows.Scan(&u.Day, &u.Realm, &u.User, &u.Allocations, &u.Seconds,
			&u.SentPackets, &u.SentBytes, &u.RecvPackets, &u.RecvBytes); err != nil {
			return nil, b.fail(err)
		}
		all = append(all, u)
	}
	if err := rows.Err(); err != nil {
		return nil, b.fail(err)
	}
	return all, nil
}

// Over lists the users, by realm and name alone, who have had that many bytes or
// more, both ways together, on the days from and to and between them.
func (b *UsageBook) Over(ctx context.Context, from, to string, bytes uint64) ([]User, error) {
	rows, err := b.db.QueryContext(ctx, sqlOver, from, to, int64(min(bytes, 1<<62)))
	if err != nil {
		return nil, b.fail(err)
	}
	defer rows.Close()
	var over []User
	for rows.Next() {
		var u User
		if err := rows.Scan(&u.Realm, &u.Name); err != nil {
			return nil, b.fail(err)
		}
		over = append(over, u)
	}
	if err := rows.Err(); err != nil {
		return nil, b.fail(err)
	}
	return over, nil
}
