//go:build linux

// Package store_test shows that every kind of database keeps what coturn keeps
// in it, on real servers that it starts itself, and what becomes of the users
// when such a server is slow, silent or dead.
package store_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"iceserver/internal/store"
	"iceserver/internal/store/storetest"
	"iceserver/test/servertest"
)

func TestMain(m *testing.M) {
	code := servertest.Main(m)
	started.Lock()
	for _, p := range started.all {
		p.kill()
	}
	for _, dir := range started.dirs {
		os.RemoveAll(dir)
	}
	started.Unlock()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// Every database passes the suite.
func TestStore(t *testing.T) {
	for name, e := range engines() {
		t.Run(name, func(t *testing.T) {
			e.running(t)
			storetest.Test(t, func(t *testing.T) store.Database {
				return e.open(t, e.fresh(t)(e.server.port))
			})
		})
	}
}
