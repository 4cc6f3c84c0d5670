//go:build linux

package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"iceserver/internal/config"
	"iceserver/test/servertest"
)

// becoming is a directory that others can get to, as /var/lib is, and a file of
// the configuration in it.
func becoming(t *testing.T, more string) (dir string, port uint16, file string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	if _, err := user.Lookup("nobody"); err != nil {
		t.Skip("there is nobody here:", err)
	}
	dir = t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	port = freePort(t)
	text := fmt.Sprintf("listening-ip=127.0.0.1\nlistening-port=%d\ntls-listening-port=%d\ndata-dir=%s/data\nlog-file=%s/turn.log\npidfile=%s/turn.pid\nproc-user=nobody\n%s\n",
		port, port+1, dir, dir, dir, more)
	file = filepath.Join(dir, "turnserver.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, port, file
}

// child runs a server of its own process, and hands over what that says of itself.
// Changing the user changes all of a process, so it cannot be this one.
func child(t *testing.T, file string) (status string, end func() string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestBecomes$", "-test.count=1")
	c.Env = append(os.Environ(), "ICESERVER_TEST_BECOME="+file)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "serving" {
		status += lines.Text() + "\n"
	}
	return status, func() string {
		in.Close()
		rest, _ := io.ReadAll(out)
		if err := c.Wait(); err != nil {
			t.Errorf("%v:\n%s%s%s", err, status, rest, &stderr)
		}
		return string(rest)
	}
}

// With proc-user the whole process is that user, with the rights of no other group;
// it serves, keeps its log and data, and a second start finds them again.
func TestProcUser(t *testing.T) {
	dir, port, file := becoming(t, "realm=r\nuser=alice:a-long-password")
	who, err := findProcess("nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	id := strconv.Itoa(who.uid)
	for round := range 2 {
		status, end := child(t, file)
		for _, field := range []string{"Uid", "Gid"} {
			want := strings.Join([]string{field + ":", id, id, id, id}, "\t")
			if field == "Gid" {
				want = strings.ReplaceAll(want, id, strconv.Itoa(who.gid))
			}
			if !strings.Contains(status, want+"\n") {
				t.Errorf("start %d: not %q in\n%s", round, want, status)
			}
		}
		if !strings.Contains(status, "CapEff:\t0000000000000000") || strings.Contains(status, "Groups:\t0") {
			t.Errorf("start %d: rights are left:\n%s", round, status)
		}
		if _, err := clientOf(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), "alice", "a-long-password").allocate(); err != nil {
			t.Error(err)
		}
		end()
		for _, path := range []string{"data", "data/state.json", "data/usage.db", "data/self-signed.pem", "turn.log"} {
			info, err := os.Stat(filepath.Join(dir, path))
			if err != nil {
				t.Error(err)
			} else if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != who.uid {
				t.Errorf("start %d: %s belongs to user %d, want %d", round, path, uid, who.uid)
			}
		}
		// The directory is root's: the file cannot go, but names nobody.
		if got := readPID(filepath.Join(dir, "turn.pid")); got != 0 {
			t.Errorf("start %d: the process number %d is left", round, got)
		}
	}
	log, err := os.ReadFile(filepath.Join(dir, "turn.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the rights of root were given up", "file=" + file, "msg=allocated", "msg=stopped"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("not %q in\n%s", want, log)
		}
	}
}

// TestBecomes is the server of the tests above: it tells who it is, and ends with
// its input.
func TestBecomes(t *testing.T) {
	file := os.Getenv("ICESERVER_TEST_BECOME")
	if file == "" {
		t.Skip("part of another test")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cfg, problems := config.Load(config.Input{File: file, Text: f})
	if config.Failed(problems) {
		t.Fatal(problems)
	}
	s, err := New(cfg, Options{Stdout: io.Discard, Stderr: os.Stderr, ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Error(err)
	}
	fmt.Printf("%s\nserving\n", status)
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who is not there is named, and a start that finds that out leaves nothing open.
func TestProcUserRefused(t *testing.T) {
	for text, want := range map[string]string{
		"proc-user=no-such-user":                     `there is no user "no-such-user" on this machine`,
		"proc-user=nobody\nproc-group=no-such-group": `there is no group "no-such-group" on this machine`,
	} {
		_, err := New(load(t, text), Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v", text, err)
		}
	}
	r := start(t, load(t, fmt.Sprintf("proc-user=%d\nproc-group=%d", os.Geteuid(), os.Getegid())), Options{})
	r.log.Wait(t, "msg=ready")
}

// Root does not take a data directory of somebody whom it does not become, and
// gives away no file that may have a second name elsewhere.
func TestDataDirOfProcUser(t *testing.T) {
	dir, _, _ := becoming(t, "")
	who, err := findProcess("nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, who.uid, who.gid); err != nil {
		t.Fatal(err)
	}
	if err := openDataDir(data, "nobody"); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"", "daemon"} {
		if err := openDataDir(data, other); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("as %q: error %v", other, err)
		}
	}
	secret, second := filepath.Join(dir, "secret"), filepath.Join(data, "second")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(secret, second); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := who.own(second, info); err != nil {
		t.Error(err)
	}
	if info, err = os.Stat(secret); err != nil || !ownedByUs(info) {
		t.Errorf("the file was given away, %v", err)
	}
}
