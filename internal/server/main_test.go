package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"iceserver/internal/config"
	"iceserver/test/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freePort returns a port that neither UDP nor TCP uses, nor the next one
// either, and that no other test gets before this one is over.
func freePort(t *testing.T) uint16 {
	t.Helper()
	return uint16(servertest.FreePorts(t, 2))
}

// load makes a configuration of the lines of a file, on loopback and free ports,
// with a data directory of its own unless they say otherwise.
func load(t *testing.T, text string) *config.Config {
	t.Helper()
	port := freePort(t)
	head := fmt.Sprintf("listening-port=%d\ntls-listening-port=%d\n", port, port+1)
	if !strings.Contains(text, "listening-ip") {
		head += "listening-ip=127.0.0.1\n"
	}
	if !strings.Contains(text, "data-dir") {
		head += "data-dir=" + t.TempDir() + "\n"
	}
	cfg, problems := config.Load(config.Input{File: "test.conf", Text: strings.NewReader(head + text)})
	if config.Failed(problems) {
		t.Fatal(problems)
	}
	return cfg
}

// running is a server that serves until the test ends.
type running struct {
	*Server
	out, log *servertest.Log
	stop     func() error
}

func start(t *testing.T, cfg *config.Config, o Options) *running {
	t.Helper()
	r := &running{out: new(servertest.Log), log: new(servertest.Log)}
	o.Stdout, o.Stderr = r.out, r.log
	s, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = r.stop() })
	return r
}
