package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The commands and the server see the same links, and the commands know where the
// server's pages are.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	cfg := load(t, "data-dir="+dir)
	b, err := OpenLinks(cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	made, err := b.Add(t.Context(), LinkOptions{Label: "x"})
	if err != nil || len(made.URLs) != 2 || !b.Served() || !strings.HasSuffix(made.URLs[1], "/test#key="+made.Key) {
		t.Fatalf("%+v, error %v", made, err)
	}
	text := `{"realm": "iceserver", "separator": ":", "web": "on", "pages": ["https://pages.example/"]}`
	if err := os.WriteFile(filepath.Join(dir, startedName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if b, err = OpenLinks(cfg, ""); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if made, err = b.Add(t.Context(), LinkOptions{}); err != nil || made.URLs[0] != "https://pages.example/test#key="+made.Key {
		t.Errorf("%+v, error %v", made, err)
	}
	if err := b.Revoke(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	if err := b.Revoke(t.Context(), made.ID); err == nil || !strings.Contains(err.Error(), "link list") {
		t.Errorf("error %v", err)
	}
	list, err := b.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Label != "x" || list[0].Key != "" || list[0].Revoked != nil || list[1].Revoked == nil {
		t.Errorf("%+v, error %v", list, err)
	}
	if silent, err := OpenLinks(cfg, "turnserver.conf"); err != nil || silent.Served() {
		t.Errorf("a file that is silent serves pages, error %v", err)
	} else {
		silent.Close()
	}
}
