package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A data directory whose name is too long for the name of a socket is one like any
// other: commands reach the server in it.
func TestLongDataDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-long-name", 10), strings.Repeat("and-another", 10))
	file := write(t, "turnserver.conf", "realm=example.org\nuser=alice:one\n")
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	p.wait(t, "msg=ready")
	rewrite(t, file, "realm=example.org\nuser=bob:two\n")
	var r reloaded
	must(t, "", &r, "reload", "--data-dir="+dir, "-c", file)
	if len(r.Changed) != 1 {
		t.Errorf("told is %+v", r)
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Lstat(filepath.Join(dir, "control.sock")); !os.IsNotExist(err) {
		t.Errorf("the socket of a server that has ended: %v", err)
	}
	if out := command(t, "", "reload", "--data-dir="+dir, "-c", file); out.code != 1 || !strings.Contains(out.err, "no server runs") {
		t.Errorf("exit %d: %s", out.code, out.err)
	}
}

// A second server in one data directory leaves what commands know of the first as
// it is, at its start and when it is told to reload.
func TestSecondServerTellsNothing(t *testing.T) {
	dir := t.TempDir()
	serve(t, append(onLoopback(t, dir), "--realm=first.example", "--user=alice:one", "--json")...).wait(t, "msg=ready")
	started := filepath.Join(dir, "started.json")
	before, err := os.ReadFile(started)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "turnserver.conf", "realm=second.example\nuser=bob:two\n")
	second := serve(t, append(onLoopback(t, dir), "-c", file)...)
	second.wait(t, "another server runs with this data directory")
	second.wait(t, "msg=ready")
	rewrite(t, file, "realm=third.example\nuser=bob:two\n")
	if err := second.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	second.wait(t, "msg=reloaded")
	if after, err := os.ReadFile(started); err != nil || !bytes.Equal(after, before) {
		t.Errorf("%v; before:\n%safter:\n%s", err, before, after)
	}
	var added struct{ Realm string }
	must(t, "", &added, "user", "add", "carol", "--data-dir="+dir)
	if added.Realm != "first.example" {
		t.Errorf("carol is in realm %q, want that of the first server", added.Realm)
	}
}

// A disk that fills up while the server runs stops no call, and the log says what
// is not kept; it can be started again, and a first start says what is wrong.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a small disk")
	}
	disk := t.TempDir()
	if err := syscall.Mount("small", disk, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Skip("no tmpfs here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	file := write(t, "turnserver.conf", "realm=example.org\nuser=alice:one\nuser-monthly-quota=1000000\n")
	p := serve(t, append(onLoopback(t, disk), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	p.wait(t, "msg=ready")
	a, b := hold(t, url, "alice", "one"), hold(t, url, "alice", "one")
	fill(t, filepath.Join(disk, "ballast"))
	rewrite(t, file, "realm=example.org\nuser=alice:one\nuser=bob:two\nuser-monthly-quota=1000000\n")
	must(t, "", nil, "reload", "--data-dir="+disk, "-c", file)
	p.wait(t, "commands will not find this server by themselves")
	alive(t, a, b)
	hold(t, url, "bob", "two")
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d: %s", code, p.err)
	}
	p.wait(t, "cannot keep what users did")
	again := serve(t, append(onLoopback(t, disk), "-c", file, "--json")...)
	hold(t, greetingOf(t, again).ICEServers[0].URLs[0], "bob", "two")
	if out := command(t, "", append(onLoopback(t, filepath.Join(disk, "new")), "--realm=example.org")...); out.code != 1 || !strings.Contains(out.err, "no space left on device") {
		t.Errorf("a first start on a full disk: exit %d: %s", out.code, out.err)
	}
}

// fill writes until there is no room left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for range 4096 {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
	t.Fatal(fmt.Errorf("%s holds more than it can", path))
}
