// Package load is a client that drives any TURN server and measures it: how many
// allocations it makes, how many packets it carries, how late they come, and what
// that costs the server's process.
//
// Knows: how to ask a TURN server, how to read a process from outside. Does not
// know: the insides of any server. Owns: its sockets, which are one for each
// allocation and one for all peers.
//
// What it reports is what arrived: a packet counts as carried when its copy came
// out once, whole, at the right place. A run that the generator itself could not
// keep up with says so.
package load

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"iceserver/internal/stun"
)

// releaseTime bounds the polite end of a run.
const releaseTime = 10 * time.Second

// settleTime is how long the server may rest between setting up and traffic.
const settleTime = 100 * time.Millisecond

// A run is one measurement from the first socket to the last.
type run struct {
	options  Options
	clock    clock
	user     identity
	wire     wire
	far      farEnd
	exchange exchange
	server   process // pid 0: not to be measured
	self     process
	result   Result
}

// Run performs one measurement. It fails if the options are refused, if not one
// allocation could be made, if the process cannot be read, or if ctx ends; what
// the server does badly is no failure but a figure of the result.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	// The thread's timer is made exact, and its time must not be another goroutine's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sharpenTimers()

	r := &run{
		options: o,
		clock:   clock{started: time.Now()},
		server:  process{root: "/proc", pid: o.PID},
		self:    process{root: "/proc", pid: os.Getpid()},
		result:  newResult(o),
	}
	r.user = newIdentity(o, r.clock.started)
	if err := r.open(); err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.measure(ctx); err != nil {
		return nil, err
	}
	return &r.result, nil
}

// open makes the sockets of both ends.
func (r *run) open() (err error) {
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	size := r.options.Size + 64 // a ChannelData header, or a short STUN message
	if r.wire, err = r.newWire(max(size, 1500)); err != nil {
		return err
	}
	at := r.options.Peer
	if !at.IsValid() {
		if at, err = localAddress(r.options.Server); err != nil {
			return err
		}
	}
	if r.far, err = newFarEnd(r.clock, at, size); err != nil {
		return err
	}
	for range r.options.Allocations {
		if err := r.wire.open(); err != nil {
			return err
		}
	}
	return nil
}

// newWire opens the transport that the options name.
func (r *run) newWire(size int) (wire, error) {
	o := r.options
	switch o.Transport {
	case "udp":
		return newUDPWire(r.clock, o.Server, o.Sources, size)
	case "tls":
		name := o.Name
		if name == "" {
			name = o.Server.Addr().String()
		}
		config := &tls.Config{ServerName: name, InsecureSkipVerify: o.Insecure}
		return newConnWire(r.clock, "tcp", o.Server, o.Sources, config), nil
	default:
		return newConnWire(r.clock, "tcp", o.Server, o.Sources, nil), nil
	}
}

// localAddress is this machine's address on the way to the server, without a port.
func localAddress(server netip.AddrPort) (netip.AddrPort, error) {
	conn, err := net.Dial("udp", server.String())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("load: no way to %s: %w", server, err)
	}
	defer conn.Close()
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	return netip.AddrPortFrom(local, 0), nil
}

// close ends the sockets of both ends.
func (r *run) close() {
	if r.wire != nil {
		r.wire.close()
	}
	if r.far != nil {
		r.far.close()
	}
}

// measure goes through the phases: set up, hold, send, release.
func (r *run) measure(ctx context.Context) error {
	ready, err := r.setUp(ctx)
	if err != nil {
		return err
	}
	defer r.release()
	if r.options.Rate > 0 {
		if err := r.send(ctx, ready); err != nil {
			return err
		}
	}
	if moved := r.clock.stepped(); moved.Abs() > 50*time.Microsecond {
		r.result.warn("the wall clock was set by %v during the run: latencies are wrong", moved)
	}
	return nil
}

// setUp makes the allocations and accounts for their time and memory.
func (r *run) setUp(ctx context.Context) (ready []int, err error) {
	r.exchange = exchange{
		wire: r.wire, clock: r.clock, user: &r.user, peer: r.far.addr(), window: r.options.Window,
		stream: r.options.Transport != "udp", sessions: make([]session, r.options.Allocations),
	}
	for i := range r.exchange.sessions {
		// Channel numbers are per allocation; different ones would show a mix-up.
		channels := stun.MaxChannel - stun.MinChannel + 1
		r.exchange.sessions[i] = session{client: i, channel: uint16(stun.MinChannel + i%channels)}
	}
	before, err := r.sample(r.server)
	if err != nil {
		return nil, err
	}
	start := r.clock.now()
	if err := r.exchange.run(ctx); err != nil {
		return nil, fmt.Errorf("load: setting up: %w", err)
	}
	took := r.clock.now() - start
	after, err := r.sample(r.server)
	if err != nil {
		return nil, err
	}
	ready, failure := r.exchange.readySessions()
	if len(ready) == 0 {
		return nil, fmt.Errorf("load: no allocation could be made: %w", failure)
	}
	r.result.setUp(len(ready), failure, took, r.exchange.retries)
	if r.options.PID == 0 {
		return ready, nil
	}
	r.result.setUpCost(after.cpuSince(before), len(ready))
	return ready, r.hold(ctx, before, len(ready))
}

// hold waits with idle allocations and reads the memory that they take.
func (r *run) hold(ctx context.Context, before sample, allocations int) error {
	if err := sleep(ctx, max(r.options.Idle, settleTime)); err != nil {
		return err
	}
	if r.options.Idle == 0 {
		return nil
	}
	after, err := r.sample(r.server)
	if err != nil {
		return err
	}
	r.result.memory(before, after, allocations)
	return nil
}

// send drives traffic through the allocations that are ready.
func (r *run) send(ctx context.Context, ready []int) error {
	var mark [4]byte
	_, _ = rand.Read(mark[:])
	t := newTraffic(r.options, r.clock, r.wire, r.far, r.exchange.sessions, ready, binary.BigEndian.Uint32(mark[:]))
	t.warming = true
	if _, err := t.run(ctx, r.options.WarmUp); err != nil {
		return err
	}
	t.warming = false
	before, err := r.sample(r.server)
	if err != nil {
		return err
	}
	own, _ := r.self.sample() // elsewhere than on Linux there is none, and then it is not reported
	start := r.clock.now()
	skipped, err := t.run(ctx, r.options.Duration)
	if err != nil {
		return err
	}
	took := r.clock.now() - start
	after, err := r.sample(r.server)
	if err != nil {
		return err
	}
	ownAfter, _ := r.self.sample()
	if err := t.drain(ctx); err != nil {
		return err
	}
	r.result.traffic(t, skipped, took)
	r.result.trafficCost(t, after.cpuSince(before), ownAfter.cpuSince(own), r.options.PID != 0)
	return nil
}

// sample reads a process, or nothing if there is none to be measured.
func (r *run) sample(p process) (sample, error) {
	if p.pid == 0 {
		return sample{}, nil
	}
	s, err := p.sample()
	if err != nil {
		return s, fmt.Errorf("load: %w", err)
	}
	return s, nil
}

// release ends the allocations, so that the next run finds the server empty. It
// has its own time limit, because it also runs when the caller gave up.
func (r *run) release() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	if err := r.exchange.release(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		r.result.warn("releasing the allocations: %v", err)
	}
}

// sleep waits, or returns the error of a context that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
