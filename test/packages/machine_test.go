//go:build linux

package packages_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/load"
	"iceserver/test/servertest"
)

// machine is a root directory that shows this machine's and keeps every change to
// itself.
type machine struct {
	t   *testing.T
	dir string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	at := t.TempDir()
	mount := func(source, target, kind string, flags uintptr, data string) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, flags, data); err != nil {
			t.Fatalf("mount %s on %s: %v", kind, target, err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	mount("tmpfs", at, "tmpfs", 0, "")
	m := &machine{t, filepath.Join(at, "root")}
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(at, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount("overlay", m.dir, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", at, at))
	mount("proc", m.path("/proc"), "proc", 0, "")
	mount("/dev", m.path("/dev"), "", syscall.MS_BIND|syscall.MS_REC, "")
	// Nothing of a machine that is up: no service manager, no other test's files.
	mount("tmpfs", m.path("/run"), "tmpfs", 0, "")
	mount("tmpfs", m.path("/tmp"), "tmpfs", 0, "")
	// What another server of this machine has left behind is not of this one; and
	// nobody looks for a page of the manual by its words here.
	for _, name := range []string{"/var/lib/iceserver", "/var/lib/man-db/auto-update"} {
		if err := os.RemoveAll(m.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// path is where something of the machine is for this process.
func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

// try runs a command as root of the machine. Nobody answers its questions.
func (m *machine) try(args ...string) (string, error) {
	command := exec.Command("chroot", append([]string{m.dir}, args...)...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	out, err := command.CombinedOutput()
	return string(out), err
}

// run is try for what must succeed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return out
}

// add copies a file of this machine there, and returns its path there.
func (m *machine) add(file string) string {
	m.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	name := filepath.Join("/tmp", filepath.Base(file))
	m.write(name, string(text))
	return name
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(m.path(name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) read(name string) []byte {
	m.t.Helper()
	text, err := os.ReadFile(m.path(name))
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// same requires that files have the content that they had.
func (m *machine) same(when string, before map[string][]byte) {
	m.t.Helper()
	for name, text := range before {
		if !bytes.Equal(m.read(name), text) {
			m.t.Errorf("%s: %s is not what it was", when, name)
		}
	}
}

func (m *machine) is(name string) bool {
	m.t.Helper()
	_, err := os.Lstat(m.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	return err == nil
}

// gone requires that files are not there.
func (m *machine) gone(when string, names ...string) {
	m.t.Helper()
	for _, name := range names {
		if m.is(name) {
			m.t.Errorf("%s: %s is there", when, name)
		}
	}
}

// state is what dpkg says of a package.
func (m *machine) state(name string) string {
	out, _ := m.try("dpkg-query", "-W", "-f", "${db:Status-Status}", name)
	return out
}

// owner is the owner, the group and the mode of a file.
func (m *machine) owner(name string) string {
	m.t.Helper()
	return strings.TrimSpace(m.run("stat", "-c", "%U:%G %a", name))
}

// serve starts the service as its unit does: the same line, the same user and the
// same state directory. What it returns ends it.
func (m *machine) serve() (end func()) {
	m.t.Helper()
	unit := string(m.read("/usr/lib/systemd/system/iceserver.service"))
	line := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)
	who := regexp.MustCompile(`(?m)^User=(.*)$`).FindStringSubmatch(unit)
	if line == nil || who == nil || !strings.Contains(unit, "\nStateDirectory=iceserver\n") {
		m.t.Fatalf("the unit:\n%s", unit)
	}
	args := []string{"chroot", "--userspec=" + who[1] + ":" + who[1], m.dir, "env", "-i", "PATH=/usr/bin:/bin", "STATE_DIRECTORY=/var/lib/iceserver"}
	s := servertest.Run(m.t, append(args, strings.Fields(line[1])...)...)
	if err := s.WaitFor(regexp.MustCompile(`msg=ready`), time.Minute); err != nil {
		m.t.Fatal(err)
	}
	return func() { m.t.Helper(); s.Stop(m.t) }
}

// relays requires that a user can relay, or that one cannot.
func (m *machine) relays(username, password string, want bool) {
	m.t.Helper()
	r, err := load.Run(m.t.Context(), load.Options{
		Server: netip.MustParseAddrPort(address + ":3478"), Transport: "udp", Username: username, Password: password,
		Allocations: 1, Window: 1, Rate: 50, Size: 172, Burst: 1, Direction: load.Both,
		Duration: 300 * time.Millisecond, Tick: 5 * time.Millisecond, Peer: netip.MustParseAddrPort(address + ":0"),
	})
	relayed := err == nil && r.Traffic != nil && r.Traffic.Down != nil && r.Traffic.Down.Received > 0 && r.Traffic.Up.Received > 0
	if relayed != want {
		m.t.Errorf("%s relays: %v, want %v (%v, %+v)", username, relayed, want, err, r)
	}
}
