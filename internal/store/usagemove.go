package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"
)

// usageTable is where a database that servers can share keeps usage, beside what
// is coturn's and never seen by it.
type usageTable interface {
	// addUsage adds a batch to what is there, for each of its rows all of it or
	// nothing. A batch that was added before, in whole or in part, is added no
	// second time, whoever brings it. Rows before the day oldest go.
	addUsage(ctx context.Context, b usageBatch, oldest string) error
	// forgetBatches drops what addUsage knows batches by; none of them, whose days
	// begin with since, comes again.
	forgetBatches(ctx context.Context, since string, ids []string) error
	// findUsage lists what the filter lets through, in any order.
	findUsage(ctx context.Context, f UsageFilter) ([]Usage, error)
	// monthUsage sums up the bytes of each user in a month.
	monthUsage(ctx context.Context, month string) ([]Usage, error)
	// refuses says whether an error means that the database answers and does not let
	// usage be kept there: it will say the same again until somebody grants more.
	refuses(err error) bool
}

// usageBatch is what is moved at a time. Rows are in order, so that two servers
// lock them in the same one.
type usageBatch struct {
	id   string
	rows []Usage
}

// tableOf returns where a database keeps usage, or nil if it does not.
func tableOf(db Database) usageTable {
	if s, ok := db.(*sqlDatabase); ok && s.dialect.usage.add == "" {
		return nil // a file of coturn's, which stays as it is
	}
	t, _ := db.(usageTable)
	return t
}

const (
	// moveRows is how many rows a batch has at most: the first move may be of 400
	// days, and what takes longer than a call may would never arrive.
	moveRows = 200
	// rememberBatch is how long a database knows a batch after it arrived: longer by
	// far than any call lasts in which another process may still be bringing it.
	rememberBatch = time.Hour
)

const (
	sqlFreeze = `INSERT INTO moving SELECT ?, day, realm, user, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes
 FROM usage WHERE NOT EXISTS (SELECT 1 FROM moving) ORDER BY day, realm, user LIMIT ?`
	sqlFrozen  = `DELETE FROM usage WHERE (day, realm, user) IN (SELECT day, realm, user FROM moving WHERE batch = ?)`
	sqlMoving  = `SELECT batch, day, realm, user, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes FROM moving ORDER BY day, realm, user`
	sqlArrived = `DELETE FROM moving WHERE batch = ?`
	sqlMoved   = `INSERT OR IGNORE INTO moved VALUES (?, ?, ?)`
	sqlOldIDs  = `SELECT batch, day FROM moved WHERE at <= ?`
	sqlForget  = `DELETE FROM moved WHERE at <= ?`
)

// Move takes what is in the file into the database, if it keeps usage there. What
// has not arrived when it returns an error stays in the file; refused says that it
// is no use to wait for another answer. Several processes may move out of one file.
//
// A batch has a name, and is in the file until the database has it: a crash in
// between has it brought a second time, and then the database knows the name. So
// each row counts once. What is left to doubt falls to counting too much where a
// batch is brought again after more than 400 days, and to too little where the
// database itself loses what it has acknowledged, as Redis may in its last second.
func (b *UsageBook) Move(ctx context.Context, now time.Time) (refused bool, err error) {
	if b.table == nil {
		return false, nil
	}
	for {
		batch, err := b.freeze(ctx)
		if err != nil || len(batch.rows) == 0 {
			return false, err
		}
		if err := b.table.addUsage(ctx, batch, oldest(now)); err != nil {
			return b.table.refuses(err), err
		}
		if err := b.arrived(ctx, now, batch); err != nil {
			return false, err
		}
		if err := b.forget(ctx, now); err != nil {
			return false, err
		}
	}
}

// freeze returns the batch that is on its way, or else sends the next one.
func (b *UsageBook) freeze(ctx context.Context) (batch usageBatch, err error) {
	id := rand.Text()
	err = b.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlFreeze, id, moveRows); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, sqlFrozen, id)
		return err
	})
	if err != nil {
		return batch, err
	}
	err = b.each(ctx, func(scan func(...any) error) error {
		u, err := scanUsage(func(into ...any) error { return scan(append([]any{&batch.id}, into...)...) })
		batch.rows = append(batch.rows, u)
		return err
	}, sqlMoving)
	return batch, err
}

// arrived takes a batch that the database has out of the file.
func (b *UsageBook) arrived(ctx context.Context, now time.Time, batch usageBatch) error {
	// The database has it, so this must not fail for want of time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return b.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlArrived, batch.id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, sqlMoved, batch.id, batch.rows[0].Day, now.Unix())
		return err
	})
}

// forget has the database forget the names of batches that arrived long ago.
func (b *UsageBook) forget(ctx context.Context, now time.Time) error {
	var ids []string
	since, until := "", now.Add(-rememberBatch).Unix()
	err := b.each(ctx, func(scan func(...any) error) error {
		var id, day string
		err := scan(&id, &day)
		if ids = append(ids, id); since == "" || day < since {
			since = day
		}
		return err
	}, sqlOldIDs, until)
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := b.table.forgetBatches(ctx, since, ids); err != nil {
		return fmt.Errorf("cannot forget what was moved: %w", err)
	}
	return b.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, sqlForget, until)
		return err
	})
}
