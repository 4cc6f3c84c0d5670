package store

// schema is coturn's, column for column, so that one file may serve both
// programs. Tables that this program does not read yet are made too: whoever
// goes back to coturn finds everything in place.
const schema = `
CREATE TABLE IF NOT EXISTS turnusers_lt (realm varchar(127) default '', name varchar(512), hmackey char(128), PRIMARY KEY (realm,name));
CREATE TABLE IF NOT EXISTS turn_secret (realm varchar(127) default '', value varchar(256), PRIMARY KEY (realm,value));
CREATE TABLE IF NOT EXISTS allowed_peer_ip (realm varchar(127) default '', ip_range varchar(256), PRIMARY KEY (realm,ip_range));
CREATE TABLE IF NOT EXISTS denied_peer_ip (realm varchar(127) default '', ip_range varchar(256), PRIMARY KEY (realm,ip_range));
CREATE TABLE IF NOT EXISTS turn_origin_to_realm (origin varchar(127), realm varchar(127), PRIMARY KEY (origin));
CREATE TABLE IF NOT EXISTS turn_realm_option (realm varchar(127) default '', opt varchar(32), value varchar(128), PRIMARY KEY (realm,opt));
CREATE TABLE IF NOT EXISTS oauth_key (kid varchar(128), ikm_key varchar(256), timestamp bigint default 0, lifetime integer default 0, as_rs_alg varchar(64) default '', realm varchar(127) default '', PRIMARY KEY (kid));
CREATE TABLE IF NOT EXISTS admin_user (name varchar(32), realm varchar(127), password varchar(127), PRIMARY KEY (name));
`

// Statements. Each is a constant with placeholders: nothing that anybody types
// ever becomes part of a statement (a test reads the sources for that).
const (
	sqlKey        = `SELECT hmackey FROM turnusers_lt WHERE name = ? AND realm = ?`
	sqlUsers      = `SELECT realm, name, hmackey FROM turnusers_lt ORDER BY realm, name`
	sqlRealmUsers = `SELECT realm, name, hmackey FROM turnusers_lt WHERE realm = ? ORDER BY realm, name`
	sqlAddUser    = `INSERT INTO turnusers_lt (realm, name, hmackey) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	sqlSetUser    = `INSERT INTO turnusers_lt (realm, name, hmackey) VALUES (?, ?, ?) ON CONFLICT (realm, name) DO UPDATE SET hmackey = excluded.hmackey`
	sqlDeleteUser = `DELETE FROM turnusers_lt WHERE name = ? AND realm = ?`
	sqlSecrets    = `SELECT value FROM turn_secret WHERE realm = ? ORDER BY value`
	sqlAddSecret  = `INSERT INTO turn_secret (realm, value) VALUES (?, ?) ON CONFLICT DO NOTHING`
	sqlVersion    = `PRAGMA data_version`
	sqlDelSecret  = `DELETE FROM turn_secret WHERE realm = ? AND value = ?`
)
