package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/doctor"
)

// controlBody bounds what a command may send.
const controlBody = 64 << 10

// controlAsk bounds how long it is asked whether another server has the socket.
const controlAsk = time.Second

// openControl listens for commands. A server that cannot goes on without: it is
// reached by signals still.
func (s *Server) openControl() error {
	k := s.access().kept
	if k == nil {
		return nil
	}
	err := atControl(k.dir, func(path string) (err error) {
		// One that serves at other ports may have the socket already. It keeps it:
		// commands must not go to another server than those before, nor to none
		// once this one has ended.
		if other, err := net.DialTimeout("unix", path, controlAsk); err == nil {
			s.second = true
			return other.Close()
		}
		// What lies there is of a server that was killed.
		_ = os.Remove(path)
		s.control, err = net.Listen("unix", path)
		if err != nil {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if l := s.control; l != nil {
		// By its own name: the one that it was made by may be another file's now.
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		s.defers(func() {
			l.Close()
			_ = os.Remove(filepath.Join(k.dir, controlName))
		})
	}
	switch {
	case s.second:
		s.log.Warn("another server runs with this data directory, and commands reach that one: give each a data-dir of its own", "data_dir", k.dir)
	case err != nil:
		s.log.Warn("commands cannot reach this server; signals can", "error", err)
	}
	return nil
}

// runControl answers commands until ctx ends.
func (s *Server) runControl(ctx context.Context, running *sync.WaitGroup) {
	if s.control == nil {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Reload) })
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, func() (struct{}, error) { return struct{}{}, s.Drain() })
	})
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		var who struct{ Realm, User string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlBody)).Decode(&who); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, func() (Revoked, error) { return s.revoke(who.Realm, who.User) })
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, func() (Status, error) { return s.report(time.Now()), nil })
	})
	mux.HandleFunc("POST /facts", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, func() (doctor.Facts, error) { return s.facts(), nil })
	})
	mux.HandleFunc("POST /accounts", func(w http.ResponseWriter, r *http.Request) {
		var who struct{ User string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlBody)).Decode(&who); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, func() (accountsAnswer, error) { return s.accounts(r.Context(), who.User), nil })
	})
	h := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute}
	running.Go(func() { _ = h.Serve(s.control) })
	running.Go(func() {
		<-ctx.Done()
		_ = h.Close()
	})
}

// answer does what was asked for and writes the result as JSON, or the error as
// the text that it is.
func answer[T any](w http.ResponseWriter, do func() (T, error)) {
	v, err := do()
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a command that has gone needs no answer
}

// Revoked is what came of revoking.
type Revoked struct {
	Realm string `json:"realm"`
	User  string `json:"user"`
	Ended int    `json:"ended"` // allocations
}

// revoke ends the allocations of a user. Without a realm the server's own is
// meant. The name may be written as anybody has it: as the log, the owner of a
// link or a keyboard does.
func (s *Server) revoke(realm, user string) (Revoked, error) {
	prepared, err := auth.OpaqueString(user)
	if err != nil {
		return Revoked{}, fmt.Errorf("%q can be nobody's name: correct it", user)
	}
	if realm == "" {
		realm = s.access().realm
	}
	// A time-limited credential is meant by the name in it, and by itself; what the
	// relay counts it as decides.
	id := s.quota(s.setup.Load()).ID(prepared)
	// Who was removed this moment must not come back by what is remembered.
	s.answers.Forget(realm, user)
	n := s.relay.End(func(r, u string) bool { return r == realm && u == id })
	s.log.Info("the allocations of a user were ended", "realm", realm, "user", user, "ended", n)
	return Revoked{Realm: realm, User: user, Ended: n}, nil
}

// errNotRunning is what a command gets that needs a running server.
var errNotRunning = errors.New("no server runs with that data directory")

// command asks the running server of a configuration for something.
func command(ctx context.Context, cfg *config.Config, path string, in, out any) error {
	a, err := commandAccess(cfg)
	if err != nil {
		return err
	}
	if a.kept == nil {
		return a.notKept
	}
	err = askControl(ctx, filepath.Join(a.kept.dir, controlName), path, in, out)
	if errors.Is(err, errNoAnswer) {
		return nobody(a.kept.dir)
	}
	return err
}

// nobody is the error for a data directory with which no server runs.
func nobody(dir string) error {
	return fmt.Errorf("%w, %s: start it, or name another with --data-dir or -c FILE", errNotRunning, dir)
}

// errNoAnswer says that no server is at a control socket.
var errNoAnswer = errors.New("nobody answers at the control socket")

// askControl asks the server at a control socket for something. Without in it only
// wants to know.
func askControl(ctx context.Context, socket, path string, in, out any) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (c net.Conn, err error) {
			err = atControl(filepath.Dir(socket), func(path string) error {
				c, err = new(net.Dialer).DialContext(ctx, "unix", path)
				return err
			})
			return c, err
		},
	}}
	r, err := controlRequest(ctx, path, in)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.New(string(bytes.TrimSpace(text)))
	}
	return json.Unmarshal(text, out)
}

func controlRequest(ctx context.Context, path string, in any) (*http.Request, error) {
	if in == nil {
		return http.NewRequestWithContext(ctx, http.MethodGet, "http://server"+path, http.NoBody)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://server"+path, bytes.NewReader(body))
}

// ReloadRunning makes the running server of a configuration read its own anew.
func ReloadRunning(ctx context.Context, cfg *config.Config) (Reloaded, error) {
	var r Reloaded
	err := command(ctx, cfg, "/reload", struct{}{}, &r)
	return r, err
}

// Revoke ends the allocations of a user on the running server of a configuration.
func Revoke(ctx context.Context, cfg *config.Config, realm, user string) (Revoked, error) {
	var r Revoked
	err := command(ctx, cfg, "/revoke", map[string]string{"realm": realm, "user": user}, &r)
	return r, err
}
