//go:build linux

package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"iceserver/internal/store"
	"iceserver/test/servertest"
)

// password is that of every server. No error may show it.
const password = "CANARY-pass:word/@1"

// engine is a kind of database with a server of it. Tests share the server and
// have databases of their own.
type engine struct {
	kind  store.Kind
	begin func(testing.TB) (*process, error)
	// create makes an empty database of that number and returns its name.
	create func(ctx context.Context, p *process, number int) (string, error)
	// where is the connection string for a database behind a port.
	where func(port int, database string) string
	// turnadmin is the flag of coturn's tool for such a database, if it has one.
	turnadmin string

	// encrypted makes a connection string ask for TLS and trust the server's
	// certificate; nil: there is none.
	encrypted func(p *process, where string) string

	once   sync.Once
	server *process
	err    error
	number atomic.Int32
}

// started are the servers that have to be ended.
var started struct {
	sync.Mutex
	all  []*process
	dirs []string
}

func engines() map[string]*engine {
	all := map[string]*engine{"PostgreSQL": postgresEngine, "MariaDB": mariaEngine, "Redis": redisEngine, "MongoDB": mongoEngine}
	if runtime.GOARCH == "amd64" { // what the registry has of MySQL is for no other
		all["MySQL"] = mysqlEngine
	}
	return all
}

// running returns the server, which the first test that asks has started.
func (e *engine) running(tb testing.TB) *process {
	tb.Helper()
	e.once.Do(func() {
		if e.server, e.err = e.begin(tb); e.err != nil {
			return
		}
		started.Lock()
		started.all = append(started.all, e.server)
		started.Unlock()
		e.err = e.server.start()
	})
	if e.err != nil {
		tb.Fatal(e.err)
	}
	return e.server
}

// fresh returns the connection string, by port, of a new and empty database.
func (e *engine) fresh(tb testing.TB) func(port int) string {
	tb.Helper()
	p := e.running(tb)
	name, err := e.create(context.Background(), p, int(e.number.Add(1)))
	if err != nil {
		tb.Fatal(err)
	}
	return func(port int) string { return e.where(port, name) }
}

// open opens a database as the server does.
func (e *engine) open(tb testing.TB, where string) store.Database {
	tb.Helper()
	db, err := store.Open(e.kind, where)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// data makes the folder of a server, which goes when all tests are over.
func data(name string) (string, error) {
	dir, err := folder("iceserver-" + name)
	started.Lock()
	started.dirs = append(started.dirs, dir)
	started.Unlock()
	return dir, err
}

// certify puts a certificate into the folder of a server.
func certify(dir string) (servertest.Certificate, error) {
	c, err := servertest.NewCertificate(dir)
	if err != nil {
		return c, err
	}
	return c, errors.Join(own(c.CertFile), own(c.KeyFile))
}

var postgresEngine = &engine{
	kind: store.PostgreSQL, turnadmin: "--psql-userdb",
	begin: func(tb testing.TB) (*process, error) {
		program, err := lookFor("postgres", "/usr/lib/postgresql/*/bin")
		if err != nil {
			return nil, err
		}
		dir, err := data("postgres")
		if err != nil {
			return nil, err
		}
		secret := filepath.Join(dir, "password")
		if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
			return nil, err
		}
		if err := own(secret); err != nil {
			return nil, err
		}
		cluster := filepath.Join(dir, "data")
		err = tool(dir, filepath.Join(filepath.Dir(program), "initdb"), "-D", cluster, "-U", "turn", "--pwfile="+secret,
			"-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")
		p := &process{program: program, port: freePort(tb)}
		p.args = []string{"-D", cluster, "-k", dir, "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-c", "fsync=off", "-c", "autovacuum=off"}
		if err == nil {
			p.cert, err = certify(dir)
			p.args = append(p.args, "-c", "ssl=on", "-c", "ssl_cert_file="+p.cert.CertFile, "-c", "ssl_key_file="+p.cert.KeyFile)
		}
		p.answers = func(ctx context.Context) error {
			return execute(ctx, "pgx", postgresWhere(p.port, "postgres"), "SELECT 1")
		}
		return p, err
	},
	create: func(ctx context.Context, p *process, number int) (string, error) {
		name := fmt.Sprint("turn", number)
		return name, execute(ctx, "pgx", postgresWhere(p.port, "postgres"), "CREATE DATABASE "+name)
	},
	where: postgresWhere,
	encrypted: func(p *process, where string) string {
		return strings.Replace(where, "sslmode=disable", "sslmode=verify-full sslrootcert="+p.cert.CertFile, 1)
	},
}

func postgresWhere(port int, database string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d dbname=%s user=turn password=%s connect_timeout=30 sslmode=disable", port, database, password)
}

var mariaEngine = &engine{
	kind: store.MySQL, turnadmin: "--mysql-userdb",
	begin: func(tb testing.TB) (*process, error) {
		program, err := lookFor("mariadbd", "/usr/sbin")
		if err != nil {
			return nil, err
		}
		install, err := lookFor("mariadb-install-db")
		if err != nil {
			return nil, err
		}
		dir, err := data("mariadb")
		if err != nil {
			return nil, err
		}
		err = tool(dir, install, "--no-defaults", "--datadir="+filepath.Join(dir, "data"), "--skip-test-db", "--auth-root-authentication-method=normal")
		grant := filepath.Join(dir, "init.sql")
		text := "CREATE USER IF NOT EXISTS turn@'127.0.0.1' IDENTIFIED BY '" + password + "';\nGRANT ALL ON *.* TO turn@'127.0.0.1' WITH GRANT OPTION;\n"
		if err == nil {
			err = os.WriteFile(grant, []byte(text), 0o644)
		}
		p := &process{program: program, port: freePort(tb)}
		p.args = []string{
			"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--socket=" + filepath.Join(dir, "s"), "--init-file=" + grant,
			"--pid-file=" + filepath.Join(dir, "pid"), "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(p.port), "--skip-name-resolve",
			"--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=2", "--performance-schema=OFF",
		}
		if err == nil {
			p.cert, err = certify(dir)
			p.args = append(p.args, "--ssl-cert="+p.cert.CertFile, "--ssl-key="+p.cert.KeyFile)
		}
		p.answers = p.answersMySQL
		return p, err
	},
	create: mysqlCreate, where: mysqlWhere,
	encrypted: func(p *process, where string) string { return where + " ssl-ca=" + p.cert.CertFile },
}

var redisEngine = &engine{
	kind: store.Redis, turnadmin: "--redis-userdb",
	begin: func(tb testing.TB) (*process, error) {
		program, err := lookFor("redis-server")
		if err != nil {
			return nil, err
		}
		dir, err := data("redis")
		if err != nil {
			return nil, err
		}
		p := &process{program: program, port: freePort(tb), tlsPort: freePort(tb)}
		p.cert, err = certify(dir)
		p.args = []string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(p.port), "--dir", dir, "--appendonly", "yes", "--appendfsync", "no",
			"--save", "", "--databases", "200", "--requirepass", password,
			"--tls-port", strconv.Itoa(p.tlsPort), "--tls-cert-file", p.cert.CertFile, "--tls-key-file", p.cert.KeyFile,
			"--tls-ca-cert-file", p.cert.CertFile, "--tls-auth-clients", "no",
		}
		p.answers = func(ctx context.Context) error { return redisClient(tb, p.port, 0).Ping(ctx).Err() }
		return p, err
	},
	// A database of Redis is a number, and empty until somebody uses it.
	create: func(_ context.Context, _ *process, number int) (string, error) { return strconv.Itoa(number), nil },
	where: func(port int, database string) string {
		return fmt.Sprintf("ip=127.0.0.1 port=%d dbname=%s password=%s connect_timeout=30", port, database, password)
	},
	encrypted: func(p *process, where string) string {
		return strings.Replace(where, fmt.Sprint("port=", p.port), fmt.Sprint("port=", p.tlsPort), 1) + " tls=1 ca=" + p.cert.CertFile
	},
}

// redisClient is a client beside the store.
func redisClient(tb testing.TB, port, number int) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), DB: number, Password: password, DisableIdentity: true})
	tb.Cleanup(func() { c.Close() })
	return c
}

var mongoEngine = &engine{
	kind: store.MongoDB,
	begin: func(tb testing.TB) (*process, error) {
		dir, err := data("mongo")
		if err != nil {
			return nil, err
		}
		program, err := build("mongoserver", dir)
		if err != nil {
			return nil, err
		}
		p := &process{program: program, port: freePort(tb)}
		p.args = []string{p.address(), dir}
		p.answers = func(ctx context.Context) error {
			client, err := mongo.Connect(options.Client().ApplyURI(mongoWhere(p.port, "admin")))
			if err != nil {
				return err
			}
			defer client.Disconnect(ctx)
			return client.Database("admin").RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err()
		}
		return p, nil
	},
	create: func(_ context.Context, _ *process, number int) (string, error) {
		return fmt.Sprint("turn", number), nil
	},
	where: mongoWhere,
}

func mongoWhere(port int, database string) string {
	return fmt.Sprintf("mongodb://127.0.0.1:%d/%s", port, database)
}

// execute runs statements beside the store.
func execute(ctx context.Context, driver, source string, statements ...string) error {
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", strings.SplitN(s, "\n", 2)[0], err)
		}
	}
	return nil
}
