package store

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every name that coturn has for a key is understood, and the last one counts.
func TestMySQLConnectionStrings(t *testing.T) {
	tests := []struct{ text, user, password, network, address, database string }{
		{"host=db.example dbname=coturn user=turn password=p", "turn", "p", "tcp", "db.example:3306", "coturn"},
		{"  ip=192.0.2.1   db=c uname=u pwd=p=q/@: p=33 ", "u", "p=q/@:", "tcp", "192.0.2.1:33", "c"},
		{"addr=::1 database=c name=u secret=s port=0", "u", "s", "tcp", "[::1]:3306", "c"},
		{"hostaddr=[::1] dbname=c username=u passwd=s", "u", "s", "tcp", "[::1]:3306", "c"},
		{"ipaddr=/run/db.sock dbname=c", "", "", "unix", "/run/db.sock", "c"},
		{"dbname=c host=a host=b", "", "", "tcp", "b:3306", "c"},
	}
	for _, tt := range tests {
		info, err := parseConninfo(MySQL, tt.text, mysqlKeys())
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		c, err := mysqlConfig(info)
		if err != nil || c.User != tt.user || c.Passwd != tt.password || c.Net != tt.network || c.Addr != tt.address || c.DBName != tt.database || c.TLS != nil {
			t.Errorf("%q: %+v, error %v", tt.text, c, err)
		}
	}
	info, err := parseConninfo(MySQL, "dbname=c timeout=7 read_timeout=9", mysqlKeys())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := mysqlConfig(info); err != nil || c.Timeout != 7*time.Second || c.ReadTimeout != 9*time.Second {
		t.Errorf("%+v, error %v", c, err)
	}
}

func TestRedisConnectionStrings(t *testing.T) {
	open := func(text string) *redisDatabase {
		t.Helper()
		db, err := Open(Redis, text)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db.(*redisDatabase)
	}
	o := open("ip=192.0.2.1 dbname=2 password=p port=7000 connect_timeout=3").db.Options()
	if o.Addr != "192.0.2.1:7000" || o.DB != 2 || o.Password != "p" || o.DialTimeout != 3*time.Second || o.TLSConfig != nil {
		t.Errorf("%+v", o)
	}
	if o := open("").db.Options(); o.Addr != "127.0.0.1:6379" || o.DB != 0 || o.DialTimeout != connectTimeout {
		t.Errorf("%+v", o)
	}
	// coturn takes a user name without a password, and does not log in.
	if o := open("user=u").db.Options(); o.Username != "" {
		t.Errorf("%+v", o)
	}
	if c := open("host=cache.example tls=1").db.Options().TLSConfig; c == nil || c.ServerName != "cache.example" || c.InsecureSkipVerify {
		t.Errorf("%+v", c)
	}
	if c := open("host=192.0.2.1 ssl=yes sni=cache.example verify=none").db.Options().TLSConfig; c.ServerName != "cache.example" || !c.InsecureSkipVerify {
		t.Errorf("%+v", c)
	}
}

// A-L02: whatever is wrong with a connection string, its password is not told.
func TestWrongConnectionStrings(t *testing.T) {
	for _, tt := range []struct {
		kind       Kind
		text, want string
	}{
		{MySQL, "host=h dbname=d password=CANARY CANARY", "word 4"},
		{MySQL, "host=h CANARY=1 dbname=d", "word 2"},
		{MySQL, "host=h password=CANARY", "dbname=coturn"},
		{MySQL, "dbname=d port=CANARY", "port"},
		{MySQL, "dbname=d timeout=-1", "connect_timeout"},
		{MySQL, "dbname=d ca=/nowhere/ca.pem password=CANARY", "/nowhere/ca.pem"},
		{MySQL, "dbname=d cipher=ROT13 password=CANARY", "ROT13"},
		{MySQL, "dbname=d cert=/nowhere/c key=/nowhere/k password=CANARY", "/nowhere/c"},
		{MySQL, "dbname=d capath=/nowhere password=CANARY", "capath"},
		{Redis, "dbname=CANARY", "dbname"},
		{Redis, "tls=CANARY", "tls"},
		{Redis, "tls=1 verify=CANARY", "verify"},
		{Redis, "read_timeout=1", "keys are host, dbname"},
		{PostgreSQL, "postgresql://turn:CANARY@h:port/db", "postgresql://"},
		{PostgreSQL, "host=h password='CANARY", "host=127.0.0.1"},
		{PostgreSQL, "CANARY", "host=127.0.0.1"},
		{MongoDB, "mongodb://turn:CANARY@h:port/db", "mongodb://"},
		{MongoDB, "mongodb://turn:CAN@ARY@h/db", "mongodb://"},
		{MongoDB, "CANARY", "mongodb://"},
		{"userd", "x", "userd"},
	} {
		db, err := Open(tt.kind, tt.text)
		if err == nil {
			db.Close()
			t.Errorf("%s %q: opened", tt.kind, tt.text)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), string(tt.kind)) {
			t.Errorf("%s %q: error %v", tt.kind, tt.text, err)
		}
	}
}

// What is open is named without a password.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		kind       Kind
		text, want string
	}{
		{PostgreSQL, "host=h port=5433 dbname=d user=u password=CANARY", "postgresql h:5433/d"},
		{PostgreSQL, "postgresql://u:CANARY@h/d", "postgresql h:5432/d"},
		{MySQL, "host=h dbname=d password=CANARY", "mysql h:3306/d"},
		{Redis, "host=h dbname=3 password=CANARY", "redis h:6379/3"},
		{MongoDB, "mongodb://u:CANARY@h:27018/d", "mongodb h:27018/d"},
		{MongoDB, "mongodb://h", "mongodb h/turn"},
	} {
		db, err := Open(tt.kind, tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		defer db.Close()
		if db.String() != tt.want {
			t.Errorf("%q is called %q, want %q", tt.text, db, tt.want)
		}
	}
}

// Cipher suites go by OpenSSL's names, each of which Go has.
func TestSuites(t *testing.T) {
	got, err := suites(MySQL, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,ECDHE-RSA-AES128-SHA")
	want := []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, error %v", got, err)
	}
}
