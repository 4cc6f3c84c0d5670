//go:build linux

package store_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// turnadmin runs coturn's own tool on a database.
func turnadmin(t *testing.T, e *engine, where string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("turnadmin")
	if err != nil {
		t.Fatal("coturn, which has turnadmin, is not installed: make packages")
	}
	out, err := exec.Command(program, append([]string{e.turnadmin + "=" + where}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("turnadmin %v: %v\n%s", args, err, out)
	}
	// It leaves a log of every run behind.
	if _, rest, ok := strings.Cut(string(out), "log file opened: "); ok {
		os.Remove(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	}
	return string(out)
}

// coturn's tool and this program write and read one database, each what the
// other one wrote. Debian's coturn is built without MongoDB: TestMongoDocuments
// stands in for it.
func TestTurnadmin(t *testing.T) {
	for name, e := range engines() {
		if e.turnadmin == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			where := e.fresh(t)(e.server.port)
			db := e.open(t, where)
			if _, err := db.Users(t.Context(), ""); err != nil { // makes the tables
				t.Fatal(err)
			}
			theirs(t, e, db, where)
			ours(t, e, db, where)
		})
	}
}

// theirs reads what turnadmin wrote.
func theirs(t *testing.T, e *engine, db store.Database, where string) {
	t.Helper()
	for _, args := range [][]string{
		{"-a", "-u", "theirs", "-r", "one.example", "-p", "pass"}, {"-s", "north", "-r", "one.example"},
		{"-O", "-o", "https://one.example:443", "-r", "one.example"},
		{"-g", "-r", "one.example", "--max-bps=64000", "--user-quota=5"},
		{"-A", "-u", "boss", "-p", "pass", "-r", "one.example"},
	} {
		turnadmin(t, e, where, args...)
	}
	ctx := t.Context()
	want, err := auth.LongTermKey("theirs", "one.example", "pass")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.Key(ctx, "one.example", "theirs"); err != nil || !slices.Equal(got, want) {
		t.Errorf("key %v, error %v", got, err)
	}
	if got, err := db.Secrets(ctx, "one.example"); err != nil || !slices.Equal(got, []string{"north"}) {
		t.Errorf("secrets %q, error %v", got, err)
	}
	origin := store.Origin{Origin: "https://one.example:443", Realm: "one.example"}
	if got, err := db.Origins(ctx); err != nil || !slices.Equal(got, []store.Origin{origin}) {
		t.Errorf("origins %v, error %v", got, err)
	}
	options := []store.RealmOption{{Realm: "one.example", Option: "max-bps", Value: 64000}, {Realm: "one.example", Option: "user-quota", Value: 5}}
	if got, err := db.RealmOptions(ctx, "one.example"); err != nil || !slices.Equal(got, options) {
		t.Errorf("options %v, error %v", got, err)
	}
	if got, err := db.Admin(ctx, "boss"); err != nil || got.Realm != "one.example" || !strings.HasPrefix(got.Password, "$5$") {
		t.Errorf("administrator %+v, error %v", got, err)
	}
	if got, err := db.Realms(ctx); err != nil || !slices.Equal(got, []string{"one.example"}) {
		t.Errorf("realms %q, error %v", got, err)
	}
}

// ours has turnadmin read and delete what was written here.
func ours(t *testing.T, e *engine, db store.Database, where string) {
	t.Helper()
	ctx := t.Context()
	for what, err := range map[string]error{
		"user":   db.SetUser(ctx, store.User{Realm: "two.example", Name: "ours", Key: auth.Key("0123456789abcdef")}),
		"secret": db.AddSecret(ctx, "two.example", "south"),
		"origin": db.SetOrigin(ctx, store.Origin{Origin: "https://two.example:443", Realm: "two.example"}),
		"option": db.SetRealmOption(ctx, store.RealmOption{Realm: "two.example", Option: "total-quota", Value: 7}),
		"admin":  db.SetAdmin(ctx, store.Admin{Name: "clerk", Password: "clear"}),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for want, args := range map[string][]string{
		"ours[two.example]": {"-l"}, "south[two.example]": {"-S", "-r", "two.example"},
		"https://two.example:443": {"-I"}, "total-quota": {"-G", "-r", "two.example"}, "clerk": {"-L"},
	} {
		if out := turnadmin(t, e, where, args...); !strings.Contains(out, want) {
			t.Errorf("turnadmin %v does not say %q:\n%s", args, want, out)
		}
	}
	turnadmin(t, e, where, "-d", "-u", "ours", "-r", "two.example")
	if _, err := db.Key(ctx, "two.example", "ours"); !errors.Is(err, store.ErrNoUser) {
		t.Errorf("error %v", err)
	}
}
