package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// A password as openssl encrypts it with the same key is put in its place, by
// whatever name it goes; nothing else changes.
func TestDecryptPassword(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	good := file("good", key)
	const sealed = "p4xfVvPuOeMcKqwSwLurDhw0dw=="
	for where, want := range map[string]string{
		"host=db dbname=turn user=turn password=" + sealed: "host=db dbname=turn user=turn password=a-database-password",
		"pwd=" + sealed + " host=db":                       "pwd=a-database-password host=db",
		"host=db user=turn":                                "host=db user=turn",
	} {
		if got, err := decryptPassword(where, good); err != nil || got != want {
			t.Errorf("%s: got %q, %v", where, got, err)
		}
	}
	for _, c := range []struct{ where, key, want string }{
		{"password=" + sealed, filepath.Join(dir, "missing"), "secret-key-file"},
		{"password=" + sealed, file("short", key[:15]), "has 15 bytes"},
		{"password=" + sealed, os.DevNull, "is no plain file"}, {"password=" + sealed, dir, "is no plain file"},
		{"password=in clear", good, "leave secret-key-file out"},
		{"password=" + sealed, file("other", make([]byte, databaseKeySize)), "gives no password"},
	} {
		_, err := decryptPassword(c.where, c.key)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), sealed) {
			t.Errorf("%s with %s: %v", c.where, c.key, err)
		}
	}
	// Where it matters: a start with a key that is not there names it.
	cfg := load(t, "mysql-userdb=host=127.0.0.1 dbname=turn user=turn password="+sealed+"\nsecret-key-file="+filepath.Join(dir, "missing"))
	if _, err := New(cfg, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "secret-key-file") {
		t.Errorf("the start says %v", err)
	}
}
