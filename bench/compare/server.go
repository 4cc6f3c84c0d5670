//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"debug/buildinfo"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What all servers are given alike. The relayed ports lie below those that the
// system gives to the generator's own sockets.
const (
	benchUser = "bench:bench"
	realm     = "bench.example"
	minPort   = "10000"
	maxPort   = "29999"
)

// A server is a program to be measured. Each start is a process of its own.
type server struct {
	name    string
	version string
	// command returns the program and its arguments to listen at a port; what it
	// needs to write goes to dir.
	command func(port, dir string) ([]string, error)
	dir     string
}

// chooseServers returns those that the options name, ready to be started.
func chooseServers(ctx context.Context, o options, dir string) ([]server, error) {
	makers := []struct {
		name string
		make func(context.Context, options, string) (server, error)
	}{{"iceserver", ours}, {"coturn", coturn}, {"pion", pion}}
	var servers []server
	for _, m := range makers {
		if !listed(o.servers, m.name) {
			continue
		}
		s, err := m.make(ctx, o, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		s.dir = filepath.Join(dir, m.name)
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("-servers %s: want some of iceserver, coturn, pion", o.servers)
	}
	return servers, nil
}

// ours is iceserver with the least configuration that serves the generator.
func ours(ctx context.Context, o options, _ string) (server, error) {
	version, err := firstLine(ctx, o.binary, "version")
	if err != nil {
		return server{}, err
	}
	return server{name: "iceserver", version: version, command: func(port, dir string) ([]string, error) {
		file := filepath.Join(dir, "turnserver.conf")
		text := strings.Join([]string{
			"listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "listening-port=" + port, "no-tls",
			"min-port=" + minPort, "max-port=" + maxPort, "realm=" + realm, "user=" + benchUser,
			"lt-cred-mech", "allow-loopback-peers", "data-dir=" + dir, "",
		}, "\n")
		return []string{o.binary, "serve", "-c", file}, os.WriteFile(file, []byte(text), 0o600)
	}}, nil
}

// coturn runs without a configuration file, with a log file as it has by default.
func coturn(ctx context.Context, o options, _ string) (server, error) {
	program, err := exec.LookPath(o.coturn)
	if err != nil {
		return server{}, fmt.Errorf("%w; install the package coturn", err)
	}
	version, err := firstLine(ctx, program, "--version")
	if err != nil {
		return server{}, err
	}
	return server{name: "coturn", version: version, command: func(port, dir string) ([]string, error) {
		return []string{
			program, "-n", "-p", port, "-L", "127.0.0.1", "-E", "127.0.0.1", "-u", benchUser, "-r", realm,
			"--lt-cred-mech", "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls",
			"--min-port", minPort, "--max-port", maxPort,
			"--log-file", filepath.Join(dir, "log"), "--simple-log", "--pidfile", filepath.Join(dir, "pid"),
		}, nil
	}}, nil
}

// pion is the peer of test/interop, built here.
func pion(ctx context.Context, o options, dir string) (server, error) {
	program := filepath.Join(dir, "pionserver")
	build := exec.CommandContext(ctx, "go", "build", "-C", o.pion, "-o", program, "./pionserver")
	if out, err := build.CombinedOutput(); err != nil {
		return server{}, fmt.Errorf("building: %w\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return server{}, err
	}
	version := "unknown"
	for _, d := range info.Deps {
		if strings.HasPrefix(d.Path, "github.com/pion/turn/") {
			version = d.Version
		}
	}
	return server{name: "pion", version: "pion/turn " + version, command: func(port, _ string) ([]string, error) {
		return []string{
			program, "-listen", "127.0.0.1:" + port, "-user", benchUser, "-realm", realm,
			"-min-port", minPort, "-max-port", maxPort,
		}, nil
	}}, nil
}

// firstLine is the first line that a program prints.
func firstLine(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	// coturn prints its version and fails; only silence is an error.
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if line == "" {
		return "", fmt.Errorf("%s %s says nothing: %w", program, strings.Join(args, " "), err)
	}
	return line, nil
}

// A process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	port string
	done chan error
}

// start starts a server at a free port and returns when it answers.
func (s *server) start(ctx context.Context) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args, err := s.command(port, s.dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.dir, "out"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no server outlives us
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	p := &process{cmd: cmd, port: port, done: make(chan error, 1)}
	go func() { p.done <- cmd.Wait() }()
	if err := p.answer(ctx); err != nil {
		p.stop()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w\n%s", s.name, err, said)
	}
	return p, nil
}

// answer waits until the server answers a STUN Binding request.
func (p *process) answer(ctx context.Context) error {
	conn, err := net.Dial("udp", "127.0.0.1:"+p.port)
	if err != nil {
		return err
	}
	defer conn.Close()
	// RFC 8489, 5: type 1, no attributes, the magic cookie, any transaction id.
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, "waiting-here"...)
	buf := make([]byte, 1500)
	for range 100 {
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("ended at once: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		_, _ = conn.Write(request)
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := conn.Read(buf); err == nil && n >= 20 {
			return nil
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			time.Sleep(100 * time.Millisecond) // nobody listens yet, and the refusal comes at once
		}
	}
	return errors.New("does not answer within 10 s")
}

// stop ends the process that start began, and no other.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// freePort finds a port that nobody has, with its neighbour, which coturn may
// take as well. It lies below the relayed ports and those that the system gives
// away, so that no client of an earlier run still holds it.
func freePort() (string, error) {
	for range 100 {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		port := 3500 + 2*(int(binary.BigEndian.Uint16(b[:]))%3000)
		if isFree(port) && isFree(port+1) {
			return strconv.Itoa(port), nil
		}
	}
	return "", errors.New("no free port from 3500 to 9500")
}

// isFree tells whether a port can be had for UDP and for TCP.
func isFree(port int) bool {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	packet, err := net.ListenPacket("udp", at)
	if err != nil {
		return false
	}
	defer packet.Close()
	stream, err := net.Listen("tcp", at)
	if err != nil {
		return false
	}
	return stream.Close() == nil
}
