package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// redisDatabase is a Database in Redis, in coturn's layout:
//
//	turn/realm/REALM/user/NAME/key      string: 32 hexadecimal digits
//	turn/realm/REALM/secret             set of shared secrets
//	turn/realm/REALM/allowed-peer-ip    set of ranges; denied-peer-ip too
//	turn/realm/REALM/OPTION             string: a number
//	turn/origin/ORIGIN                  string: the realm
//	turn/oauth/kid/KID                  hash: ikm_key timestamp lifetime as_rs_alg realm
//	turn/admin_user/NAME                hash: password realm
//
// coturn walks the key space with KEYS, which stops a large Redis, and saves the
// whole of it after each change. Here SCAN is used, and saving is left to the
// operator's settings.
type redisDatabase struct {
	db     *redis.Client
	name   string
	secret string
	watch
}

// redisKeys are the keys of coturn's connection strings for Redis.
func redisKeys() [][]string {
	return append(serverKeys(), []string{"tls", "ssl"}, []string{"ca", "tls-ca", "cacert"}, []string{"capath", "tls-capath"},
		[]string{"cert", "tls-cert"}, []string{"clientkey", "tls-key"}, []string{"sni", "tls-sni", "servername"}, []string{"verify", "tls-verify"})
}

// openRedis opens a database by coturn's connection string, as
// "ip=127.0.0.1 dbname=2 password=... port=6379 connect_timeout=30".
func openRedis(where string) (Database, error) {
	info, err := parseConninfo(Redis, where, redisKeys())
	if err != nil {
		return nil, err
	}
	o, err := redisOptions(info)
	if err != nil {
		return nil, err
	}
	// What the library has to say of connections that fail, the errors say.
	redis.SetLogger(&logging.VoidLogger{})
	r := &redisDatabase{db: redis.NewClient(o), name: fmt.Sprintf("redis %s/%d", o.Addr, o.DB), secret: o.Password}
	r.watch = watch{state: r.state}
	return r, nil
}

// redisOptions is a connection string as the library wants it.
func redisOptions(info conninfo) (*redis.Options, error) {
	var errs [4]error
	o := &redis.Options{
		Username: info.values["user"], Password: info.values["password"],
		// Without a password there is nobody to log in.
		Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1,
		PoolSize: maxConns, MaxIdleConns: idleConns, ConnMaxIdleTime: idleTime, ConnMaxLifetime: lifeTime,
		ReadTimeout: callTimeout, WriteTimeout: callTimeout, PoolTimeout: callTimeout,
	}
	if o.Password == "" {
		o.Username = ""
	}
	o.Network, o.Addr, errs[0] = info.address(6379)
	o.DB, errs[1] = info.number("dbname", 0, 1<<20)
	o.DialTimeout, errs[2] = info.seconds("connect_timeout", connectTimeout)
	if on, err := info.flag("tls", false); on {
		verify, wrong := info.flag("verify", true)
		t := tlsOptions{
			kind: Redis, ca: info.values["ca"], capath: info.values["capath"], cert: info.values["cert"],
			key: info.values["clientkey"], name: info.values["sni"], skip: !verify,
		}
		if t.name == "" {
			t.name = strings.Trim(info.values["host"], "[]")
		}
		o.TLSConfig, errs[3] = t.config()
		errs[3] = errors.Join(wrong, errs[3])
	} else {
		errs[3] = err
	}
	return o, errors.Join(errs[:]...)
}

// String implements Database.
func (r *redisDatabase) String() string { return r.name }

// Close implements Database.
func (r *redisDatabase) Close() error { return r.db.Close() }

// fail says which database an error is about.
func (r *redisDatabase) fail(err error) error {
	if err == nil {
		return nil
	}
	return hide(fmt.Errorf("database %s: %w", r.name, err), r.secret)
}

// state tells how much has been changed since the server started. Who may not ask
// that gets nothing, and then only time tells.
func (r *redisDatabase) state(ctx context.Context) (string, error) {
	text, err := r.db.InfoMap(ctx, "server", "persistence").Result()
	var refused redis.Error
	if errors.As(err, &refused) {
		return "", nil
	}
	if err != nil {
		return "", r.fail(err)
	}
	p := text["Persistence"]
	return strings.Join([]string{text["Server"]["run_id"], p["rdb_changes_since_last_save"], p["rdb_last_save_time"], p["rdb_saves"]}, " "), nil
}

var errSlash = errors.New("a realm with a slash in its name cannot be kept apart from others in Redis")

// realmKey is the beginning of the keys of a realm.
//
// A-A08: a name may have slashes, and one in the realm too would let a user of
// one realm be taken for somebody of another.
func realmKey(realm string) (string, error) {
	if strings.Contains(realm, "/") {
		return "", errSlash
	}
	return "turn/realm/" + realm + "/", nil
}

// scan calls each with every key that matches a pattern. A key may come twice.
func (r *redisDatabase) scan(ctx context.Context, pattern string, each func(key string)) error {
	var cursor uint64
	for {
		keys, next, err := r.db.Scan(ctx, cursor, pattern, scanned).Result()
		if err != nil {
			return r.fail(err)
		}
		for _, k := range keys {
			each(k)
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// scanned is how many keys Redis looks at before others have their turn.
const scanned = 1000

// keysOf lists the distinct keys between a beginning and an end, by what lies
// between them.
func (r *redisDatabase) keysOf(ctx context.Context, begin, end string) (map[string]string, error) {
	found := map[string]string{}
	err := r.scan(ctx, begin+"*"+end, func(key string) {
		rest, ok := strings.CutPrefix(key, begin)
		if middle, too := strings.CutSuffix(rest, end); ok && too {
			found[middle] = key
		}
	})
	return found, err
}

// texts reads string keys, several at a time; one that went meanwhile, or is
// of another type, is left out.
func (r *redisDatabase) texts(ctx context.Context, keys []string, each func(key, value string)) error {
	for len(keys) > 0 {
		some := keys[:min(len(keys), scanned)]
		keys = keys[len(some):]
		values, err := r.db.MGet(ctx, some...).Result()
		if err != nil {
			return r.fail(err)
		}
		for i, v := range values {
			if text, ok := v.(string); ok {
				each(some[i], text)
			}
		}
	}
	return nil
}
