package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Link is a key that somebody was given to use the pages with, without the key:
// only its sum is kept, from which it cannot be found out again.
type Link struct {
	ID      string   // short, told to everybody: part of the user names made with it
	Hash    [32]byte // SHA-256 of the key
	Label   string
	Created time.Time
	Expires time.Time // zero: never
	Revoked time.Time // zero: it is not
	Used    time.Time // zero: never
	MaxTTL  time.Duration
	Quota   int // allocations at a time; 0: that of every user
}

// Errors of Links, besides its own.
var (
	// ErrNoLink: there is no link of that number or key.
	ErrNoLink = errors.New("no such link")
	// ErrTooManyLinks: so many are good already that one more is a mistake.
	ErrTooManyLinks = errors.New("there are too many links: revoke some")
)

// maxLinks is how many links may be kept that are not revoked; the server has
// all of them in memory.
const maxLinks = 1000

// Links keeps the links in a file of their own beside the database of users.
//
// It is not that database, since its schema is coturn's, and it may lie on
// another machine or be shared; and it is no plain file, since commands change
// links while the server notes their use.
type Links struct {
	db   *sql.DB
	path string
}

const linkSchema = `
CREATE TABLE IF NOT EXISTS link (id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, label TEXT NOT NULL, created INTEGER NOT NULL,
 expires INTEGER NOT NULL, revoked INTEGER NOT NULL, used INTEGER NOT NULL, max_ttl INTEGER NOT NULL, quota INTEGER NOT NULL) STRICT;
`

// Statements: constants with placeholders, as for the other tables. Times are
// seconds since 1970, 0 standing for none.
const (
	sqlAddLink = `INSERT INTO link (id, hash, label, created, expires, revoked, used, max_ttl, quota)
 SELECT ?, ?, ?, ?, ?, 0, 0, ?, ? WHERE (SELECT count(*) FROM link WHERE revoked = 0) < ?`
	sqlFindLink   = `SELECT id, hash, label, created, expires, revoked, used, max_ttl, quota FROM link WHERE hash = ?`
	sqlLinks      = `SELECT id, hash, label, created, expires, revoked, used, max_ttl, quota FROM link ORDER BY created, rowid`
	sqlRevokeLink = `UPDATE link SET revoked = ? WHERE id = ? AND revoked = 0`
	sqlUseLink    = `UPDATE link SET used = max(used, ?) WHERE id = ?`
	sqlPruneLinks = `DELETE FROM link WHERE revoked <> 0 AND revoked < ?`
)

// keptRevoked is how long a revoked link stays in the list. It is longer than
// any credential that was made with it lives.
const keptRevoked = 90 * 24 * time.Hour

// OpenLinks opens the links at path, and creates the file, readable by its owner
// alone, when it is missing.
func OpenLinks(path string) (*Links, error) {
	db, err := openOwn(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the links: %w", err)
	}
	if _, err := db.Exec(linkSchema); err != nil {
		db.Close()
		return nil, fmt.Errorf("cannot use the links %s: %w", path, err)
	}
	return &Links{db: db, path: path}, nil
}

// openOwn opens a file of tables that are ours alone.
func openOwn(path string) (*sql.DB, error) {
	if err := createFile(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	db.SetMaxOpenConns(2)
	return db, nil
}

// Close closes the file.
func (l *Links) Close() error { return l.db.Close() }

// fail says which file an error is about.
func (l *Links) fail(err error) error { return fmt.Errorf("links %s: %w", l.path, err) }

// change runs a statement that writes and returns none if it touched no row.
func (l *Links) change(res sql.Result, err, none error) error {
	if err != nil {
		return l.fail(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return l.fail(err)
	}
	if n == 0 {
		return none
	}
	return nil
}

// Add adds a link. The errors are ErrTooManyLinks and those of the file.
func (l *Links) Add(ctx context.Context, k Link) error {
	if _, err := l.db.ExecContext(ctx, sqlPruneLinks, seconds(k.Created.Add(-keptRevoked))); err != nil {
		return l.fail(err)
	}
	res, err := l.db.ExecContext(ctx, sqlAddLink, k.ID, k.Hash[:], k.Label, seconds(k.Created), seconds(k.Expires),
		int64(k.MaxTTL/time.Second), k.Quota, maxLinks)
	return l.change(res, err, ErrTooManyLinks)
}

// Find returns the link with a key of that sum, or ErrNoLink. It says nothing
// about whether the link is still good.
//
// H-04: what is looked for is the sum, so how long it takes says nothing about
// the key.
func (l *Links) Find(ctx context.Context, hash [32]byte) (Link, error) {
	k, err := scanLink(l.db.QueryRowContext(ctx, sqlFindLink, hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return Link{}, ErrNoLink
	}
	if err != nil {
		return Link{}, l.fail(err)
	}
	return k, nil
}

// All lists the links, revoked ones too, the oldest first.
func (l *Links) All(ctx context.Context) ([]Link, error) {
	rows, err := l.db.QueryContext(ctx, sqlLinks)
	if err != nil {
		return nil, l.fail(err)
	}
	defer rows.Close()
	var all []Link
	for rows.Next() {
		k, err := scanLink(rows)
		if err != nil {
			return nil, l.fail(err)
		}
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		return nil, l.fail(err)
	}
	return all, nil
}

// Revoke ends a link, or returns ErrNoLink if there is none that is not ended.
func (l *Links) Revoke(ctx context.Context, id string, now time.Time) error {
	res, err := l.db.ExecContext(ctx, sqlRevokeLink, seconds(now), id)
	return l.change(res, err, ErrNoLink)
}

// Use notes when a link was used last.
func (l *Links) Use(ctx context.Context, id string, now time.Time) error {
	res, err := l.db.ExecContext(ctx, sqlUseLink, seconds(now), id)
	return l.change(res, err, ErrNoLink)
}

// scanLink reads a row of either query.
func scanLink(row interface{ Scan(...any) error }) (Link, error) {
	var k Link
	var hash []byte
	var created, expires, revoked, used, ttl int64
	err := row.Scan(&k.ID, &hash, &k.Label, &created, &expires, &revoked, &used, &ttl, &k.Quota)
	if err != nil {
		return Link{}, err
	}
	copy(k.Hash[:], hash)
	k.Created, k.Expires, k.Revoked, k.Used = instant(created), instant(expires), instant(revoked), instant(used)
	k.MaxTTL = time.Duration(ttl) * time.Second
	return k, nil
}

// seconds and instant turn times into columns and back.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0)
}
