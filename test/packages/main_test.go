//go:build linux

// Package packages_test installs, runs, upgrades and removes the packages, each time
// in a throw-away copy of this machine. `make test-packages` builds them first.
package packages_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"iceserver/test/servertest"
)

const (
	// packagesKey names the folder with the packages, by version.
	packagesKey = "TEST_PACKAGES"
	// insideKey says that the test has namespaces of its own already.
	insideKey = "TEST_PACKAGES_INSIDE"
)

// The versions that the Makefile builds.
const (
	older = "1.0.0"
	newer = "1.0.1"
)

// address is the machine's own, in a network of its own, which a shell makes before
// it becomes the tests.
const (
	address = "198.18.77.1"
	network = "set -e; ip link set lo up; ip address add " + address + `/32 dev lo; exec "$0" "$@"`
)

// TestMain runs the tests in namespaces of mounts, processes and network: what they
// mount and start ends with them, and the usual ports are free.
func TestMain(m *testing.M) {
	if os.Getenv(packagesKey) == "" || os.Getenv(insideKey) != "" {
		os.Exit(servertest.Main(m))
	}
	self := exec.Command("sh", append([]string{"-c", network, os.Args[0]}, os.Args[1:]...)...)
	self.Env = append(os.Environ(), insideKey+"=1")
	self.Stdout, self.Stderr = os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
		Unshareflags: syscall.CLONE_NEWNS,
	}
	err := self.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "packages: root is needed:", err)
		os.Exit(1)
	}
}

// built is the path of a package in the folder of its version.
func built(t *testing.T, version, pattern string) string {
	t.Helper()
	dir := os.Getenv(packagesKey)
	if dir == "" {
		t.Skip("make test-packages builds what this installs")
	}
	found, err := filepath.Glob(filepath.Join(dir, version, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s/%s: %q, %v", pattern, dir, version, found, err)
	}
	return found[0]
}
