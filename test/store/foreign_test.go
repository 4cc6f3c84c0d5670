//go:build linux

package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

const digits = "8493fbc53ba582fb4c044c456bdc40eb"

// wantKey requires that a user has the key of digits, or is not there.
func wantKey(t *testing.T, db store.Database, realm, name string, there bool) {
	t.Helper()
	got, err := db.Key(t.Context(), realm, name)
	if there && (err != nil || got.String() != "0x"+digits && got.String() != digits) {
		t.Errorf("%q in %q: key %v, error %v", name, realm, got, err)
	}
	if !there && !errors.Is(err, store.ErrNoUser) {
		t.Errorf("%q in %q: key %v, error %v", name, realm, got, err)
	}
}

// Tables that an old coturn made lack columns, and a user who may only read and
// write gets by with what is there.
func TestOldPostgreSQL(t *testing.T) {
	where := postgresEngine.fresh(t)
	port := postgresEngine.server.port
	at := where(port)
	name := strings.TrimPrefix(strings.Fields(at)[2], "dbname=")
	err := execute(t.Context(), "pgx", postgresWhere(port, name),
		"CREATE TABLE turnusers_lt (realm varchar(127) default '', name varchar(512), hmackey char(128), PRIMARY KEY (realm,name))",
		"CREATE TABLE turn_secret (realm varchar(127) default '', value varchar(256), primary key (realm,value))",
		"CREATE TABLE allowed_peer_ip (ip_range varchar(256), primary key (ip_range))",
		"CREATE TABLE oauth_key (kid varchar(128), ikm_key varchar(256), timestamp bigint default 0, lifetime integer default 0, as_rs_alg varchar(64) default '', primary key (kid))",
		"INSERT INTO turnusers_lt VALUES ('r', 'old', '"+digits+"')", "INSERT INTO allowed_peer_ip VALUES ('192.0.2.1')",
		"INSERT INTO oauth_key (kid, ikm_key) VALUES ('k', 'eA==')",
		"CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+name,
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	if err != nil {
		t.Fatal(err)
	}
	db := postgresEngine.open(t, strings.Replace(at, "user=turn", "user="+name, 1))
	wantKey(t, db, "r", "old", true)
	if err := db.AddSecret(t.Context(), "r", "s"); err != nil {
		t.Error(err)
	}
	if keys, err := db.OAuthKeys(t.Context()); err != nil || !slices.Equal(keys, []store.OAuthKey{{KID: "k", Key: "eA=="}}) {
		t.Errorf("keys %v, error %v", keys, err)
	}
	if realms, err := db.Realms(t.Context()); err != nil || !slices.Equal(realms, []string{"r"}) {
		t.Errorf("realms %v, error %v", realms, err)
	}
	if rules, err := db.PeerRules(t.Context()); err == nil || !strings.Contains(err.Error(), "denied_peer_ip") {
		t.Errorf("rules %v, error %v", rules, err)
	}
}

// A user who may make no tables is told which file to load.
func TestPostgreSQLWithoutTables(t *testing.T) {
	where := postgresEngine.fresh(t)
	port := postgresEngine.server.port
	at := where(port)
	name := strings.TrimPrefix(strings.Fields(at)[2], "dbname=")
	err := execute(t.Context(), "pgx", postgresWhere(port, name),
		"CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"'", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	if err != nil {
		t.Fatal(err)
	}
	db := postgresEngine.open(t, strings.Replace(at, "user=turn", "user="+name, 1))
	if _, err := db.Key(t.Context(), "r", "n"); err == nil || !strings.Contains(err.Error(), "schema.sql") {
		t.Errorf("error %v", err)
	}
}

// A connection string that libpq takes is taken, with the options that are about
// libpq's own sockets, and with an address beside the name or in its stead.
func TestPostgreSQLOptions(t *testing.T) {
	where := postgresEngine.fresh(t)(postgresEngine.running(t).port)
	own := " keepalives=1 keepalives_idle=30 keepalives_interval=10 keepalives_count=5 tcp_user_timeout=9000 gssencmode=disable sslcompression=0 load_balance_hosts=disable fallback_application_name=turnserver"
	addr := strings.Replace(where, "host=", "hostaddr=", 1)
	named := strings.Replace(where, "host=127.0.0.1", "host=name.invalid hostaddr=127.0.0.1", 1)
	part := map[string]string{}
	for _, word := range strings.Fields(where) {
		key, value, _ := strings.Cut(word, "=")
		part[key] = value
	}
	uri := "postgresql://turn:" + url.QueryEscape(part["password"]) + "@/" + part["dbname"] + "?sslmode=disable&keepalives_idle=30&port=" + part["port"] + "&hostaddr=127.0.0.1"
	for _, text := range []string{where + own, addr, named, uri} {
		db := postgresEngine.open(t, text)
		if _, err := db.Users(t.Context(), ""); err != nil {
			t.Errorf("%v", err)
		}
	}
	db := postgresEngine.open(t, where+" keepalive=1")
	if _, err := db.Users(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "keepalive") {
		t.Errorf("an option that there is not: error %v", err)
	}
}

// A-L02: a wrong password is told of, without the password.
func TestWrongPassword(t *testing.T) {
	for name, e := range engines() {
		if e == mongoEngine {
			continue // the server of this test asks for none
		}
		t.Run(name, func(t *testing.T) {
			where := strings.Replace(e.fresh(t)(e.server.port), password, "CANARY-wrong", 1)
			_, err := e.open(t, where).Key(t.Context(), "r", "n")
			if err == nil || errors.Is(err, store.ErrNoUser) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Keys of Redis that only look like a user's are nobody's, and a realm with a
// slash is refused rather than taken for another one.
func TestRedisKeys(t *testing.T) {
	where := redisEngine.fresh(t)
	number := int(redisEngine.number.Load())
	c := redisClient(t, redisEngine.server.port, number)
	for key, value := range map[string]string{
		"turn/realm/r/user/plain/key": digits, "turn/realm/r/user/a/b/key": strings.ToUpper(digits), "turn/realm//user/bare/key": digits,
		"turn/realm/r/user/broken/key": "no key", "turn/realm/r/user/plain/allocation/000000000000000001/status": "new lifetime=600",
		"turn/realm/r/max-bps": "many", "turn/user/x/allocation/000000000000000001/status": "new", "other/key": digits,
	} {
		if err := c.Set(t.Context(), key, value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	db := redisEngine.open(t, where(redisEngine.server.port))
	wantKey(t, db, "r", "plain", true)
	wantKey(t, db, "r", "a/b", true)
	wantKey(t, db, "", "bare", true)
	wantKey(t, db, "r", "*", false)
	list, err := db.Users(t.Context(), "")
	var names []string
	for _, u := range list {
		names = append(names, fmt.Sprint(u.Realm, ":", u.Name, ":", len(u.Key)))
	}
	if want := []string{":bare:16", "r:a/b:16", "r:broken:0", "r:plain:16"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("users %q, error %v", names, err)
	}
	if _, err := db.Key(t.Context(), "r", "broken"); !errors.Is(err, store.ErrBrokenKey) {
		t.Errorf("error %v", err)
	}
	if options, err := db.RealmOptions(t.Context(), ""); err != nil || len(options) != 0 {
		t.Errorf("options %v, error %v", options, err)
	}
	// A-A08: "b" of the realm "r/user/a" would be "a/user/b" of the realm "r".
	if _, err := db.Key(t.Context(), "r/user/a", "b"); err == nil || !strings.Contains(err.Error(), "slash") {
		t.Errorf("error %v", err)
	}
	if err := db.SetUser(t.Context(), store.User{Realm: "r/user/a", Name: "b", Key: auth.Key("0123456789abcdef")}); err == nil {
		t.Error("a realm with a slash")
	}
}

// Documents as coturn writes them, with the numbers that it and JavaScript use,
// and as this program writes them.
func TestMongoDocuments(t *testing.T) {
	where := mongoEngine.fresh(t)(mongoEngine.server.port)
	client, err := mongo.Connect(options.Client().ApplyURI(where))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	raw := client.Database(where[strings.LastIndex(where, "/")+1:])
	for collection, doc := range map[string]bson.D{
		"turnusers_lt": {{Key: "realm", Value: "r"}, {Key: "name", Value: "theirs"}, {Key: "hmackey", Value: digits}},
		"realm": {{Key: "realm", Value: "r"}, {Key: "options", Value: bson.D{{Key: "max-bps", Value: int32(5)}, {Key: "user-quota", Value: 7.0}, {Key: "odd", Value: "x"}}},
			{Key: "origin", Value: bson.A{"http://a", "http://b"}}, {Key: "denied_peer_ip", Value: bson.A{"192.0.2.1"}}},
		"oauth_key": {{Key: "kid", Value: "k"}, {Key: "ikm_key", Value: "eA=="}, {Key: "timestamp", Value: int64(0)}, {Key: "lifetime", Value: int32(60)}},
	} {
		if _, err := raw.Collection(collection).InsertOne(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
	}
	db := mongoEngine.open(t, where)
	wantKey(t, db, "r", "theirs", true)
	got, err := db.RealmOptions(t.Context(), "r")
	if want := []store.RealmOption{{Realm: "r", Option: "max-bps", Value: 5}, {Realm: "r", Option: "user-quota", Value: 7}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("options %v, error %v", got, err)
	}
	if list, err := db.Origins(t.Context()); err != nil || len(list) != 2 || list[1] != (store.Origin{Origin: "http://b", Realm: "r"}) {
		t.Errorf("origins %v, error %v", list, err)
	}
	if err := db.SetOAuthKey(t.Context(), store.OAuthKey{KID: "ours", Key: "eA=="}); err != nil {
		t.Fatal(err)
	}
	// coturn passes over a timestamp that has not 64 bits, and a lifetime with more
	// than 32.
	var doc bson.Raw
	if err := raw.Collection("oauth_key").FindOne(t.Context(), bson.D{{Key: "kid", Value: "ours"}}).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Lookup("timestamp").Type != bson.TypeInt64 || doc.Lookup("lifetime").Type != bson.TypeInt32 {
		t.Errorf("document %v", doc)
	}
}
