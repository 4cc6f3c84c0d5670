package server

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

const otherKey = "0x00000000000000000000000000000001"

// keyed are accounts with some key.
func keyed(names ...string) []Account {
	var list []Account
	for i, name := range names {
		list = append(list, Account{Name: name, Realm: "one", Key: fmt.Sprintf("0x%032x", i+16)})
	}
	return list
}

// An import that fails half way leaves everything as it was: here the database itself
// refuses the last row.
func TestImportUndone(t *testing.T) {
	t.Run("by the database", func(t *testing.T) { importUndone(t, database(t, "one")) })
	t.Run("by hand", func(t *testing.T) {
		a := database(t, "one")
		a.db = struct{ store.Database }{a.db} // which has no transactions
		importUndone(t, a)
	})
}

func importUndone(t *testing.T, a *Accounts) {
	ctx := t.Context()
	old := []Account{{Name: "b", Realm: "one", Key: otherKey}}
	if n, err := a.Import(ctx, old, false); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	db, err := sql.Open("sqlite", a.Database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TRIGGER refuse BEFORE INSERT ON turnusers_lt WHEN NEW.name = 'd' BEGIN SELECT RAISE(ABORT, 'no room'); END`); err != nil {
		t.Fatal(err)
	}
	if i, err := a.Import(ctx, keyed("a", "b", "c", "d"), true); i != 3 || err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("at %d, error %v", i, err)
	}
	if got, err := a.Users(ctx, true); err != nil || !reflect.DeepEqual(got, old) {
		t.Errorf("%+v, error %v", got, err)
	}
	if n, err := a.Import(ctx, keyed("a", "b", "c"), true); n != 3 || err != nil {
		t.Error(n, err)
	}
	if got, err := a.Users(ctx, true); err != nil || !reflect.DeepEqual(got, keyed("a", "b", "c")) {
		t.Errorf("%+v, error %v", got, err)
	}
}

// Nobody sees a part of an import: whoever is killed in the middle of one has
// imported nothing.
func TestImportUnseen(t *testing.T) {
	a, ctx := database(t, "one"), t.Context()
	all, ok := a.db.(together)
	if !ok {
		t.Fatal("SQLite has transactions")
	}
	err := all.Together(ctx, func(u store.Users) error {
		row, err := a.row(keyed("a")[0])
		if err == nil {
			err = u.AddUser(ctx, row)
		}
		if seen, failed := a.Users(ctx, false); failed != nil || len(seen) != 0 {
			t.Errorf("in the middle there are %v, error %v", seen, failed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := a.Users(ctx, false); err != nil || len(seen) != 1 {
		t.Errorf("afterwards there are %v, error %v", seen, err)
	}
}

// Every mistake of an import is told at once, by the index of its account.
func TestCheckImport(t *testing.T) {
	a, ctx := database(t, "one"), t.Context()
	if _, err := a.Import(ctx, keyed("there"), false); err != nil {
		t.Fatal(err)
	}
	list := append(keyed("new", "there", "new", "line\nbreak", "broken", ""), Account{Name: "there", Realm: "two", Key: otherKey})
	list[2].Realm = "" // which is the same one
	list[4].Key = "0xCANARY"
	for replace, want := range map[bool]map[int]string{
		false: {1: "exists already", 2: "comes twice, first as number 1", 3: "control character", 4: "32 hexadecimal digits", 5: "no name"},
		true:  {2: "comes twice", 3: "control character", 4: "32 hexadecimal digits", 5: "no name"},
	} {
		wrong, err := a.CheckImport(ctx, list, replace)
		if err != nil || len(wrong) != len(want) {
			t.Errorf("%v, error %v", wrong, err)
		}
		for i, text := range want {
			if wrong[i] == nil || !strings.Contains(wrong[i].Error(), text) || strings.Contains(wrong[i].Error(), "CANARY") {
				t.Errorf("%d: %v, want %q", i, wrong[i], text)
			}
		}
	}
}

// A user of the configuration counts before the database, in the realm of the server
// and not in others.
func TestImportConfigured(t *testing.T) {
	a := accountsOf(t, "realm=one\nuser=alice:pw")
	wrong, err := a.CheckImport(t.Context(), []Account{{Name: "alice", Key: otherKey}, {Name: "alice", Realm: "two", Key: otherKey}}, false)
	if err != nil || len(wrong) != 1 || wrong[0] == nil || !strings.Contains(wrong[0].Error(), "configuration") {
		t.Errorf("%v, error %v", wrong, err)
	}
}

// A key without a realm is that of coturn's tool.
func TestAccountLongTermKey(t *testing.T) {
	for realm, want := range map[string]string{"north.gov": "0xbc807ee29df3c9ffa736523fb2c4e8ee", "": "0x88c55bbbb6c117f770626cc84f5f3663"} {
		if got, err := (Account{Name: "ninefingers", Realm: realm}).LongTermKey("youhavetoberealistic"); err != nil || got != want {
			t.Errorf("realm %q: %s, error %v", realm, got, err)
		}
	}
	if got, err := (Account{Name: "x"}).LongTermKey("CANARY\x00x"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%s, error %v", got, err)
	}
	if got, err := (Account{Name: decomposed, Realm: "r"}).WithPassword("pw"); err != nil || got.Name != composed {
		t.Errorf("%+v, error %v", got, err)
	}
	want, err := auth.LongTermKey(composed, "r", "pw")
	if got, _ := (Account{Name: decomposed, Realm: "r"}).WithPassword("pw"); err != nil || got.Key != want.String() {
		t.Errorf("%+v, error %v", got, err)
	}
}
