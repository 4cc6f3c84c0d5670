//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// idleAllocations is how many are held for the cost of setting up and of memory.
const idleAllocations = 5000

// runLimit bounds one run of the generator.
const runLimit = 3 * time.Minute

// tries is how often a run is made that the generator itself could not keep up
// with, because something else took the processors.
const tries = 3

// A reading is what the generator prints, as far as it is used here.
type reading struct {
	Setup struct {
		Ready     int      `json:"ready"`
		CPUMicros *float64 `json:"cpu_micros"`
	} `json:"setup"`
	Memory *struct {
		PerAllocationKiB float64 `json:"per_allocation_kib"`
	} `json:"memory"`
	Traffic *struct {
		Up        *flow    `json:"up"`
		Down      *flow    `json:"down"`
		CPUMicros *float64 `json:"cpu_micros"`
	} `json:"traffic"`
	Warnings []string `json:"warnings"`
}

// flow is one direction of a reading.
type flow struct {
	Sent     uint64  `json:"sent"`
	Received uint64  `json:"received"`
	P50      float64 `json:"p50_micros"`
	P99      float64 `json:"p99_micros"`
}

// A benchCase is one run of the generator and the figures taken from it.
type benchCase struct {
	name     string
	args     []string
	measures []measure
}

// A measure is one figure of a case.
type measure struct {
	name   string
	unit   string
	target float64 // ours divided by coturn's must not be above; 0 for none
	limit  float64 // ours must not be above, in units; 0 for none
	read   func(reading) (float64, bool)
}

// allCases are the measurements that are compared.
func allCases(seconds int) []benchCase {
	traffic := func(rest ...string) []string {
		return append([]string{"--warm-up", "1s", "--duration", strconv.Itoa(seconds) + "s"}, rest...)
	}
	cpu := measure{name: "CPU per packet", unit: "us", read: cpuPerPacket}
	targetCPU := cpu
	targetCPU.target = 1
	latency := []measure{
		{name: "latency p50", unit: "us", read: worst(func(f *flow) float64 { return f.P50 })},
		{name: "latency p99", unit: "us", target: 1, read: worst(func(f *flow) float64 { return f.P99 })},
	}
	loss := measure{name: "loss", unit: "%", read: lossPercent}
	return []benchCase{
		{"lone-up", traffic("--allocations", "200", "--rate", "50000"), []measure{targetCPU, loss}},
		{"lone-down", traffic("--allocations", "200", "--rate", "50000", "--direction", "down"), []measure{targetCPU, loss}},
		{"latency-up", traffic("--allocations", "200", "--rate", "40000"), append(latency, loss)},
		{"latency-both", traffic("--allocations", "200", "--rate", "40000", "--direction", "both"), append(latency, loss)},
		{"burst", traffic("--allocations", "200", "--rate", "40000", "--size", "1200", "--burst", "8"), []measure{cpu, latency[0], {name: "latency p99", unit: "us", read: latency[1].read}, loss}},
		{"idle", []string{"--allocations", strconv.Itoa(idleAllocations), "--idle", "3s"}, []measure{
			{name: "CPU per allocation", unit: "us", target: 0.8, read: func(r reading) (float64, bool) { return value(r.Setup.CPUMicros) }},
			{name: "memory per allocation", unit: "KiB", limit: 8, read: func(r reading) (float64, bool) {
				if r.Memory == nil {
					return 0, false
				}
				return r.Memory.PerAllocationKiB, true
			}},
		}},
	}
}

// chooseCases returns those that the options name.
func chooseCases(o options) ([]benchCase, error) {
	var cases []benchCase
	var names []string
	for _, c := range allCases(o.seconds) {
		names = append(names, c.name)
		if listed(o.only, c.name) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("-only %s: want some of %s", o.only, strings.Join(names, ", "))
	}
	return cases, nil
}

// flows are the directions that a reading has.
func (r reading) flows() []*flow {
	var flows []*flow
	if r.Traffic != nil {
		for _, f := range []*flow{r.Traffic.Up, r.Traffic.Down} {
			if f != nil {
				flows = append(flows, f)
			}
		}
	}
	return flows
}

func cpuPerPacket(r reading) (float64, bool) {
	if r.Traffic == nil {
		return 0, false
	}
	return value(r.Traffic.CPUMicros)
}

// worst returns a reader of the larger figure of both directions.
func worst(of func(*flow) float64) func(reading) (float64, bool) {
	return func(r reading) (v float64, ok bool) {
		for _, f := range r.flows() {
			v, ok = max(v, of(f)), true
		}
		return v, ok
	}
}

// lossPercent is over both directions together.
func lossPercent(r reading) (float64, bool) {
	var sent, received uint64
	for _, f := range r.flows() {
		sent += f.Sent
		received += f.Received
	}
	if sent == 0 {
		return 0, false
	}
	return 100 * float64(sent-received) / float64(sent), true
}

func value(p *float64) (float64, bool) {
	if p == nil {
		return 0, false
	}
	return *p, true
}

// A place names the figures of one measure of one server.
type place struct {
	server, benchCase, measure string
}

// A figure is one measured value and the round it comes from.
type figure struct {
	round int
	value float64
}

// bench collects the figures of all rounds.
type bench struct {
	options  options
	servers  []server
	cases    []benchCase
	figures  map[place][]figure
	repeated int // runs made again because the generator could not keep up
	doubtful int // runs whose last try was like that too, and which count all the same
	noisy    int // runs that began while the machine was not idle
	runs     int
}

// run makes all rounds. It stops at the first error and keeps what it has.
func (b *bench) run(ctx context.Context) error {
	for round := range b.options.rounds {
		for _, c := range b.cases {
			for i := range b.servers {
				// Another server begins each round, so that none is always first.
				s := &b.servers[(i+round)%len(b.servers)]
				r, err := b.measure(ctx, s, c)
				if err != nil {
					return fmt.Errorf("round %d, %s: %w", round+1, c.name, err)
				}
				b.keep(s, c, round, r)
			}
		}
	}
	return nil
}

// keep stores the figures of one run and shows them to who waits.
func (b *bench) keep(s *server, c benchCase, round int, r reading) {
	line := fmt.Sprintf("round %d  %-12s  %-9s", round+1, c.name, s.name)
	for _, m := range c.measures {
		v, ok := m.read(r)
		if !ok {
			continue
		}
		at := place{s.name, c.name, m.name}
		b.figures[at] = append(b.figures[at], figure{round, v})
		line += fmt.Sprintf("  %s %.2f %s", m.name, v, m.unit)
	}
	fmt.Fprintln(os.Stderr, line)
}

// measure runs one case on one server, again if the generator was disturbed.
func (b *bench) measure(ctx context.Context, s *server, c benchCase) (reading, error) {
	for try := 1; ; try++ {
		r, err := b.once(ctx, s, c)
		if err != nil || len(r.Warnings) == 0 {
			return r, err
		}
		fmt.Fprintf(os.Stderr, "%s, %s: %s\n", c.name, s.name, strings.Join(r.Warnings, "; "))
		if try == tries {
			b.doubtful++
			return r, nil
		}
		b.repeated++
	}
}

// once starts the server, loads it, and ends it.
func (b *bench) once(ctx context.Context, s *server, c benchCase) (reading, error) {
	b.runs++
	if !waitIdle(ctx, b.options.quiet) {
		b.noisy++
	}
	p, err := s.start(ctx)
	if err != nil {
		return reading{}, err
	}
	defer p.stop()
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	args := append(generatorArgs("127.0.0.1:"+p.port, strconv.Itoa(p.cmd.Process.Pid)), c.args...)
	generator := exec.CommandContext(ctx, b.options.binary, args...)
	var said bytes.Buffer
	generator.Stderr = &said
	out, err := generator.Output()
	if err != nil {
		return reading{}, fmt.Errorf("%s: generator: %w\n%s", s.name, err, said.Bytes())
	}
	var r reading
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("%s: generator: %w", s.name, err)
	}
	return r, nil
}

// generatorArgs are those that all cases have. The clients have many addresses,
// as clients do, so that limits for each address see what they are made for.
func generatorArgs(server, pid string) []string {
	return []string{"bench", "turn:" + server, "--user", benchUser, "--source", "127.1.0.0/16", "--pid", pid, "--json"}
}

// waitIdle waits until the processors are idle for the most part, and tells
// whether they became so in time.
func waitIdle(ctx context.Context, limit time.Duration) bool {
	end := time.Now().Add(limit)
	for {
		busy, all := cpuTimes()
		time.Sleep(300 * time.Millisecond)
		busyNow, allNow := cpuTimes()
		// 15 % is what a machine does that nobody uses; a compiler takes 50 and more.
		if allNow == all || float64(busyNow-busy)/float64(allNow-all) < 0.15 {
			return true
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return false
		}
	}
}

// cpuTimes reads the first line of /proc/stat: ticks of all processors, busy and
// in all.
func cpuTimes() (busy, all uint64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, f := range strings.Fields(line)[1:] {
		n, _ := strconv.ParseUint(f, 10, 64)
		all += n
		if i != 3 && i != 4 { // idle, iowait
			busy += n
		}
	}
	return busy, all
}
