//go:build linux

package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// readyWithin is how long a server may take to answer.
const readyWithin = 90 * time.Second

// process is a database server that this test has started. It runs as nobody
// where the test is root: some servers refuse to be root.
type process struct {
	program string
	args    []string
	env     []string // beside that of the test
	port    int
	tlsPort int // where TLS has a port of its own
	cert    servertest.Certificate
	answers func(context.Context) error // whether it does

	log servertest.Log // shown by a test that fails

	command *exec.Cmd
	exited  chan struct{}
}

// nobody are the credentials to start a server with, or nil for one's own.
func nobody() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}, err
}

// own gives a file or folder to the one that servers run as.
func own(path string) error {
	c, err := nobody()
	if err != nil || c == nil {
		return err
	}
	return os.Chown(path, int(c.Uid), int(c.Gid))
}

// as makes a command run as nobody and end with this test, however that ends.
func as(command *exec.Cmd) error {
	c, err := nobody()
	command.SysProcAttr = &syscall.SysProcAttr{Credential: c, Pdeathsig: syscall.SIGKILL}
	return err
}

// folder makes a folder that servers may write in. Its path is short, since a
// socket's may not be long.
func folder(name string) (string, error) {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		return "", err
	}
	return dir, errors.Join(os.Chmod(dir, 0o700), own(dir))
}

// tool runs a program that prepares something for a server.
func tool(dir, program string, args ...string) error {
	command := exec.Command(program, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
	if err := as(command); err != nil {
		return err
	}
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, text)
	}
	return nil
}

// lookFor finds a program in PATH or in one of some folders; patterns are fine.
func lookFor(program string, folders ...string) (string, error) {
	for _, f := range folders {
		found, err := filepath.Glob(filepath.Join(f, program))
		if err == nil && len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%w: make packages installs what the tests need", err)
	}
	return path, nil
}

// build builds a server that is a module of its own into a folder.
func build(module, dir string) (program string, err error) {
	program = filepath.Join(dir, module)
	if text, err := exec.Command("go", "build", "-C", module, "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return program, nil
}

// start runs the server and waits until it answers.
func (p *process) start() error {
	p.command = exec.Command(p.program, p.args...)
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	p.command.Dir = os.TempDir()
	p.command.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), p.env...)
	if err := as(p.command); err != nil {
		return err
	}
	if err := p.command.Start(); err != nil {
		return err
	}
	p.exited = make(chan struct{})
	go func(c *exec.Cmd, exited chan struct{}) {
		_ = c.Wait()
		close(exited)
	}(p.command, p.exited)
	return p.wait()
}

// wait returns when the server answers.
func (p *process) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	for {
		err := p.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended: %w\n%s", p.program, err, p.log.Tail(50))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", p.program, err, p.log.Tail(50))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// kill ends the server as a crash does.
func (p *process) kill() {
	if p.command != nil && p.command.Process != nil {
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

func (p *process) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// freePort is a port for a server.
func freePort(tb testing.TB) int { return servertest.FreePorts(tb, 1) }

// restart starts the server again after a kill. What the dead one leaves behind
// may be in the way of the first tries.
func (p *process) restart(tb testing.TB) {
	tb.Helper()
	deadline := time.Now().Add(readyWithin)
	for {
		err := p.start()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatal(err)
		}
		p.kill()
		time.Sleep(100 * time.Millisecond)
	}
}
