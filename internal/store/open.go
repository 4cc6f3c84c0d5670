package store

import "fmt"

// Kind is a kind of database. Its text is the key of the configuration that
// names such a database.
type Kind string

// The kinds, and what Open wants to know of each.
const (
	SQLite     Kind = "userdb"       // the path of a file
	PostgreSQL Kind = "psql-userdb"  // a connection string of libpq, or postgresql://...
	MySQL      Kind = "mysql-userdb" // host=... dbname=... user=... password=..., for MariaDB too
	MongoDB    Kind = "mongo-userdb" // mongodb://...
	Redis      Kind = "redis-userdb" // ip=... dbname=NUMBER password=...
)

// Open returns the database of a kind that is found where the connection string
// says, written as coturn wants it.
//
// Only SQLite is looked at: of the others the connection string alone can be
// wrong here, and a database that is down is found out by whoever asks it
// something. No error contains a password.
func Open(kind Kind, where string) (Database, error) {
	switch kind {
	case SQLite:
		return OpenSQLite(where)
	case PostgreSQL:
		return openPostgreSQL(where)
	case MySQL:
		return openMySQL(where)
	case MongoDB:
		return openMongoDB(where)
	case Redis:
		return openRedis(where)
	}
	return nil, fmt.Errorf("there is no kind of database called %q", string(kind))
}
