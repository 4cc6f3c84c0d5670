package server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"iceserver/internal/listener"
)

// What the first start makes, the second finds again.
func TestStateStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := openDataDir(dir, ""); err != nil {
		t.Fatal(err)
	}
	first, err := loadState(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadState(dir)
	if err != nil || *first != *second {
		t.Errorf("%+v became %+v, error %v", first, second, err)
	}
	// R-8489-9.2-b (RFC 8489, 9.2): 128 random bits at least, so 22 characters
	// of base64 and 32 hexadecimal digits; and no two are alike.
	if len(first.Password) < 22 || len(first.Secret) < 64 {
		t.Errorf("password of %d characters, secret of %d", len(first.Password), len(first.Secret))
	}
	seen := map[string]bool{}
	for range 100 {
		seen[NewPassword()], seen[newSecret()] = true, true
	}
	if len(seen) != 200 {
		t.Error("two passwords or secrets are alike")
	}
}

// Several processes may start first at a time: all use what one of them made.
func TestStateRace(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	states := make([]*state, 8)
	for i := range states {
		wg.Go(func() {
			s, err := loadState(dir)
			if err != nil {
				t.Error(err)
				return
			}
			states[i] = s
		})
	}
	wg.Wait()
	for _, s := range states {
		if s == nil || *s != *states[0] {
			t.Errorf("%+v and %+v", s, states[0])
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, error %v", files, err)
	}
}

// A-L06: everything that is kept is for its owner alone.
func TestStateModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := openDataDir(dir, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := loadState(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := selfSigned(dir, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, error %v", info.Mode(), err)
	}
	for _, name := range []string{stateName, pemName} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A-L04, A-L06, H-20: broken, foreign or readable state is refused with one line that
// names the file and says what to do, and never with what the file holds.
func TestStateRefused(t *testing.T) {
	const canary = "CANARY"
	good := `{"secret":"0123456789abcdef0123456789abcdef","user":"u","password":"0123456789abcdef","nonce_key":"0123456789abcdef0123456789abcdef"}`
	write := func(mode fs.FileMode, text string) func(string) error {
		return func(path string) error {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}
	}
	tests := []struct {
		name string
		make func(path string) error
		want string // empty: taken
	}{
		{"good", write(0o600, good), ""},
		{"owner may only read", write(0o400, good), ""},
		{"empty", write(0o600, ""), "is broken"},
		{"cut off", write(0o600, good[:40]+canary), "is broken"},
		{"wrong type", write(0o600, `{"secret":["`+canary+`"]}`), "is broken"},
		{"no secret", write(0o600, strings.Replace(good, "0123456789abcdef0123456789abcdef", "", 1)), "lacks something"},
		{"short password", write(0o600, strings.Replace(good, `"0123456789abcdef"`, `"`+canary+`"`, 1)), "too short"},
		{"nonce key no digits", write(0o600, strings.Replace(good, `"nonce_key":"`, `"nonce_key":"`+canary, 1)), "lacks something"},
		{"group may read", write(0o640, good), "chmod 600"},
		{"all may read", write(0o604, good), "chmod 600"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, "not a plain file"},
		{"a link", func(path string) error { return os.Symlink("/etc/hostname", path) }, "not a plain file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, stateName)
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			_, err := loadState(dir)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), canary) {
				t.Errorf("error %q", err)
			}
		})
	}
}

// A-L06: as root, a file of somebody else's is not trusted either.
func TestStateForeign(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	if _, err := loadState(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(dir, stateName), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := loadState(dir); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("error %v", err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := openDataDir(dir, ""); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("directory: error %v", err)
	}
}

func TestDataDirRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if err := openDataDir(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("others may write: error %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "below")} {
		if err := openDataDir(bad, ""); err == nil || !strings.Contains(err.Error(), "--data-dir") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

// Where the data directory is.
func TestDataDirPlace(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/xdg")
	for configured, want := range map[string]string{"": "/xdg/iceserver", "/given": "/given"} {
		if got, err := dataDir(configured); err != nil || got != want {
			t.Errorf("%q: %s, error %v", configured, got, err)
		}
	}
	if got, err := dataDir("relative"); err != nil || !filepath.IsAbs(got) {
		t.Errorf("relative: %s, error %v", got, err)
	}
	t.Setenv("XDG_DATA_HOME", "not/absolute")
	want := "/var/lib/iceserver"
	if os.Geteuid() != 0 {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Skip("no home")
		}
		want = filepath.Join(home, ".local/share/iceserver")
	}
	if got, err := dataDir(""); err != nil || got != want {
		t.Errorf("got %s, want %s, error %v", got, want, err)
	}
}

// The certificate stays, until it is nearly over.
func TestSelfSignedStays(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	sums := map[string]bool{}
	for i, at := range []time.Time{now, now.Add(24 * time.Hour), now.Add(selfSignedLife - renewBefore + time.Hour)} {
		path, err := selfSigned(dir, nil, at)
		if err != nil {
			t.Fatal(err)
		}
		sums[fingerprint(path)] = true
		if want := 1 + i/2; len(sums) != want {
			t.Errorf("start %d: %d certificates, want %d", i, len(sums), want)
		}
		if _, err := listener.LoadCertificates(listener.Pair{CertFile: path, KeyFile: path}); err != nil {
			t.Error(err)
		}
	}
	if sums[""] {
		t.Error("no fingerprint")
	}
	path := filepath.Join(dir, pemName)
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := selfSigned(dir, nil, now); err == nil || !strings.Contains(err.Error(), "is broken") {
		t.Errorf("error %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := selfSigned(dir, nil, now); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("error %v", err)
	}
	if fingerprint(path) != "" || fingerprint(filepath.Join(dir, "missing")) != "" {
		t.Error("a fingerprint of nothing")
	}
	if err := keep(path, []byte("other")); err != nil {
		t.Error("keep:", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "rubbish" {
		t.Errorf("a file that was there became %q, error %v", text, err)
	}
	if _, err := private(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
