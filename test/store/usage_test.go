//go:build linux

package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iceserver/internal/store"
	"iceserver/internal/store/storetest"
	"iceserver/test/servertest"
)

// Every database that servers can share passes the suite of usage.
func TestUsage(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			e.running(t)
			dead := e.open(t, strings.Replace(e.where(freePort(t), "1"), "connect_timeout=30", "connect_timeout=1", 1)+hurry(e.kind))
			storetest.Usage(t, func(t *testing.T) func() store.Database {
				where := e.fresh(t)(e.server.port)
				return func() store.Database { return e.open(t, where) }
			}, dead)
		})
	}
}

// FerretDB, which stands in for MongoDB, reads a document and writes it as two steps,
// where MongoDB itself changes it in one: it cannot pass.
func TestUsageAtOnce(t *testing.T) {
	for name, e := range engines() {
		if e.kind == store.MongoDB {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e.running(t)
			where := e.fresh(t)(e.server.port)
			storetest.UsageAtOnce(t, func() store.Database { return e.open(t, where) })
		})
	}
}

// hurry has a client of MongoDB not wait for a server that is not there.
func hurry(k store.Kind) string {
	if k == store.MongoDB {
		return "?serverSelectionTimeoutMS=300"
	}
	return ""
}

// logged are the bytes of a user that the log of a server tells of, both ways.
func logged(t *testing.T, s *servertest.Server, user string) (bytes uint64) {
	t.Helper()
	for _, line := range strings.Split(s.Log(), "\n") {
		if !strings.Contains(line, "user="+user) {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:client|peer)_bytes=(\d+)`).FindAllStringSubmatch(line, -1) {
			n, err := strconv.ParseUint(m[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			bytes += n
		}
	}
	if bytes == 0 {
		t.Fatalf("the log has no bytes of %s:\n%s", user, s.Log())
	}
	return bytes
}

// usageTold are the bytes of a user that the command tells of, both ways.
func usageTold(t *testing.T, conf, user string) (bytes uint64) {
	t.Helper()
	var rows []struct{ SentBytes, ReceivedBytes uint64 }
	out := command(t, "usage", "--json", "--user", user, "-c", conf)
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, r := range rows {
		bytes += r.SentBytes + r.ReceivedBytes
	}
	return bytes
}

// Two servers on one database add up to the byte, and one lets nobody in who has used
// up his month on the other. While the database is dead nothing is lost and nothing
// told, and when it is back nothing is there twice.
//
// H-22: what users did is kept by the day, whichever server it was on.
func TestUsageShared(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each has a server of its own, and starts take their time
			where := e.fresh(t)(e.server.port)
			one, at, conf := serve(t, e.kind, where)
			two, other, otherConf := serve(t, e.kind, where)
			carried(t, "alice", relay(t, at, "alice", "pw", 300*time.Millisecond))
			carried(t, "alice", relay(t, other, "alice", "pw", 200*time.Millisecond))
			one.Stop(t)
			two.Stop(t)
			sum := logged(t, one, "alice") + logged(t, two, "alice")
			for _, c := range []string{conf, otherConf} {
				if got := usageTold(t, c, "alice"); got != sum {
					t.Errorf("usage tells of %d bytes, and the two servers relayed %d", got, sum)
				}
			}

			// On a third one alice has had what she may have, and bob has not.
			three, third, thirdConf := serve(t, e.kind, where, fmt.Sprint("user-monthly-quota=", sum), "user=bob:pw")
			if r := relay(t, third, "alice", "pw", 100*time.Millisecond); r != nil && r.Setup.Ready > 0 {
				t.Error("alice is let in with nothing left")
			}
			e.server.kill()
			carried(t, "bob", relay(t, third, "bob", "pw", 200*time.Millisecond))
			three.Stop(t)
			if text := three.Log(); strings.Count(text, "does not take what users did") != 1 || strings.Contains(text, "CANARY") {
				t.Errorf("the log tells the password, or not once that the database is dead:\n%s", text)
			}
			out, err := exec.Command(servertest.Binary(t), "usage", "-c", thirdConf).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || strings.Contains(string(out), "bob") || strings.Contains(string(out), "CANARY") {
				t.Errorf("the database is dead, and usage says %v:\n%s", err, out)
			}
			// A start without the database knows who had had enough.
			four, fourth, _ := serve(t, e.kind, where, fmt.Sprint("user-monthly-quota=", sum), "data-dir="+filepath.Join(filepath.Dir(thirdConf), "data"))
			if r := relay(t, fourth, "alice", "pw", 100*time.Millisecond); r != nil && r.Setup.Ready > 0 {
				t.Error("alice is let in while the database is dead")
			}
			four.Stop(t)
			e.server.restart(t)
			for range 2 {
				if got, want := usageTold(t, thirdConf, "bob"), logged(t, three, "bob"); got != want {
					t.Errorf("usage tells of %d bytes of bob's, and %d were relayed", got, want)
				}
			}
			if got := usageTold(t, conf, "alice"); got != sum {
				t.Errorf("usage tells of %d bytes of alice's, want %d", got, sum)
			}
		})
	}
}

// Where the user of the database may only read, servers go on as with none: one line
// says so, and their own file has it all.
func TestUsageRefused(t *testing.T) {
	for name, grant := range map[string]func(p *process, database string) (where string, err error){
		"PostgreSQL": func(p *process, database string) (string, error) {
			reader, own := "reader_"+database, postgresWhere(p.port, database)
			err := execute(t.Context(), "pgx", own, "CREATE ROLE "+reader+" LOGIN PASSWORD 'readers'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+reader)
			return strings.NewReplacer("user=turn", "user="+reader, password, "readers").Replace(own), err
		},
		"MariaDB": func(p *process, database string) (string, error) {
			reader := "reader_" + database
			err := execute(t.Context(), "mysql", mysqlSource(p.port, database), "CREATE USER "+reader+"@'127.0.0.1' IDENTIFIED BY 'readers'", "GRANT SELECT ON "+database+".* TO "+reader+"@'127.0.0.1'")
			return strings.NewReplacer("user=turn", "user="+reader, password, "readers").Replace(mysqlWhere(p.port, database)), err
		},
		"Redis": func(p *process, database string) (string, error) {
			number, err := strconv.Atoi(database)
			if err == nil {
				err = redisClient(t, p.port, number).Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">readers", "~*", "+@all", "-@write").Err()
			}
			return strings.Replace(redisEngine.where(p.port, database), "password="+password, "user=reader password=readers", 1), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := engines()[name]
			full := e.fresh(t)(e.server.port)
			if _, err := e.open(t, full).Users(t.Context(), ""); err != nil { // makes coturn's tables
				t.Fatal(err)
			}
			where, err := grant(e.server, regexp.MustCompile(`dbname=(\w+)`).FindStringSubmatch(full)[1])
			if err != nil {
				t.Fatal(err)
			}
			var sum uint64
			dir := "data-dir=" + filepath.Join(t.TempDir(), "data")
			conf := ""
			for range 2 {
				var s *servertest.Server
				var at netip.AddrPort
				s, at, conf = serve(t, e.kind, where, dir)
				carried(t, "alice", relay(t, at, "alice", "pw", 200*time.Millisecond))
				s.Stop(t)
				if n := strings.Count(s.Log(), "does not let its user keep"); n != 1 {
					t.Errorf("%d lines that usage is not kept in the database:\n%s", n, s.Log())
				}
				sum += logged(t, s, "alice")
			}
			if got := usageTold(t, conf, "alice"); got != sum {
				t.Errorf("usage tells of %d bytes, and %d were relayed", got, sum)
			}
		})
	}
}

// coturn's tool sees nothing of usage: its lists are what they were.
func TestUsageBesideTurnadmin(t *testing.T) {
	for name, e := range engines() {
		if e.turnadmin == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			where := e.fresh(t)(e.server.port)
			db := e.open(t, where)
			if err := db.SetUser(t.Context(), store.User{Realm: "r", Name: "alice", Key: longTerm(t, "alice", "pw")}); err != nil {
				t.Fatal(err)
			}
			theirs, ours := tools(t)
			lists := func() (all []outcome) {
				for _, tool := range []string{theirs, ours} {
					for _, list := range []string{"-l", "-L", "-S", "-I", "-G"} {
						all = append(all, admin(t, tool, list, e.turnadmin+"="+where))
					}
				}
				return all
			}
			before := lists()
			b, err := store.OpenUsage(filepath.Join(t.TempDir(), "usage.db"), db)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			row := store.Usage{Day: "2026-05-01", Realm: "other", User: "user/bob/key", SentBytes: 1}
			now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
			if err := b.Add(t.Context(), now, []store.Usage{row}); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Move(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			if after := lists(); !slices.Equal(before, after) || !strings.Contains(before[0].out, "alice") {
				t.Errorf("lists of before and after:\n%v\n%v", before, after)
			}
			if realms, err := db.Realms(t.Context()); err != nil || !slices.Equal(realms, []string{"r"}) {
				t.Errorf("realms %q, error %v", realms, err)
			}
		})
	}
}
