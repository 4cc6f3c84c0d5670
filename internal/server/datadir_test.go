package server

import (
	"path/filepath"
	"testing"
)

// The data directory is the configured one, else that of the user's own data, else
// the first that the unit of a service names.
func TestDataDir(t *testing.T) {
	own, first, second := t.TempDir(), t.TempDir(), t.TempDir()
	for _, tt := range []struct{ configured, xdg, state, want string }{
		{own, first, second, own},
		{"", first, second, filepath.Join(first, "iceserver")},
		{"", "", first, first},
		{"", "", first + ":" + second, first},
	} {
		t.Setenv("XDG_DATA_HOME", tt.xdg)
		t.Setenv("STATE_DIRECTORY", tt.state)
		if got, err := dataDir(tt.configured); err != nil || got != tt.want {
			t.Errorf("%+v: %s, %v", tt, got, err)
		}
	}
	t.Setenv("STATE_DIRECTORY", "relative")
	if got, err := dataDir(""); err != nil || !filepath.IsAbs(got) || filepath.Base(got) != "iceserver" {
		t.Errorf("a relative path is taken: %s, %v", got, err)
	}
}
