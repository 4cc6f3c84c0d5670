package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The files of a data directory.
const (
	stateName    = "state.json"
	pemName      = "self-signed.pem"
	databaseName = "users.db"
)

// systemDir is the data directory of a server that is the machine's.
const systemDir = "/var/lib/iceserver"

// keptUser is the name of the account that is made at the first start.
const keptUser = "iceserver"

// state is what a first start makes and every later one finds again.
type state struct {
	Secret   string `json:"secret"`    // of time-limited credentials
	User     string `json:"user"`      // the account whose password follows
	Password string `json:"password"`  // of User, in clear: the key depends on the realm
	NonceKey string `json:"nonce_key"` // 32 bytes in hexadecimal digits
}

// dataDir names the data directory: the configured one, else that of the
// system. The error says what to set.
func dataDir(configured string) (string, error) {
	if configured != "" {
		return filepath.Abs(configured)
	}
	// A relative path there is to be ignored, says the XDG specification.
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "iceserver"), nil
	}
	// A unit of systemd names its StateDirectory, of several the first one first.
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return dir, nil
	}
	// The user whom a package made for the service has no other place.
	if info, err := os.Stat(systemDir); os.Geteuid() == 0 || err == nil && runtime.GOOS != "windows" && ownedByUs(info) {
		return systemDir, nil
	}
	if runtime.GOOS == "windows" {
		dir, err := os.UserConfigDir()
		return filepath.Join(dir, "iceserver"), err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("no place for the data directory is known: give one with --data-dir")
	}
	return filepath.Join(home, ".local", "share", "iceserver"), nil
}

// openDataDir makes the data directory if it is missing.
//
// A-L06: it is made for its owner alone; one that others may write to is
// refused, since they could put their own secret there. Root takes that of the user
// whom it becomes.
func openDataDir(dir, procUser string) error {
	// MkdirAll gives every missing parent the same mode, which is right: they
	// hold nothing else.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the data directory: %w; choose another with --data-dir", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot use the data directory: %w", err)
	}
	if !ownedByUs(info) && !ownedBy(info, procUser) {
		return fmt.Errorf("the data directory %s belongs to another user; choose another with --data-dir", dir)
	}
	if info.Mode().Perm()&0o022 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("others may write to the data directory %s: run chmod 700 on it", dir)
	}
	return writable(dir)
}

// writable says at the start, rather than at the first change, that nothing
// can be kept.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("the data directory is not writable: %w; choose another with --data-dir", err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// private returns the content of a kept file, or an error that wraps
// fs.ErrNotExist.
//
// A-L06, H-20: a file that others own or may read is no secret any more, and is
// refused instead of used.
func private(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(path, info); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func checkPrivate(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a plain file: remove it", path)
	case !ownedByUs(info) && !ownedLike(info, filepath.Dir(path)):
		return fmt.Errorf("%s belongs to another user: give it to the user who runs this, or remove it", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("others may read %s: run chmod 600 on it, and remove it if somebody may have read it", path)
	}
	return nil
}

// loadState reads the state of a data directory, and makes it at the first
// start.
func loadState(dir string) (*state, error) {
	path := filepath.Join(dir, stateName)
	raw, err := private(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := firstState(path); err != nil {
			return nil, err
		}
		raw, err = private(path)
	}
	if err != nil {
		return nil, err
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		// The decoder's own words may hold a piece of the file, so they stay out.
		return nil, fmt.Errorf("%s is broken: mend it, or remove it to get a new secret and password", path)
	}
	return &s, s.check(path)
}

// check refuses a state with holes: an empty secret or password would let
// everybody in.
func (s *state) check(path string) error {
	key, err := s.nonceKey()
	if len(s.Secret) < 16 || s.User == "" || len(s.Password) < 8 || err != nil || len(key) < 16 {
		return fmt.Errorf("%s lacks something or holds something too short: mend it, or remove it to get a new secret and password", path)
	}
	return nil
}

// nonceKey returns the key that nonces are made with.
func (s *state) nonceKey() ([]byte, error) { return hex.DecodeString(s.NonceKey) }

// firstState writes a new state.
func firstState(path string) error {
	s := state{
		Secret: newSecret(), User: keptUser, Password: NewPassword(),
		NonceKey: hex.EncodeToString(random(32)),
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return keep(path, append(text, '\n'))
}

// keep writes a file that is not there yet, whole or not at all, readable by
// its owner. If another process was quicker, the file is that one's.
func keep(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("cannot write to the data directory: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	// A link fails where a rename would replace what the quicker one made.
	err = os.Link(f.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(f.Name(), path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// replace writes a file of the data directory anew, whole or not at all.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// NewPassword returns a password that nobody can guess.
//
// R-8489-9.2-b (RFC 8489, 9.2): what is made here holds at least 128 random
// bits; this one 144.
func NewPassword() string { return base64.RawURLEncoding.EncodeToString(random(18)) }

// newSecret returns a shared secret of 256 random bits (R-REST-4-b).
func newSecret() string { return hex.EncodeToString(random(32)) }

// random returns n bytes of the system's random source, which never fails: the
// runtime ends the process instead.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
