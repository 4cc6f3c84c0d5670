package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"iceserver/internal/auth"
)

// dbMode keeps keys and secrets to the owner.
const dbMode = 0o600

// SQLite is a Database in one file, the one that coturn calls userdb.
type SQLite struct {
	db   *sql.DB
	path string
	watch
}

// OpenSQLite opens the database at path and creates it, readable by its owner
// alone, when it is missing. Tables that are missing are added; the mode of a
// file that exists already stays, since it may be shared with coturn.
//
// The journal stays the one that rolls back, not the write-ahead log: the log
// needs two more files that every program must be able to write, and coturn may
// run as another user.
func OpenSQLite(path string) (*SQLite, error) {
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("cannot create the database: %w; correct userdb, or make its folder so that this user may write there", err)
	}
	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w", path, err)
	}
	// A second connection lets a client's look-up go on beside a long list, the
	// third one watches for changes.
	db.SetMaxOpenConns(3)
	if _, err := db.Exec(schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("cannot use the database %s: %w; correct userdb, or move the file away to have a new one made", path, err)
	}
	return &SQLite{db: db, path: path, watch: watch{db: db}}, nil
}

// A-L06: the file is there with its mode before SQLite sees it, so there is no
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

// Close closes the database.
func (s *SQLite) Close() error {
	s.watch.close()
	return s.db.Close()
}

// fail says which database an error is about.
func (s *SQLite) fail(err error) error { return fmt.Errorf("database %s: %w", s.path, err) }

// change runs a statement that writes and returns none if it touched no row.
func (s *SQLite) change(none error, run func() (sql.Result, error)) error {
	res, err := run()
	if err != nil {
		return s.fail(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return s.fail(err)
	}
	if n == 0 {
		return none
	}
	return nil
}

// Key implements Source.
func (s *SQLite) Key(ctx context.Context, realm, name string) (auth.Key, error) {
	var column sql.NullString
	err := s.db.QueryRowContext(ctx, sqlKey, name, realm).Scan(&column)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoUser
	}
	if err != nil {
		return nil, s.fail(err)
	}
	key, err := keyOf(column.String)
	if err != nil {
		return nil, s.fail(fmt.Errorf("user %q of realm %q: %w", name, realm, err))
	}
	return key, nil
}

// Users implements Database.
func (s *SQLite) Users(ctx context.Context, realm string) ([]User, error) {
	var rows *sql.Rows
	var err error
	if realm == "" {
		rows, err = s.db.QueryContext(ctx, sqlUsers)
	} else {
		rows, err = s.db.QueryContext(ctx, sqlRealmUsers, realm)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	defer rows.Close()
	var users []User
	for rows.Next() {
		var u User
		var column sql.NullString
		if err := rows.Scan(&u.Realm, &u.Name, &column); err != nil {
			return nil, s.fail(err)
		}
		// A broken key hides no user from a list: it is the list that shows
		// which one to mend. Such a user has no Key.
		u.Key, _ = keyOf(column.String)
		users = append(users, u)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail(err)
	}
	return users, nil
}

// AddUser implements Database.
func (s *SQLite) AddUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	return s.change(ErrUserExists, func() (sql.Result, error) {
		return s.db.ExecContext(ctx, sqlAddUser, u.Realm, u.Name, columnOf(u.Key))
	})
}

// SetUser implements Database.
func (s *SQLite) SetUser(ctx context.Context, u User) error {
	if err := checkUser(u); err != nil {
		return err
	}
	return s.change(nil, func() (sql.Result, error) {
		return s.db.ExecContext(ctx, sqlSetUser, u.Realm, u.Name, columnOf(u.Key))
	})
}

// DeleteUser implements Database.
func (s *SQLite) DeleteUser(ctx context.Context, realm, name string) error {
	return s.change(ErrNoUser, func() (sql.Result, error) {
		return s.db.ExecContext(ctx, sqlDeleteUser, name, realm)
	})
}

// Secrets implements Source.
func (s *SQLite) Secrets(ctx context.Context, realm string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, sqlSecrets, realm)
	if err != nil {
		return nil, s.fail(err)
	}
	defer rows.Close()
	var secrets []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, s.fail(err)
		}
		secrets = append(secrets, value)
	}
	if err := rows.Err(); err != nil {
		return nil, s.fail(err)
	}
	return secrets, nil
}

// AddSecret implements Database.
func (s *SQLite) AddSecret(ctx context.Context, realm, value string) error {
	if err := checkSecret(realm, value); err != nil {
		return err
	}
	return s.change(nil, func() (sql.Result, error) {
		return s.db.ExecContext(ctx, sqlAddSecret, realm, value)
	})
}

// RemoveSecret implements Database.
func (s *SQLite) RemoveSecret(ctx context.Context, realm, value string) error {
	return s.change(ErrNoSecret, func() (sql.Result, error) {
		return s.db.ExecContext(ctx, sqlDelSecret, realm, value)
	})
}
