package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// callTimeout is how long a call may take that brought no deadline: a command
// shall end with an error where a database is silent.
const callTimeout = 10 * time.Second

// togetherTimeout is how long writing many users at once may take.
const togetherTimeout = 5 * time.Minute

// bounded gives ctx a deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callTimeout)
}

// dialect is what databases that speak SQL do each in its own way.
type dialect struct {
	dollars bool // parameters are $1, $2 and so on
	// folds: text that differs in case, accents or trailing blanks may count as
	// the same.
	folds bool
	// duplicate says whether an insert failed because the row is there.
	duplicate func(error) bool
	// unstorable says whether a statement failed for what a parameter says: no
	// row can have such a value.
	unstorable func(error) bool
	// missing says whether a table or column is not there.
	missing func(error) bool
	// tooWide says whether a table cannot be made since its key does not fit into an
	// index, and narrow makes the first of tables in a form that does.
	tooWide func(error) bool
	narrow  []statement
	suffix  statement    // of CREATE TABLE
	usage   usageDialect // zero: it keeps none
}

// sqlDatabase is a Database that speaks SQL.
type sqlDatabase struct {
	db      *sql.DB
	tx      *sql.Tx // where statements run; nil: each for itself, over db
	name    string  // for people
	secret  string  // never to be seen in an error
	dialect dialect
	watch

	ready   atomic.Bool // the tables are there
	prepare sync.Mutex  // held while they are made
}

// String implements Database.
func (s *sqlDatabase) String() string { return s.name }

// Close implements Database.
func (s *sqlDatabase) Close() error {
	s.watch.close()
	return s.db.Close()
}

// fail says which database an error is about.
func (s *sqlDatabase) fail(err error) error {
	return hide(fmt.Errorf("database %s: %w", s.name, err), s.secret)
}

// runner is what statements run over.
func (s *sqlDatabase) runner() interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
} {
	if s.tx != nil {
		return s.tx
	}
	return s.db
}

// Together calls do with users that are written all at once when it returns no
// error, and not at all when it returns one or the program ends before: nobody ever
// sees a part of them. To write many is much quicker so than one by one.
func (s *sqlDatabase) Together(ctx context.Context, do func(Users) error) error {
	ctx, cancel := context.WithTimeout(ctx, togetherTimeout)
	defer cancel()
	if err := s.tablesReady(ctx); err != nil {
		return s.fail(err)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(err)
	}
	within := &sqlDatabase{db: s.db, tx: tx, name: s.name, secret: s.secret, dialect: s.dialect}
	within.ready.Store(true)
	if err := do(within); err != nil {
		_ = tx.Rollback() // which closing the connection does too
		return err
	}
	if err := tx.Commit(); err != nil {
		return s.fail(err)
	}
	return nil
}

// text is a statement as the database wants it.
func (s *sqlDatabase) text(q statement) string {
	if !s.dialect.dollars {
		return string(q)
	}
	parts := strings.Split(string(q), "?")
	var b strings.Builder
	for i, part := range parts[:len(parts)-1] {
		b.WriteString(part)
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(parts[len(parts)-1])
	return b.String()
}

// tablesReady makes tables that are missing, once. It is left to the first use, since a
// server starts while its database is down.
func (s *sqlDatabase) tablesReady(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	s.prepare.Lock()
	defer s.prepare.Unlock()
	for i, probe := range probes() {
		_, err := s.db.ExecContext(ctx, s.text(probe))
		switch {
		case err == nil:
			continue
		case !s.dialect.missing(err):
			return err
		}
		err = s.makeTable(ctx, i)
		// Of an old database only the users have to be there.
		if err != nil && i == 0 {
			return fmt.Errorf("there is no table turnusers_lt, and it cannot be made: %w; load coturn's schema.sql as a user who may", err)
		}
	}
	s.ready.Store(true)
	return nil
}

// makeTable makes one of tables, in its narrow form where the server can index no
// other.
func (s *sqlDatabase) makeTable(ctx context.Context, i int) error {
	d := s.dialect
	_, err := s.db.ExecContext(ctx, s.text(tables()[i]+d.suffix))
	if err != nil && i < len(d.narrow) && d.tooWide(err) {
		_, err = s.db.ExecContext(ctx, s.text(d.narrow[i]+d.suffix))
	}
	return err
}

// query calls each for every row that q answers with.
func (s *sqlDatabase) query(ctx context.Context, q statement, each func(scan func(...any) error) error, args ...any) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.tablesReady(ctx); err != nil {
		return s.fail(err)
	}
	rows, err := s.runner().QueryContext(ctx, s.text(q), args...)
	if err == nil {
		defer rows.Close()
		for rows.Next() {
			if err := each(rows.Scan); err != nil {
				return s.fail(err)
			}
		}
		err = rows.Err()
	}
	if err == nil || s.dialect.unstorable(err) {
		return nil
	}
	return s.fail(err)
}

// queryOld asks q, or old of a database that lacks a column of q.
func (s *sqlDatabase) queryOld(ctx context.Context, q, old statement, each func(scan func(...any) error) error, args ...any) error {
	err := s.query(ctx, q, each, args...)
	if err != nil && s.dialect.missing(err) {
		return s.query(ctx, old, each, args...)
	}
	return err
}

// exec runs a statement that writes and returns how many rows it found.
func (s *sqlDatabase) exec(ctx context.Context, q statement, args ...any) (int64, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.tablesReady(ctx); err != nil {
		return 0, err
	}
	res, err := s.runner().ExecContext(ctx, s.text(q), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert adds a row, or returns exists.
func (s *sqlDatabase) insert(ctx context.Context, exists error, q statement, args ...any) error {
	_, err := s.exec(ctx, q, args...)
	switch {
	case err == nil:
		return nil
	case s.dialect.duplicate(err):
		return exists
	}
	return s.fail(err)
}

// put updates a row or adds it. Both statements take the same parameters.
func (s *sqlDatabase) put(ctx context.Context, update, insert statement, args ...any) error {
	// Who is overtaken by another who adds the row updates that one.
	for range 3 {
		n, err := s.exec(ctx, update, args...)
		if err != nil {
			return s.fail(err)
		}
		if n > 0 {
			return nil
		}
		if err := s.insert(ctx, errOvertaken, insert, args...); !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return s.fail(errOvertaken)
}

var errOvertaken = errors.New("somebody else changes the same entry all the time")

// remove deletes a row, or returns none.
func (s *sqlDatabase) remove(ctx context.Context, none error, q statement, args ...any) error {
	n, err := s.exec(ctx, q, args...)
	switch {
	case err != nil && s.dialect.unstorable(err):
		return none
	case err != nil:
		return s.fail(err)
	case n == 0:
		return none
	}
	return nil
}

// twin is the row that the database takes for the one with these values in its
// primary key, but that has others, or nil. Of a database that does not fold
// there is none.
func (s *sqlDatabase) twin(ctx context.Context, q statement, key ...string) ([]string, error) {
	if !s.dialect.folds {
		return nil, nil
	}
	args := make([]any, len(key))
	for i, k := range key {
		args[i] = k
	}
	var found []string
	err := s.query(ctx, q, func(scan func(...any) error) error {
		row := make([]sql.NullString, len(key))
		into := make([]any, len(key))
		for i := range row {
			into[i] = &row[i]
		}
		if err := scan(into...); err != nil {
			return err
		}
		for i, k := range key {
			if row[i].String != k {
				found = append(found, row[i].String)
			}
		}
		return nil
	}, args...)
	return found, err
}

// apart refuses to write over a row that is not the one meant.
func (s *sqlDatabase) apart(ctx context.Context, q statement, key ...string) error {
	found, err := s.twin(ctx, q, key...)
	if err == nil && found != nil {
		return s.fail(fmt.Errorf("its tables take %q and what is there already, %q, for the same: give the columns a binary collation", key, found))
	}
	return err
}

// removeExact is remove, but spares the twin of what is meant.
func (s *sqlDatabase) removeExact(ctx context.Context, none error, find, q statement, key ...string) error {
	found, err := s.twin(ctx, find, key...)
	if err != nil {
		return err
	}
	if found != nil {
		return none
	}
	args := make([]any, len(key))
	for i, k := range key {
		args[i] = k
	}
	return s.remove(ctx, none, q, args...)
}
