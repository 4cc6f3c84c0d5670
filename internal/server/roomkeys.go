package server

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"iceserver/internal/signaling"
)

const (
	// keysEvery is how often the file with the keys is looked at: a new key is
	// published well before the first token is signed with it.
	keysEvery = 5 * time.Second
	// longestKeys is how much of the file is read, in bytes; one more than
	// signaling takes.
	longestKeys = 256<<10 + 1
)

// roomKeys checks tokens of rooms with the public keys of a file, which somebody
// else writes anew whenever keys change.
type roomKeys struct {
	file, audience string
	log            *slog.Logger
	now            atomic.Pointer[signaling.Tokens]
	seen           os.FileInfo // of the last attempt; nil: the file was not there
}

// openRoomKeys reads the file for the first time.
func openRoomKeys(file, audience string, log *slog.Logger) (*roomKeys, error) {
	k := &roomKeys{file: file, audience: audience, log: log}
	if err := k.read(); err != nil {
		return nil, fmt.Errorf("signaling-jwks: %w; give a file with the public keys of whoever signs the tokens", err)
	}
	return k, nil
}

// Grant implements signaling.Tokens.
func (k *roomKeys) Grant(token string, now time.Time) (signaling.Grant, error) {
	return (*k.now.Load()).Grant(token, now)
}

// refresh reads the file if it has changed. What cannot be used leaves the keys as
// they were: half a file must not lock everybody out. It is told once for each
// state of the file.
func (k *roomKeys) refresh() {
	info, err := os.Stat(k.file)
	if err != nil {
		info = nil
	}
	if unchanged(k.seen, info) {
		return
	}
	if err := k.read(); err != nil {
		k.log.Warn("the keys for tokens of rooms cannot be read anew: those before stay", "error", err)
		return
	}
	k.log.Info("the keys for tokens of rooms were read anew", "file", k.file)
}

func unchanged(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// read reads the file, and notes in which state it was: before its content, so
// that what is written in between shows as a change.
func (k *roomKeys) read() (err error) {
	if k.seen, err = os.Stat(k.file); err != nil {
		return err
	}
	text, err := plainFile(k.file, longestKeys)
	if err != nil {
		return err
	}
	tokens, err := signaling.NewKeyTokens(text, k.audience)
	if err != nil {
		return fmt.Errorf("%s: %w", k.file, err)
	}
	k.now.Store(&tokens)
	return nil
}
