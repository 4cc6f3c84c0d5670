package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// SQLSTATEs of PostgreSQL. Of class 22 are all errors that a value causes.
const (
	pgDuplicate     = "23505"
	pgNoTable       = "42P01"
	pgNoColumn      = "42703"
	pgNoEncoding    = "22P05" // a sign that the database's character set lacks
	pgWrongEncoding = "22021"
	pgNoRight       = "42501"
	pgReadOnly      = "25006" // a replica, or a user who is set to read alone
	pgWrongType     = "42804"
)

// Usage in PostgreSQL.
const (
	pgTableUsage statement = `CREATE TABLE IF NOT EXISTS iceserver_usage (day varchar(10), realm bytea, name bytea, allocations bigint, seconds bigint, sent_packets bigint, sent_bytes bigint, recv_packets bigint, recv_bytes bigint, PRIMARY KEY (day,realm,name))`
	pgTableBatch statement = `CREATE TABLE IF NOT EXISTS iceserver_usage_batch (id varchar(32), day varchar(10), PRIMARY KEY (id))`
	pgAddUsage   statement = `INSERT INTO iceserver_usage AS u (day, realm, name, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, realm, name) DO UPDATE SET
 allocations = u.allocations + excluded.allocations, seconds = u.seconds + excluded.seconds,
 sent_packets = u.sent_packets + excluded.sent_packets, sent_bytes = u.sent_bytes + excluded.sent_bytes,
 recv_packets = u.recv_packets + excluded.recv_packets, recv_bytes = u.recv_bytes + excluded.recv_bytes`
)

// sqlSnapshot names what a query would see now: as long as the answer is the same,
// so is everything that can be read. Replicas answer it too, and anybody may ask.
const sqlSnapshot statement = `SELECT CAST(txid_current_snapshot() AS text)`

// openPostgreSQL opens a database by a connection string of libpq, as
// "host=localhost dbname=coturn user=turn password=... connect_timeout=30", or by
// a URI. What the string leaves out comes from libpq's variables and files.
func openPostgreSQL(where string) (Database, error) {
	c, err := parsePostgreSQL(where)
	if err != nil {
		// The library's words quote the string.
		return nil, errForm(PostgreSQL, "host=127.0.0.1 dbname=coturn user=turn password=PASSWORD, or postgresql://turn:PASSWORD@127.0.0.1/coturn")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	// A pooler between here and the database may give every statement another
	// connection, so none is prepared ahead.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "iceserver"
	}
	s := &sqlDatabase{
		db: stdlib.OpenDB(*c), name: "postgresql " + place(c.Host, c.Port, c.Database),
		secret: c.Password, dialect: postgresDialect(),
	}
	s.pool(sqlSnapshot, 1, true)
	return s, nil
}

// libpqOnly are options of libpq that are about its own sockets, its GSSAPI and its
// compression. The driver takes what it does not know for settings of the server,
// which then refuses the connection; here they mean nothing, and lose nothing.
func libpqOnly() []string {
	return []string{
		"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"gssencmode", "gsslib", "gssdelegation", "sslcompression", "sslcertmode", "load_balance_hosts", "fallback_application_name",
	}
}

// parsePostgreSQL reads a connection string as libpq does, where the driver reads
// it otherwise.
func parsePostgreSQL(where string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(where)
	if err != nil {
		return nil, err
	}
	if addr := c.RuntimeParams["hostaddr"]; addr != "" {
		if c, err = dialPostgreSQL(c, where, addr); err != nil {
			return nil, err
		}
	}
	for _, name := range libpqOnly() {
		delete(c.RuntimeParams, name)
	}
	return c, nil
}

// dialPostgreSQL has c dial addr, which saves a look-up of the host's name; the
// name stays the one that a certificate is for. Without a name addr is the host.
func dialPostgreSQL(c *pgx.ConnConfig, where, addr string) (*pgx.ConnConfig, error) {
	if strings.HasPrefix(c.Host, "/") {
		host := " host=" + addr
		if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
			host = "&host=" + addr // behind a question mark, where hostaddr is
		}
		var err error
		if c, err = pgx.ParseConfig(where + host); err != nil {
			return nil, err
		}
	}
	c.LookupFunc = func(context.Context, string) ([]string, error) { return strings.Split(addr, ","), nil }
	delete(c.RuntimeParams, "hostaddr")
	return c, nil
}

func postgresDialect() dialect {
	state := func(err error) string {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return e.Code
		}
		return ""
	}
	return dialect{
		dollars:   true,
		duplicate: func(err error) bool { return state(err) == pgDuplicate },
		unstorable: func(err error) bool {
			return state(err) == pgNoEncoding || state(err) == pgWrongEncoding
		},
		missing: func(err error) bool { return state(err) == pgNoTable || state(err) == pgNoColumn },
		usage: usageDialect{
			tables: []statement{pgTableUsage, pgTableBatch}, add: pgAddUsage,
			refuses: func(err error) bool {
				return slices.Contains([]string{pgNoRight, pgReadOnly, pgWrongType}, state(err))
			},
		},
	}
}
