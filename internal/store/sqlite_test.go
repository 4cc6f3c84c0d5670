package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"iceserver/internal/auth"
	"iceserver/internal/store"
	"iceserver/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a new database in a folder whose name tries the driver.
func open(t *testing.T) (db store.Database, path string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a folder?mode=ro&x=%41#1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "users.db")
	db, err := store.OpenSQLite(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, path
}

func TestSQLite(t *testing.T) {
	storetest.Test(t, func(t *testing.T) store.Database { db, _ := open(t); return db })
}

// raw opens the same file beside the store, as another program would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link.db") // a path without signs that mean something
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// A-L06, H-21: the database and every file that SQLite puts beside it are for the
// owner alone.
func TestSQLiteFileModes(t *testing.T) {
	db, path := open(t)
	other := raw(t, path)
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	// A change that is not committed yet keeps the journal in the folder.
	if _, err := tx.Exec("INSERT INTO turn_secret VALUES ('r', 'x')"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Errorf("no journal beside the database: %v", files)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, error %v", f.Name(), info.Mode(), err)
		}
	}
	// Readers are not kept out by somebody who is about to write.
	if _, err := db.Key(context.Background(), "r", "nobody"); !errors.Is(err, store.ErrNoUser) {
		t.Errorf("a look-up beside a writer: %v", err)
	}
}

// Keys that other hands wrote are read all the same.
func TestSQLiteForeignKeys(t *testing.T) {
	db, path := open(t)
	want, err := auth.LongTermKey("user", "realm", "pass") // the vector of RFC 8489, 9.2.2
	if err != nil {
		t.Fatal(err)
	}
	const digits = "8493fbc53ba582fb4c044c456bdc40eb"
	tests := []struct {
		column any
		broken bool
	}{
		{digits, false}, {strings.ToUpper(digits), false}, {digits + strings.Repeat(" ", 96), false},
		{"0x" + digits, false}, {"\t" + digits + "\n", false},
		{"", true}, {nil, true}, {digits[:30], true}, {digits + digits, true}, {strings.Repeat("z", 32), true},
	}
	other := raw(t, path)
	for _, tt := range tests {
		if _, err := other.Exec("REPLACE INTO turnusers_lt VALUES ('realm', 'user', ?)", tt.column); err != nil {
			t.Fatal(err)
		}
		got, err := db.Key(context.Background(), "realm", "user")
		if tt.broken {
			if !errors.Is(err, store.ErrBrokenKey) || !strings.Contains(err.Error(), `"user"`) {
				t.Errorf("%q: error %v", tt.column, err)
			}
		} else if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, error %v", tt.column, got, err)
		}
		if list, err := db.Users(context.Background(), ""); err != nil || len(list) != 1 {
			t.Errorf("%q: list %v, error %v", tt.column, list, err)
		}
	}
}

// The tables and their columns are coturn's.
func TestSQLiteSchema(t *testing.T) {
	_, path := open(t)
	want := map[string]string{
		"turnusers_lt": "realm name hmackey", "turn_secret": "realm value",
		"allowed_peer_ip": "realm ip_range", "denied_peer_ip": "realm ip_range",
		"turn_origin_to_realm": "origin realm", "turn_realm_option": "realm opt value",
		"oauth_key":  "kid ikm_key timestamp lifetime as_rs_alg realm",
		"admin_user": "name realm password",
	}
	rows, err := raw(t, path).Query("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		got[table] = strings.TrimSpace(got[table] + " " + column)
	}
	for table, columns := range want {
		if got[table] != columns {
			t.Errorf("table %s: columns %q, want %q", table, got[table], columns)
		}
	}
	if len(got) != len(want) {
		t.Errorf("tables %v", got)
	}
}

// A database of coturn's is taken as it is, and what was stored is there after
// a restart.
func TestSQLiteReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turndb")
	other := raw(t, path)
	if _, err := other.Exec("CREATE TABLE turnusers_lt (realm varchar(127) default '', name varchar(512), hmackey char(128), PRIMARY KEY (realm,name))"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	key := auth.Key("0123456789abcdef")
	for range 2 {
		db, err := store.OpenSQLite(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.SetUser(context.Background(), store.User{Realm: "r", Name: "n", Key: key}); err != nil {
			t.Error(err)
		}
		if got, err := db.Key(context.Background(), "r", "n"); err != nil || !slices.Equal(got, key) {
			t.Errorf("got %v, error %v", got, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode of a file that was there is now %v", info.Mode())
	}
}

func TestOpenSQLiteErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "missing", "db"), dir, text} {
		db, err := store.OpenSQLite(path)
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", path)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error does not name it: %v", path, err)
		}
	}
}

// A-A10: while another program holds the database for itself, a look-up ends
// within its time with an error, not with "no such user"; afterwards all is well.
func TestSQLiteLocked(t *testing.T) {
	db, path := open(t)
	other, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := db.Key(ctx, "r", "n"); err == nil || errors.Is(err, store.ErrNoUser) {
		t.Errorf("error %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Key(t.Context(), "r", "n"); !errors.Is(err, store.ErrNoUser) {
		t.Errorf("afterwards: %v", err)
	}
}

// coturn's own tool and this program work on one file, open in both.
func TestSQLiteTurnadmin(t *testing.T) {
	program, err := exec.LookPath("turnadmin")
	if err != nil {
		t.Fatal("coturn, which has turnadmin, is not installed: make packages")
	}
	db, path := open(t)
	link := filepath.Join(t.TempDir(), "turndb")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	turnadmin := func(args ...string) string {
		out, err := exec.Command(program, append([]string{"-b", link}, args...)...).Output()
		if err != nil {
			t.Fatalf("turnadmin %v: %v", args, err)
		}
		// It leaves a log of every run behind.
		if _, rest, ok := strings.Cut(string(out), "log file opened: "); ok {
			os.Remove(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
		}
		return string(out)
	}
	ctx := t.Context()
	key, err := auth.LongTermKey("theirs", "example.org", "pass")
	if err != nil {
		t.Fatal(err)
	}
	turnadmin("-a", "-u", "theirs", "-r", "example.org", "-p", "pass")
	turnadmin("-s", "north", "-r", "example.org")
	if got, err := db.Key(ctx, "example.org", "theirs"); err != nil || !slices.Equal(got, key) {
		t.Errorf("got %v, error %v", got, err)
	}
	if got, err := db.Secrets(ctx, "example.org"); err != nil || !slices.Equal(got, []string{"north"}) {
		t.Errorf("got %q, error %v", got, err)
	}
	if err := db.SetUser(ctx, store.User{Realm: "example.org", Name: "ours", Key: key}); err != nil {
		t.Fatal(err)
	}
	if out := turnadmin("-l"); !strings.Contains(out, "ours[example.org]") || !strings.Contains(out, "theirs[example.org]") {
		t.Errorf("turnadmin -l: %s", out)
	}
	turnadmin("-d", "-u", "ours", "-r", "example.org")
	if _, err := db.Key(ctx, "example.org", "ours"); !errors.Is(err, store.ErrNoUser) {
		t.Errorf("error %v", err)
	}
}
