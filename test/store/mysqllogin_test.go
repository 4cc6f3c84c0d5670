//go:build linux

package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"iceserver/internal/auth"
	"iceserver/internal/store"
)

// newLogin starts a server that lets in as MySQL 8 does, at two ports, and hands on
// what it is asked. It returns its certificate too.
func newLogin(t *testing.T, backend *process) (p *process, certificate string) {
	t.Helper()
	dir, err := data("mysqllogin")
	if err != nil {
		t.Fatal(err)
	}
	program, err := build("mysqllogin", dir)
	if err != nil {
		t.Fatal(err)
	}
	certificate = filepath.Join(dir, "certificate.pem")
	p = &process{program: program, port: freePort(t), tlsPort: freePort(t), env: []string{"PASSWORD=" + password}}
	p.args = []string{backend.address(), certificate, p.address(), fmt.Sprint("127.0.0.1:", p.tlsPort)}
	// Nobody is let in for that: it would be remembered. The second port is the last
	// to be there.
	p.answers = func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprint("127.0.0.1:", p.tlsPort))
		if err == nil {
			err = c.Close()
		}
		return err
	}
	t.Cleanup(p.kill)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	return p, certificate
}

// The login of MySQL 8, caching_sha2_password: without TLS the password is
// encrypted with the server's key, with TLS it is sent as it is, and whoever was let
// in a moment ago is by a hash alone.
func TestMySQL8Login(t *testing.T) {
	where := mariaEngine.fresh(t)
	p, certificate := newLogin(t, mariaEngine.server)
	for name, at := range map[string]string{"plain": where(p.port), "TLS": where(p.tlsPort) + " ssl-ca=" + certificate} {
		t.Run(name, func(t *testing.T) {
			refused(t, at)
			first := mariaEngine.open(t, at)
			want := store.User{Realm: "r", Name: name, Key: auth.Key("0123456789abcdef")}
			if err := first.SetUser(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			for _, db := range []store.Database{first, mariaEngine.open(t, at)} {
				if got, err := db.Key(t.Context(), "r", name); err != nil || got.String() != want.Key.String() {
					t.Errorf("key %v, error %v", got, err)
				}
			}
			refused(t, at)
		})
	}
}

// refused requires that a wrong password lets nobody in, and is not told.
func refused(t *testing.T, at string) {
	t.Helper()
	db := mariaEngine.open(t, strings.Replace(at, password, "CANARY-wrong", 1))
	_, err := db.Key(t.Context(), "r", "n")
	if err == nil || errors.Is(err, store.ErrNoUser) || strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), "1045") {
		t.Errorf("error %v", err)
	}
}
