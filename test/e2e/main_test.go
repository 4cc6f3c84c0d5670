// Package e2e tests the whole program from outside: how it starts the first
// time, what it prints, what it says to mistakes, what it survives.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"iceserver/test/servertest"
)

func TestMain(m *testing.M) {
	code := servertest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

// limit bounds every wait. Nothing is measured against it.
const limit = time.Minute

// process is the program while it runs.
type process struct {
	cmd      *exec.Cmd
	out, err *servertest.Log
	done     chan struct{}
	code     int // valid once done is closed
}

// serve starts the program and does not wait for anything.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	return serveAs(t, servertest.Binary(t), args...)
}

// serveAs starts the program by another name.
func serveAs(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return serveWith(t, nil, name, args...)
}

// serveWith is serveAs for a program that is not to be root's.
func serveWith(t *testing.T, as *syscall.SysProcAttr, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), out: new(servertest.Log), err: new(servertest.Log), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env, p.cmd.SysProcAttr = p.out, p.err, environment(), as
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.code = exitCode(p.cmd.Wait())
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// wait returns the first line of standard error with text in it.
func (p *process) wait(t *testing.T, text string) (line string) {
	t.Helper()
	p.until(t, p.err, text, func(all string) bool {
		for line = range strings.Lines(all) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				return true
			}
		}
		return false
	})
	return line
}

// until waits until a stream of the process is as it should be. The two streams
// arrive independently of each other.
func (p *process) until(t *testing.T, o *servertest.Log, what string, good func(all string) bool) {
	t.Helper()
	over := time.After(limit)
	for ended := false; ; {
		grown := o.Grown()
		if good(o.String()) {
			return
		}
		if ended {
			t.Fatalf("exit %d without %s:\n%s%s", p.code, what, p.out, p.err)
		}
		select {
		case <-grown:
		case <-p.done: // what it wrote has been read by now
			ended = true
		case <-over:
			t.Fatalf("%s never came:\n%s%s", what, p.out, p.err)
		}
	}
}

// end sends a signal and returns the exit code.
func (p *process) end(t *testing.T, s syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatalf("still running after signal %v:\n%s", s, p.err)
	}
	return p.code
}

// server starts the program on loopback with free ports and waits until it is
// ready. The flags come last, so they win.
func server(t *testing.T, dataDir string, flags ...string) *process {
	t.Helper()
	p := serve(t, append(onLoopback(t, dataDir), flags...)...)
	p.wait(t, "msg=ready")
	return p
}

// onLoopback are flags for a server that harms nobody.
func onLoopback(t *testing.T, dataDir string) []string {
	port := servertest.FreePorts(t, 2)
	return []string{
		"--listening-ip=127.0.0.1", "--listening-port=" + strconv.Itoa(port),
		"--tls-listening-port=" + strconv.Itoa(port+1), "--data-dir=" + dataDir,
	}
}

// result is what a command that ends by itself has done.
type result struct {
	code     int
	out, err string
}

// command runs the program to its end.
func command(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return execute(exec.CommandContext(ctx, servertest.Binary(t), args...), stdin)
}

func execute(c *exec.Cmd, stdin string) result {
	var out, err bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr, c.Env = strings.NewReader(stdin), &out, &err, environment()
	code := exitCode(c.Run())
	return result{code, out.String(), err.String()}
}

// udpOf returns the first UDP address in the line that says that a server is
// ready.
func udpOf(t *testing.T, p *process) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.wait(t, "msg=ready"), " udp=")
	at, _, _ := strings.Cut(rest, " ")
	at, _, _ = strings.Cut(at, ",")
	if !ok {
		t.Fatalf("no UDP address in:\n%s", p.err)
	}
	return at
}

// environment is that of the test without variables that are settings of the
// program.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ICESERVER_") })
}

// oneLine requires that a command failed with one line that names the mistake
// and what to do.
func oneLine(t *testing.T, r result, code int, want ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d: %s", r.code, code, r.err)
	}
	if strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "iceserver: ") {
		t.Errorf("not one line of ours:\n%s", r.err)
	}
	for _, w := range want {
		if !strings.Contains(r.err, w) {
			t.Errorf("%q is missing in: %s", w, r.err)
		}
	}
	if r.out != "" {
		t.Errorf("standard output: %s", r.out)
	}
}
