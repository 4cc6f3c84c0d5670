//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// Signals that come while the server is opened end no process, and none pushes
// another out: whoever asks for a drain during a reload gets both.
func TestSignalsBeforeTheServer(t *testing.T) {
	in := takeSignals()
	defer in.stop()
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]chan os.Signal{"reload": in.reload, "drain": in.drain, "certificates": in.certificates} {
		select {
		case <-c:
		case <-time.After(10 * time.Second):
			t.Errorf("%s was lost", name)
		}
	}
}
