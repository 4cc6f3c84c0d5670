package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"iceserver/test/servertest"
)

// runtimeRole is the argument that makes this test program a container runtime:
// it becomes the container's program, as runc does.
const runtimeRole = "run-container"

// container is what a runtime is told.
type container struct {
	Root    string            // of its file system, which it sees read-only
	Volumes map[string]string // paths in it to directories of the machine, which it may write to
	Args    []string          // the entry point first
	Env     []string
	Dir     string
	User    int
}

// newContainer unpacks the image with the data volume in data. What is added to
// its environment goes before what the image has.
func newContainer(t *testing.T, data string, env ...string) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("running a container needs root")
	}
	return newContainerOf(t, imageUnderTest(t), arch, data, env...)
}

// newContainerOf is newContainer for an image of an architecture.
func newContainerOf(t *testing.T, l layout, arch, data string, env ...string) *container {
	t.Helper()
	m, c := l.image(t, arch)
	// No container can write to its root, so one will do for all.
	root := filepath.Join(os.Getenv(workKey), "root-"+arch)
	if err := os.Mkdir(root, 0o755); err == nil {
		l.unpack(t, m, c, root)
	} else if !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	user, group, _ := strings.Cut(c.Config.User, ":")
	uid, err := strconv.Atoi(user)
	if err != nil || group != user {
		t.Fatalf("the user %q is not a number twice: runAsNonRoot cannot judge it", c.Config.User)
	}
	box := &container{
		Root: root, Volumes: map[string]string{}, Dir: c.Config.WorkingDir, User: uid,
		Args: append(c.Config.Entrypoint, c.Config.Cmd...), Env: merge(c.Config.Env, env),
	}
	for path := range c.Config.Volumes {
		box.Volumes[path] = data
	}
	return box
}

// merge puts variables in the place of those of the same name.
func merge(below, above []string) []string {
	named := map[string]string{}
	for _, s := range append(slices.Clone(below), above...) {
		name, _, _ := strings.Cut(s, "=")
		named[name] = s
	}
	return slices.Sorted(maps.Values(named))
}

// newVolume makes a volume as Docker does: with owner and mode of the directory
// in the image.
func newVolume(t *testing.T) string {
	t.Helper()
	return volume(t, 65532, 0o700)
}

func volume(t *testing.T, owner int, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chown(dir, owner, 65532), os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command is the words that run the container in a namespace, with further
// arguments.
func (c *container) command(t *testing.T, namespace string, args ...string) []string {
	t.Helper()
	told := *c
	told.Args = append(append([]string{}, c.Args...), args...)
	text, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "container.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"ip", "netns", "exec", namespace, os.Args[0], runtimeRole, path}
}

// start runs it until the test ends or Stop.
func (c *container) start(t *testing.T, namespace string, args ...string) *servertest.Server {
	t.Helper()
	s := servertest.Run(t, c.command(t, namespace, args...)...)
	if err := s.WaitFor(readyLine, limit); err != nil {
		t.Fatalf("the container is not ready: %v", err)
	}
	return s
}

// runContainer does what the file says and does not return, but for an error.
func runContainer(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c container
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	// Namespaces are those of a thread, until the program takes its place.
	runtime.LockOSThread()
	if err := c.mount(); err != nil {
		return fmt.Errorf("mounting: %w", err)
	}
	if err := unix.Chdir(c.Dir); err != nil {
		return err
	}
	if err := c.lower(); err != nil {
		return fmt.Errorf("giving up rights: %w", err)
	}
	return unix.Exec(c.Args[0], c.Args, c.Env)
}

// mount makes the file system of the container: read-only, but for volumes.
func (c *container) mount() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	bind := func(from, to string) error {
		if err := mountPoint(from, to); err != nil {
			return err
		}
		return unix.Mount(from, to, "", unix.MS_BIND, "")
	}
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		bind(c.Root, c.Root),
		bind("/proc", filepath.Join(c.Root, "proc")),
	)
	for path, dir := range c.Volumes {
		err = errors.Join(err, bind(dir, filepath.Join(c.Root, path)))
	}
	return errors.Join(err,
		unix.Mount("", c.Root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""),
		unix.Chroot(c.Root))
}

// mountPoint makes what something can be mounted on: a file for a file.
func mountPoint(from, to string) error {
	info, err := os.Stat(from)
	if err != nil || info.IsDir() {
		return errors.Join(err, os.MkdirAll(to, 0o755))
	}
	return os.WriteFile(to, nil, 0o600)
}

// lower is cap_drop ALL, no-new-privileges and the user.
func (c *container) lower() error {
	for capability := uintptr(0); capability <= unix.CAP_LAST_CAP; capability++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(c.User), syscall.Setuid(c.User))
}
