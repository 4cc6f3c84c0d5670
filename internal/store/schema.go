package store

// statement is the text of a query. Every value is a constant with a question
// mark for each parameter: nothing that anybody types ever becomes part of one (a
// test reads the sources for that).
type statement string

// The tables are coturn's, column for column, so that one database may serve both
// programs. Tables that this program does not read are made too: whoever goes
// back to coturn finds everything in place.
const (
	tableUsers   statement = `CREATE TABLE IF NOT EXISTS turnusers_lt (realm varchar(127) default '', name varchar(512), hmackey char(128), PRIMARY KEY (realm,name))`
	tableSecrets statement = `CREATE TABLE IF NOT EXISTS turn_secret (realm varchar(127) default '', value varchar(256), PRIMARY KEY (realm,value))`
	tableAllowed statement = `CREATE TABLE IF NOT EXISTS allowed_peer_ip (realm varchar(127) default '', ip_range varchar(256), PRIMARY KEY (realm,ip_range))`
	tableDenied  statement = `CREATE TABLE IF NOT EXISTS denied_peer_ip (realm varchar(127) default '', ip_range varchar(256), PRIMARY KEY (realm,ip_range))`
	tableOrigins statement = `CREATE TABLE IF NOT EXISTS turn_origin_to_realm (origin varchar(127), realm varchar(127), PRIMARY KEY (origin))`
	tableOptions statement = `CREATE TABLE IF NOT EXISTS turn_realm_option (realm varchar(127) default '', opt varchar(32), value varchar(128), PRIMARY KEY (realm,opt))`
	tableOAuth   statement = `CREATE TABLE IF NOT EXISTS oauth_key (kid varchar(128), ikm_key varchar(256), timestamp bigint default 0, lifetime integer default 0, as_rs_alg varchar(64) default '', realm varchar(127) default '', PRIMARY KEY (kid))`
	tableAdmins  statement = `CREATE TABLE IF NOT EXISTS admin_user (name varchar(32), realm varchar(127), password varchar(127), PRIMARY KEY (name))`
)

// tables are the statements that make what is missing, the table of users first.
func tables() []statement {
	return []statement{tableUsers, tableSecrets, tableAllowed, tableDenied, tableOrigins, tableOptions, tableOAuth, tableAdmins}
}

// probes find out whether a table is there, in the order of tables. A database
// may refuse even CREATE TABLE IF NOT EXISTS to somebody who may make none.
func probes() []statement {
	return []statement{
		`SELECT 1 FROM turnusers_lt WHERE 1 = 0`, `SELECT 1 FROM turn_secret WHERE 1 = 0`,
		`SELECT 1 FROM allowed_peer_ip WHERE 1 = 0`, `SELECT 1 FROM denied_peer_ip WHERE 1 = 0`,
		`SELECT 1 FROM turn_origin_to_realm WHERE 1 = 0`, `SELECT 1 FROM turn_realm_option WHERE 1 = 0`,
		`SELECT 1 FROM oauth_key WHERE 1 = 0`, `SELECT 1 FROM admin_user WHERE 1 = 0`,
	}
}

// Users and secrets. An update and the insert for the same row take the same
// parameters in the same order.
const (
	sqlKey        statement = `SELECT realm, name, hmackey FROM turnusers_lt WHERE realm = ? AND name = ?`
	sqlUserNames  statement = `SELECT realm, name FROM turnusers_lt WHERE realm = ? AND name = ?`
	sqlUsers      statement = `SELECT realm, name, hmackey FROM turnusers_lt`
	sqlRealmUsers statement = `SELECT realm, name, hmackey FROM turnusers_lt WHERE realm = ?`
	sqlInsertUser statement = `INSERT INTO turnusers_lt (hmackey, realm, name) VALUES (?, ?, ?)`
	sqlUpdateUser statement = `UPDATE turnusers_lt SET hmackey = ? WHERE realm = ? AND name = ?`
	sqlDeleteUser statement = `DELETE FROM turnusers_lt WHERE realm = ? AND name = ?`

	sqlSecrets      statement = `SELECT realm, value FROM turn_secret WHERE realm = ?`
	sqlSecret       statement = `SELECT realm, value FROM turn_secret WHERE realm = ? AND value = ?`
	sqlInsertSecret statement = `INSERT INTO turn_secret (realm, value) VALUES (?, ?)`
	sqlDeleteSecret statement = `DELETE FROM turn_secret WHERE realm = ? AND value = ?`
)

// What belongs to a realm. The second statement of a pair is for a database that
// an old coturn made, whose tables had no column for the realm.
const (
	sqlOrigins      statement = `SELECT origin, realm FROM turn_origin_to_realm`
	sqlOrigin       statement = `SELECT origin FROM turn_origin_to_realm WHERE origin = ?`
	sqlInsertOrigin statement = `INSERT INTO turn_origin_to_realm (realm, origin) VALUES (?, ?)`
	sqlUpdateOrigin statement = `UPDATE turn_origin_to_realm SET realm = ? WHERE origin = ?`
	sqlDeleteOrigin statement = `DELETE FROM turn_origin_to_realm WHERE origin = ?`

	sqlOptions      statement = `SELECT realm, opt, value FROM turn_realm_option`
	sqlRealmOptions statement = `SELECT realm, opt, value FROM turn_realm_option WHERE realm = ?`
	sqlOption       statement = `SELECT realm, opt FROM turn_realm_option WHERE realm = ? AND opt = ?`
	sqlInsertOption statement = `INSERT INTO turn_realm_option (value, realm, opt) VALUES (?, ?, ?)`
	sqlUpdateOption statement = `UPDATE turn_realm_option SET value = ? WHERE realm = ? AND opt = ?`
	sqlDeleteOption statement = `DELETE FROM turn_realm_option WHERE realm = ? AND opt = ?`

	sqlAllowed       statement = `SELECT realm, ip_range FROM allowed_peer_ip`
	sqlAllowedOld    statement = `SELECT '', ip_range FROM allowed_peer_ip`
	sqlAllowedRule   statement = `SELECT realm, ip_range FROM allowed_peer_ip WHERE realm = ? AND ip_range = ?`
	sqlInsertAllowed statement = `INSERT INTO allowed_peer_ip (realm, ip_range) VALUES (?, ?)`
	sqlDeleteAllowed statement = `DELETE FROM allowed_peer_ip WHERE realm = ? AND ip_range = ?`
	sqlDenied        statement = `SELECT realm, ip_range FROM denied_peer_ip`
	sqlDeniedOld     statement = `SELECT '', ip_range FROM denied_peer_ip`
	sqlDeniedRule    statement = `SELECT realm, ip_range FROM denied_peer_ip WHERE realm = ? AND ip_range = ?`
	sqlInsertDenied  statement = `INSERT INTO denied_peer_ip (realm, ip_range) VALUES (?, ?)`
	sqlDeleteDenied  statement = `DELETE FROM denied_peer_ip WHERE realm = ? AND ip_range = ?`
)

// Administrators and the keys of authorization servers.
const (
	sqlAdmins      statement = `SELECT name, realm, password FROM admin_user`
	sqlAdmin       statement = `SELECT name, realm, password FROM admin_user WHERE name = ?`
	sqlAdminName   statement = `SELECT name FROM admin_user WHERE name = ?`
	sqlInsertAdmin statement = `INSERT INTO admin_user (realm, password, name) VALUES (?, ?, ?)`
	sqlUpdateAdmin statement = `UPDATE admin_user SET realm = ?, password = ? WHERE name = ?`
	sqlDeleteAdmin statement = `DELETE FROM admin_user WHERE name = ?`

	sqlOAuthKeys    statement = `SELECT kid, ikm_key, timestamp, lifetime, as_rs_alg, realm FROM oauth_key`
	sqlOAuthKeysOld statement = `SELECT kid, ikm_key, timestamp, lifetime, as_rs_alg, '' FROM oauth_key`
	sqlOAuthKey     statement = `SELECT kid, ikm_key, timestamp, lifetime, as_rs_alg, realm FROM oauth_key WHERE kid = ?`
	sqlOAuthKeyOld  statement = `SELECT kid, ikm_key, timestamp, lifetime, as_rs_alg, '' FROM oauth_key WHERE kid = ?`
	sqlKID          statement = `SELECT kid FROM oauth_key WHERE kid = ?`
	sqlInsertOAuth  statement = `INSERT INTO oauth_key (ikm_key, timestamp, lifetime, as_rs_alg, realm, kid) VALUES (?, ?, ?, ?, ?, ?)`
	sqlUpdateOAuth  statement = `UPDATE oauth_key SET ikm_key = ?, timestamp = ?, lifetime = ?, as_rs_alg = ?, realm = ? WHERE kid = ?`
	sqlDeleteOAuth  statement = `DELETE FROM oauth_key WHERE kid = ?`
)

// realmColumns are where a realm may be named.
func realmColumns() []statement {
	return []statement{
		`SELECT DISTINCT realm FROM turnusers_lt`, `SELECT DISTINCT realm FROM turn_secret`,
		`SELECT DISTINCT realm FROM allowed_peer_ip`, `SELECT DISTINCT realm FROM denied_peer_ip`,
		`SELECT DISTINCT realm FROM turn_origin_to_realm`, `SELECT DISTINCT realm FROM turn_realm_option`,
		`SELECT DISTINCT realm FROM oauth_key`, `SELECT DISTINCT realm FROM admin_user`,
	}
}
