package store

import "context"

// usageDialect is how a database keeps usage. Names are bytes to it: whatever its
// character set is they can be stored, and none is taken for another.
type usageDialect struct {
	tables  []statement
	add     statement // a row, or to it
	refuses func(error) bool
}

// Usage, in tables of our own. Batches are known by their names, with a day so that
// those which nobody had forgotten go in the end.
const (
	sqlTableUsage statement = `SELECT 1 FROM iceserver_usage WHERE 1 = 0`
	sqlTableBatch statement = `SELECT 1 FROM iceserver_usage_batch WHERE 1 = 0`

	sqlInsertBatch  statement = `INSERT INTO iceserver_usage_batch (id, day) VALUES (?, ?)`
	sqlDeleteBatch  statement = `DELETE FROM iceserver_usage_batch WHERE id = ?`
	sqlPruneBatches statement = `DELETE FROM iceserver_usage_batch WHERE day < ?`
	sqlPruneRows    statement = `DELETE FROM iceserver_usage WHERE day < ?`
	sqlUsageRows    statement = `SELECT day, realm, name, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes FROM iceserver_usage
 WHERE day >= ? AND day <= ? AND (? = 1 OR realm = ?) AND (? = 1 OR name = ?)`
	sqlMonthRows statement = `SELECT realm, name, SUM(sent_bytes), SUM(recv_bytes) FROM iceserver_usage WHERE day >= ? AND day <= ? GROUP BY realm, name`
)

// usageReady makes the tables of usage if they are missing. They are probed first: a
// database may refuse even CREATE TABLE IF NOT EXISTS to somebody who may make none.
func (s *sqlDatabase) usageReady(ctx context.Context) error {
	for i, probe := range []statement{sqlTableUsage, sqlTableBatch} {
		_, err := s.db.ExecContext(ctx, s.text(probe))
		if err != nil && s.dialect.missing(err) {
			_, err = s.db.ExecContext(ctx, s.text(s.dialect.usage.tables[i]))
		}
		// Of two servers that make it at the same time one is told that it is there.
		if err != nil && !s.dialect.duplicate(err) {
			return s.fail(err)
		}
	}
	return nil
}

// addUsage implements usageTable.
func (s *sqlDatabase) addUsage(ctx context.Context, b usageBatch, oldest string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.usageReady(ctx); err != nil {
		return err
	}
	if err := s.addBatch(ctx, b); err != nil {
		return s.fail(err)
	}
	// Not within the transaction: a statement about many rows may wait for one that
	// another server holds, which may wait for one of this batch.
	for _, prune := range []statement{sqlPruneRows, sqlPruneBatches} {
		if _, err := s.db.ExecContext(ctx, s.text(prune), oldest); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// addBatch adds a batch in one transaction.
func (s *sqlDatabase) addBatch(ctx context.Context, b usageBatch) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to take back
	if _, err := tx.ExecContext(ctx, s.text(sqlInsertBatch), b.id, b.rows[0].Day); err != nil {
		if s.dialect.duplicate(err) {
			return nil // it was added, and whoever did that could not say so
		}
		return err
	}
	for _, u := range b.rows {
		_, err := tx.ExecContext(ctx, s.text(s.dialect.usage.add), u.Day, []byte(u.Realm), []byte(u.User), int64(u.Allocations), int64(u.Seconds),
			int64(u.SentPackets), int64(u.SentBytes), int64(u.RecvPackets), int64(u.RecvBytes))
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

// forgetBatches implements usageTable.
func (s *sqlDatabase) forgetBatches(ctx context.Context, _ string, ids []string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for _, id := range ids {
		if _, err := s.db.ExecContext(ctx, s.text(sqlDeleteBatch), id); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// findUsage implements usageTable.
func (s *sqlDatabase) findUsage(ctx context.Context, f UsageFilter) ([]Usage, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.usageReady(ctx); err != nil {
		return nil, err
	}
	from, to := f.days()
	var all []Usage
	err := s.query(ctx, sqlUsageRows, func(scan func(...any) error) error {
		u, err := scanUsage(scan)
		all = append(all, u)
		return err
	}, from, to, flag(f.Realm == ""), []byte(f.Realm), flag(f.User == ""), []byte(f.User))
	return all, err
}

// days are the bounds of a filter, where it has none those of all days.
func (f UsageFilter) days() (from, to string) {
	from, to = f.From, f.To
	if from == "" {
		from = "0000-01-01"
	}
	if to == "" {
		to = "9999-12-31"
	}
	return from, to
}

// flag is a condition as every database takes one.
func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// monthUsage implements usageTable.
func (s *sqlDatabase) monthUsage(ctx context.Context, month string) ([]Usage, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.usageReady(ctx); err != nil {
		return nil, err
	}
	var all []Usage
	err := s.query(ctx, sqlMonthRows, func(scan func(...any) error) error {
		var u Usage
		err := scan(&u.Realm, &u.User, &u.SentBytes, &u.RecvBytes)
		all = append(all, u)
		return err
	}, month+"-01", month+"-31")
	return all, err
}

// refuses implements usageTable.
func (s *sqlDatabase) refuses(err error) bool {
	return s.dialect.usage.refuses(err) || s.dialect.missing(err)
}
