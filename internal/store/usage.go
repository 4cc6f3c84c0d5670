package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// UsageBook keeps what users did, a row for each user and day. Where the users are
// in a database that servers can share, the rows are there too, in tables of our
// own beside coturn's, so that all servers on it add up.
//
// The file of its own is where everything is written first. Without such a
// database it stays there: a SQLite file of coturn's is often not ours to write to.
// With one, Move takes it there, and what could not be moved yet is all that is in
// the file.
type UsageBook struct {
	db    *sql.DB
	path  string
	table usageTable // nil: the file is all there is
}

// usage has what is there to stay or to be moved, moving the rows that are on
// their way, moved the batches that arrived, and known what the database said of a
// month last.
const usageSchema = `
CREATE TABLE IF NOT EXISTS usage (day TEXT NOT NULL, realm TEXT NOT NULL, user TEXT NOT NULL,
 allocations INTEGER NOT NULL, seconds INTEGER NOT NULL, sent_packets INTEGER NOT NULL, sent_bytes INTEGER NOT NULL,
 recv_packets INTEGER NOT NULL, recv_bytes INTEGER NOT NULL, PRIMARY KEY (day, realm, user)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moving (batch TEXT NOT NULL, day TEXT NOT NULL, realm TEXT NOT NULL, user TEXT NOT NULL,
 allocations INTEGER NOT NULL, seconds INTEGER NOT NULL, sent_packets INTEGER NOT NULL, sent_bytes INTEGER NOT NULL,
 recv_packets INTEGER NOT NULL, recv_bytes INTEGER NOT NULL, PRIMARY KEY (day, realm, user)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moved (batch TEXT PRIMARY KEY, day TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known (month TEXT NOT NULL, realm TEXT NOT NULL, user TEXT NOT NULL,
 sent_bytes INTEGER NOT NULL, recv_bytes INTEGER NOT NULL, PRIMARY KEY (month, realm, user)) STRICT, WITHOUT ROWID;
`

const (
	sqlAddUsage = `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
 allocations = allocations + excluded.allocations, seconds = seconds + excluded.seconds,
 sent_packets = sent_packets + excluded.sent_packets, sent_bytes = sent_bytes + excluded.sent_bytes,
 recv_packets = recv_packets + excluded.recv_packets, recv_bytes = recv_bytes + excluded.recv_bytes`
	sqlUsage = `SELECT day, realm, user, sum(allocations), sum(seconds), sum(sent_packets), sum(sent_bytes), sum(recv_packets), sum(recv_bytes)
 FROM (SELECT * FROM usage UNION ALL SELECT day, realm, user, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes FROM moving)
 WHERE (?1 = '' OR realm = ?1) AND (?2 = '' OR user = ?2) AND (?3 = '' OR day >= ?3) AND (?4 = '' OR day <= ?4)
 GROUP BY day, realm, user ORDER BY day, realm, user`
	sqlMonth = `SELECT realm, user, sum(sent_bytes), sum(recv_bytes) FROM (
 SELECT realm, user, sent_bytes, recv_bytes FROM usage WHERE day >= ?1 || '-01' AND day <= ?1 || '-31'
 UNION ALL SELECT realm, user, sent_bytes, recv_bytes FROM moving WHERE day >= ?1 || '-01' AND day <= ?1 || '-31'
 UNION ALL SELECT realm, user, sent_bytes, recv_bytes FROM known WHERE month = ?1 AND ?2) GROUP BY realm, user`
	sqlPruneUsage = `DELETE FROM usage WHERE day < ?`
	sqlForgetAll  = `DELETE FROM known`
	sqlKnow       = `INSERT INTO known VALUES (?, ?, ?, ?, ?)`
)

// keptUsage is how long a row stays: long enough to compare a month with that of
// the year before.
//
// H-22: of users this server keeps what each did by the day, for 400 days.
const keptUsage = 400 * 24 * time.Hour

// DayFormat is how the days of Usage are written.
const DayFormat = time.DateOnly

// OpenUsage opens the book whose file is at path, and creates that, readable by its
// owner alone, when it is missing. The book of a db that servers can share is kept
// there; db may be nil, and stays its owner's to close.
func OpenUsage(path string, db Database) (*UsageBook, error) {
	own, err := openOwn(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the usage: %w", err)
	}
	if _, err := own.Exec(usageSchema); err != nil {
		own.Close()
		return nil, fmt.Errorf("cannot use the usage %s: %w", path, err)
	}
	return &UsageBook{db: own, path: path, table: tableOf(db)}, nil
}

// Close closes the file.
func (b *UsageBook) Close() error { return b.db.Close() }

func (b *UsageBook) fail(err error) error { return fmt.Errorf("usage %s: %w", b.path, err) }

// change runs do on the file, all of it or, with an error, nothing.
func (b *UsageBook) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return b.fail(err)
	}
	if err := do(tx); err != nil {
		return b.fail(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return b.fail(err)
	}
	return nil
}

// Add adds to what is there, all of it or, with an error, nothing. It asks no other
// machine. Rows older than 400 days go.
func (b *UsageBook) Add(ctx context.Context, now time.Time, news []Usage) error {
	return b.change(ctx, func(tx *sql.Tx) error {
		for _, u := range news {
			_, err := tx.ExecContext(ctx, sqlAddUsage, u.Day, u.Realm, u.User, int64(u.Allocations), int64(u.Seconds),
				int64(u.SentPackets), int64(u.SentBytes), int64(u.RecvPackets), int64(u.RecvBytes))
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, sqlPruneUsage, oldest(now))
		return err
	})
}

// oldest is the first day whose rows stay.
func oldest(now time.Time) string { return now.UTC().Add(-keptUsage).Format(DayFormat) }

// Find lists what the filter lets through, by day, realm and user: what is in the
// database, and what has not been moved there. A caller who moves first sees each
// row once. Where the database does not let this user read, it is the file's rows.
func (b *UsageBook) Find(ctx context.Context, f UsageFilter) ([]Usage, error) {
	var all []Usage
	if b.table != nil {
		found, err := b.table.findUsage(ctx, f)
		if err != nil && !b.table.refuses(err) {
			return nil, err
		}
		all = found
	}
	// The file comes second: what is moved in between is missed, and not told twice.
	own, err := b.own(ctx, f)
	if err != nil {
		return nil, err
	}
	return merged(append(all, own...)), nil
}

// own lists what the file has.
func (b *UsageBook) own(ctx context.Context, f UsageFilter) ([]Usage, error) {
	var all []Usage
	err := b.each(ctx, func(scan func(...any) error) error {
		u, err := scanUsage(scan)
		all = append(all, u)
		return err
	}, sqlUsage, f.Realm, f.User, f.From, f.To)
	return all, err
}

// each calls do for every row that a query on the file answers with.
func (b *UsageBook) each(ctx context.Context, do func(scan func(...any) error) error, query statement, args ...any) error {
	rows, err := b.db.QueryContext(ctx, b.text(query), args...)
	if err != nil {
		return b.fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return b.fail(err)
		}
	}
	if err := rows.Err(); err != nil {
		return b.fail(err)
	}
	return nil
}

// text is a statement as SQLite wants it.
func (b *UsageBook) text(q statement) string { return string(q) }

func scanUsage(scan func(...any) error) (u Usage, err error) {
	err = scan(&u.Day, &u.Realm, &u.User, &u.Allocations, &u.Seconds, &u.SentPackets, &u.SentBytes, &u.RecvPackets, &u.RecvBytes)
	return u, err
}

// merged sorts rows by day, realm and user, and makes one of those that are of the
// same.
func merged(rows []Usage) []Usage {
	slices.SortFunc(rows, func(a, b Usage) int {
		return cmp.Or(strings.Compare(a.Day, b.Day), strings.Compare(a.Realm, b.Realm), strings.Compare(a.User, b.User))
	})
	var out []Usage
	for _, u := range rows {
		if n := len(out); n > 0 && out[n-1].Day == u.Day && out[n-1].Realm == u.Realm && out[n-1].User == u.User {
			out[n-1].add(u)
			continue
		}
		out = append(out, u)
	}
	return out
}

// add adds the numbers of another row.
func (u *Usage) add(other Usage) {
	u.Allocations += other.Allocations
	u.Seconds += other.Seconds
	u.SentPackets += other.SentPackets
	u.SentBytes += other.SentBytes
	u.RecvPackets += other.RecvPackets
	u.RecvBytes += other.RecvBytes
}

// Month sums up the bytes of each user in a month, written as 2006-01; other numbers
// are not in it. With ask, the database is asked for those of all servers on it.
// Without, or if it gives an error, what it said last stands for it, which is kept
// over a restart. What is not moved yet is added. The error is that of the database,
// or of the file: then there are no sums.
func (b *UsageBook) Month(ctx context.Context, month string, ask bool) ([]Usage, error) {
	var unheard error
	if b.table != nil && ask {
		unheard = b.learn(ctx, month)
	}
	var sums []Usage
	err := b.each(ctx, func(scan func(...any) error) error {
		var u Usage
		err := scan(&u.Realm, &u.User, &u.SentBytes, &u.RecvBytes)
		sums = append(sums, u)
		return err
	}, sqlMonth, month, b.table != nil)
	if err != nil {
		return nil, err
	}
	return sums, unheard
}

// learn writes down what the database says of a month.
func (b *UsageBook) learn(ctx context.Context, month string) error {
	sums, err := b.table.monthUsage(ctx, month)
	if err != nil {
		return err
	}
	return b.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlForgetAll); err != nil {
			return err
		}
		for _, u := range sums {
			if _, err := tx.ExecContext(ctx, sqlKnow, month, u.Realm, u.User, int64(u.SentBytes), int64(u.RecvBytes)); err != nil {
				return err
			}
		}
		return nil
	})
}
