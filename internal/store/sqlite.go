package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"
)

// dbMode keeps keys and secrets to the owner.
const dbMode = 0o600

// OpenSQLite opens the database at path, the one that coturn calls userdb, and
// creates it, readable by its owner alone, when it is missing. Tables that are
// missing are added; the mode of a file that exists already stays, since it may
// be shared with coturn.
//
// The journal stays the one that rolls back, not the write-ahead log: the log
// needs two more files that every program must be able to write, and coturn may
// run as another user.
func OpenSQLite(path string) (Database, error) {
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("cannot create the database: %w; %s", err, advice(path, "correct userdb, or make its folder so that this user may write there"))
	}
	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w", path, err)
	}
	// A second connection lets a client's look-up go on beside a long list, the
	// third one watches for changes.
	db.SetMaxOpenConns(3)
	s := &sqlDatabase{db: db, name: path, dialect: sqliteDialect()}
	w := &pragma{db: db}
	s.watch = watch{state: w.state, exact: true, end: w.drop}
	for _, table := range tables() {
		if _, err := db.Exec(s.text(table)); err != nil {
			db.Close()
			return nil, fmt.Errorf("cannot use the database %s: %w; %s", path, err, advice(path, "correct userdb, or move the file away to have a new one made"))
		}
	}
	s.ready.Store(true)
	return s, nil
}

// advice is what to do about a database that cannot be opened: otherwise, unless
// nothing is wrong with it but that it is somebody else's.
func advice(path, otherwise string) string {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	if errors.Is(err, os.ErrPermission) {
		return "only another user may write it: call this with sudo, or give it to the user of the server (chown)"
	}
	return otherwise
}

// Result codes of SQLite for a row that is there already.
const (
	sqliteUnique     = 2067
	sqlitePrimaryKey = 1555
)

// sqliteDialect is SQLite's: text is compared byte by byte, and every value can
// be stored.
func sqliteDialect() dialect {
	return dialect{
		duplicate: func(err error) bool {
			var e *sqlite.Error
			return errors.As(err, &e) && (e.Code() == sqliteUnique || e.Code() == sqlitePrimaryKey)
		},
		unstorable: func(error) bool { return false },
		missing: func(err error) bool {
			var e *sqlite.Error
			return errors.As(err, &e) && strings.Contains(e.Error(), "no such ")
		},
	}
}

// A-L06, H-21: the file is there with its mode before SQLite sees it, so there is no
// moment in which others can open it; the journal beside it gets the same mode
// from SQLite.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, dbMode)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// dataSource is path as the driver wants it, so that a question mark or a
// percent sign in a folder's name is no option. Writers of other programs are
// waited for, but no longer than a client waits for its answer; words in double
// quotes are never taken for strings.
func dataSource(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	path = filepath.ToSlash(path)
	if path[0] != '/' {
		path = "/" + path // a drive letter
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_busy_timeout=1500&_txlock=immediate&_dqs=0"}
	return u.String()
}

// pragma notices that somebody has written to the file. SQLite counts the
// changes that others make as each connection sees them, so one connection is
// kept for that; our own writes go over others and count as well.
type pragma struct {
	db    *sql.DB
	conn  *sql.Conn // nil: none yet, or the last one failed
	conns int       // how many there were
}

// state reads one page of the file, and none of it where nobody has written. The
// numbers of two connections have nothing to do with each other, so a new one
// may have missed something.
func (p *pragma) state(ctx context.Context) (string, error) {
	if p.conn == nil {
		conn, err := p.db.Conn(ctx)
		if err != nil {
			return "", err
		}
		p.conn = conn
		p.conns++
	}
	var seen int64
	if err := p.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&seen); err != nil {
		p.drop()
		return "", err
	}
	return strconv.Itoa(p.conns) + "/" + strconv.FormatInt(seen, 10), nil
}

// drop gives the connection back.
func (p *pragma) drop() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}
