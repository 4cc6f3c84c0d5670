package store

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"os"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// Errors of MySQL and MariaDB.
const (
	mysqlDuplicate = 1062
	mysqlNoTable   = 1146
	mysqlNoColumn  = 1054
	// The columns of a key are wider than an index of the server can be.
	mysqlLongKey    = 1071
	mysqlLongColumn = 1709
	// A value with signs that the column's character set lacks can be no row's.
	mysqlMixedCollations = 1267
	mysqlWrongString     = 1366
	mysqlNoConversion    = 3988
)

// sqlRedoLog tells how much InnoDB has written to its log. A change writes to it
// before anybody can see the change.
const sqlRedoLog statement = `SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_lsn_current', 'Innodb_log_write_requests', 'Innodb_rows_inserted', 'Innodb_rows_updated', 'Innodb_rows_deleted')`

// Tables of coturn's for a server whose indexes hold no more than 767 bytes of a
// column: InnoDB's of MySQL 5.6, and later ones with the row format of that time.
// A sign of utf8mb4 counts as four bytes of them. Texts are limited in bytes here,
// so as many bytes without a character set hold the same and compare the same.
const (
	narrowUsers   statement = `CREATE TABLE IF NOT EXISTS turnusers_lt (realm varbinary(127) default '', name varbinary(512), hmackey char(128), PRIMARY KEY (realm,name))`
	narrowSecrets statement = `CREATE TABLE IF NOT EXISTS turn_secret (realm varbinary(127) default '', value varbinary(256), PRIMARY KEY (realm,value))`
	narrowAllowed statement = `CREATE TABLE IF NOT EXISTS allowed_peer_ip (realm varbinary(127) default '', ip_range varbinary(256), PRIMARY KEY (realm,ip_range))`
	narrowDenied  statement = `CREATE TABLE IF NOT EXISTS denied_peer_ip (realm varbinary(127) default '', ip_range varbinary(256), PRIMARY KEY (realm,ip_range))`
)

// Usage in MySQL and MariaDB: without transactions a batch could arrive in part. The
// name of a user is up to 508 bytes of a message, and of an index 767 are enough.
const (
	mysqlTableUsage statement = `CREATE TABLE IF NOT EXISTS iceserver_usage (day varbinary(10), realm varbinary(763), name varbinary(763), allocations bigint, seconds bigint, sent_packets bigint, sent_bytes bigint, recv_packets bigint, recv_bytes bigint, PRIMARY KEY (day,realm,name)) ENGINE=InnoDB`
	mysqlTableBatch statement = `CREATE TABLE IF NOT EXISTS iceserver_usage_batch (id varbinary(32), day varbinary(10), PRIMARY KEY (id)) ENGINE=InnoDB`
	mysqlAddUsage   statement = `INSERT INTO iceserver_usage (day, realm, name, allocations, seconds, sent_packets, sent_bytes, recv_packets, recv_bytes)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE
 allocations = allocations + VALUES(allocations), seconds = seconds + VALUES(seconds),
 sent_packets = sent_packets + VALUES(sent_packets), sent_bytes = sent_bytes + VALUES(sent_bytes),
 recv_packets = recv_packets + VALUES(recv_packets), recv_bytes = recv_bytes + VALUES(recv_bytes)`
)

// mysqlRefusals are the errors of who may not do something, and of a server that is
// set to be read alone.
func mysqlRefusals() []uint16 { return []uint16{1044, 1142, 1143, 1227, 1290, 1370, 1792, 1836} }

// mysqlKeys are the keys of coturn's connection strings for MySQL.
func mysqlKeys() [][]string {
	return append(serverKeys(), []string{"read_timeout"}, []string{"key", "ssl-key"}, []string{"ca", "ssl-ca"},
		[]string{"capath", "ssl-capath"}, []string{"cert", "ssl-cert"}, []string{"cipher", "ssl-cipher"})
}

// openMySQL opens a database of MySQL or MariaDB by coturn's connection string.
func openMySQL(where string) (Database, error) {
	info, err := parseConninfo(MySQL, where, mysqlKeys())
	if err != nil {
		return nil, err
	}
	c, err := mysqlConfig(info)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, hide(errors.New("mysql-userdb: "+err.Error()), c.Passwd)
	}
	s := &sqlDatabase{
		db: sql.OpenDB(connector), name: "mysql " + c.Addr + "/" + c.DBName, secret: c.Passwd, dialect: mysqlDialect(),
	}
	s.pool(sqlRedoLog, 2, false)
	return s, nil
}

// mysqlConfig is a connection string as the driver wants it.
func mysqlConfig(info conninfo) (*mysql.Config, error) {
	c := mysql.NewConfig()
	// An update counts the rows that it finds, not those that it changes.
	c.ClientFoundRows = true
	// A value that does not fit is an error whatever the server's own mode: MySQL 5.6
	// cuts it, or puts a question mark for each sign that the column has not.
	c.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES'"}
	// What the driver has to say of connections that end is no line of our log.
	c.Logger = &mysql.NopLogger{}
	c.User, c.Passwd, c.DBName = info.values["user"], info.values["password"], info.values["dbname"]
	if c.DBName == "" {
		return nil, errForm(MySQL, "host=127.0.0.1 dbname=coturn user=turn password=PASSWORD")
	}
	var errs [4]error
	c.Net, c.Addr, errs[0] = info.address(3306)
	if socket := localSocket(info); socket != "" {
		c.Net, c.Addr = "unix", socket
	}
	c.Timeout, errs[1] = info.seconds("connect_timeout", connectTimeout)
	c.ReadTimeout, errs[2] = info.seconds("read_timeout", callTimeout)
	c.WriteTimeout = callTimeout
	c.TLS, errs[3] = mysqlTLS(info)
	return c, errors.Join(errs[:]...)
}

// mysqlTLS is the TLS that the string asks for, or nil.
func mysqlTLS(info conninfo) (*tls.Config, error) {
	o := tlsOptions{
		kind: MySQL, ca: info.values["ca"], capath: info.values["capath"],
		cert: info.values["cert"], key: info.values["key"], cipher: info.values["cipher"],
	}
	if o == (tlsOptions{kind: MySQL}) {
		return nil, nil
	}
	// As in MySQL's own client: without an authority nothing is verified, with one
	// the chain is and the name is not.
	o.skip, o.skipName = o.ca == "" && o.capath == "", true
	return o.config()
}

// localSocket is where the server listens on this machine, if the string names no
// other place. MySQL's own client takes the name localhost so, and rights are
// often given to that way in alone.
func localSocket(info conninfo) string {
	if info.values["host"] != "localhost" || info.values["port"] != "" {
		return ""
	}
	for _, path := range []string{"/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"} {
		if f, err := os.Stat(path); err == nil && f.Mode()&os.ModeSocket != 0 {
			return path
		}
	}
	return ""
}

// mysqlDialect is that of MySQL and MariaDB, whose columns fold unless somebody
// has given them a binary collation.
func mysqlDialect() dialect {
	number := func(err error) uint16 {
		var e *mysql.MySQLError
		if errors.As(err, &e) {
			return e.Number
		}
		return 0
	}
	return dialect{
		folds:     true,
		suffix:    " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		duplicate: func(err error) bool { return number(err) == mysqlDuplicate },
		unstorable: func(err error) bool {
			n := number(err)
			return n == mysqlMixedCollations || n == mysqlWrongString || n == mysqlNoConversion
		},
		missing: func(err error) bool { return number(err) == mysqlNoTable || number(err) == mysqlNoColumn },
		tooWide: func(err error) bool { return number(err) == mysqlLongKey || number(err) == mysqlLongColumn },
		usage: usageDialect{
			tables: []statement{mysqlTableUsage, mysqlTableBatch}, add: mysqlAddUsage,
			refuses: func(err error) bool { return slices.Contains(mysqlRefusals(), number(err)) },
		},
		narrow: []statement{narrowUsers, narrowSecrets, narrowAllowed, narrowDenied},
	}
}
