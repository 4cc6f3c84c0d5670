package load

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// unpacedShare is the share of due packets that may be missing before a run is
// flagged as not paced.
const unpacedShare = 0.005

// A Result is what one run found. Fields that were not measured are nil.
type Result struct {
	Server    string    `json:"server"`
	Transport string    `json:"transport"`
	Rate      int       `json:"rate"`      // packets a second asked for
	Size      int       `json:"size"`      // bytes of payload
	Burst     int       `json:"burst"`     // packets back to back
	Direction Direction `json:"direction"` // of the packets
	Setup     Setup     `json:"setup"`
	Memory    *Memory   `json:"memory,omitempty"`
	Traffic   *Traffic  `json:"traffic,omitempty"`
	Warnings  []string  `json:"warnings"` // why a figure should not be trusted; empty is good
}

// Setup is how allocations were made, each by a challenge, an Allocate and a
// ChannelBind.
type Setup struct {
	Wanted    int      `json:"wanted"`
	Ready     int      `json:"ready"`
	Failure   string   `json:"failure,omitempty"` // of the first that failed
	Seconds   float64  `json:"seconds"`
	PerSecond float64  `json:"per_second"`
	Repeated  int      `json:"repeated"`             // requests sent more than once
	CPUMicros *float64 `json:"cpu_micros,omitempty"` // of the server, for each allocation
}

// Memory is what idle allocations keep resident in the server, in KiB.
type Memory struct {
	BeforeKiB        float64 `json:"before_kib"`
	AfterKiB         float64 `json:"after_kib"`
	PerAllocationKiB float64 `json:"per_allocation_kib"`
	AnonKiB          float64 `json:"anon_kib"` // for each allocation, without pages of files
}

// Traffic is what the server carried in the measured time.
type Traffic struct {
	Seconds         float64  `json:"seconds"`
	Up              *Flow    `json:"up,omitempty"`
	Down            *Flow    `json:"down,omitempty"`
	Skipped         uint64   `json:"skipped"`              // packets that the generator was too late for
	CPUMicros       *float64 `json:"cpu_micros,omitempty"` // of the server, for each packet carried
	GeneratorMicros float64  `json:"generator_micros"`     // of this program, for each packet carried
}

// Flow is the packets of one direction. Latencies are of those that arrived, in
// microseconds.
type Flow struct {
	Sent        uint64  `json:"sent"`     // taken by the kernel
	Received    uint64  `json:"received"` // came out once, whole, at the right place
	Lost        uint64  `json:"lost"`
	LossPercent float64 `json:"loss_percent"`
	Refused     uint64  `json:"refused"` // not taken by the kernel
	Duplicates  uint64  `json:"duplicates"`
	Misrouted   uint64  `json:"misrouted"`
	Damaged     uint64  `json:"damaged"`
	P50         float64 `json:"p50_micros"`
	P99         float64 `json:"p99_micros"`
	Max         float64 `json:"max_micros"`
}

// newResult starts a result with what was asked for.
func newResult(o Options) Result {
	return Result{
		Server: o.Server.String(), Transport: o.Transport, Rate: o.Rate, Size: o.Size,
		Burst: o.Burst, Direction: o.Direction, Warnings: []string{},
		Setup: Setup{Wanted: o.Allocations},
	}
}

// warn adds a reason for doubt.
func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// setUp records how the allocations were made.
func (r *Result) setUp(ready int, failure error, took time.Duration, repeated int) {
	s := &r.Setup
	s.Ready, s.Seconds, s.Repeated = ready, took.Seconds(), repeated
	s.PerSecond = float64(ready) / took.Seconds()
	if failure != nil {
		s.Failure = failure.Error()
		r.warn("%d of %d allocations failed: %v", s.Wanted-ready, s.Wanted, failure)
	}
}

// setUpCost records what making the allocations cost the server.
func (r *Result) setUpCost(cpu time.Duration, allocations int) {
	r.Setup.CPUMicros = perUnit(cpu, uint64(allocations))
}

// memory records what the allocations keep resident.
func (r *Result) memory(before, after sample, allocations int) {
	kib := func(b uint64) float64 { return float64(b) / 1024 }
	r.Memory = &Memory{
		BeforeKiB:        kib(before.rss),
		AfterKiB:         kib(after.rss),
		PerAllocationKiB: (kib(after.rss) - kib(before.rss)) / float64(allocations),
		AnonKiB:          (kib(after.anon) - kib(before.anon)) / float64(allocations),
	}
}

// traffic records what was carried.
func (r *Result) traffic(t *traffic, skipped uint64, took time.Duration) {
	r.Traffic = &Traffic{Seconds: took.Seconds(), Skipped: skipped * uint64(r.Burst)}
	if r.Direction != Down {
		r.Traffic.Up = newFlow(&t.up)
	}
	if r.Direction != Up {
		r.Traffic.Down = newFlow(&t.down)
	}
	due := float64(r.Rate) * took.Seconds()
	sent := float64(t.up.sent + t.down.sent)
	if sent < due*(1-unpacedShare) {
		r.warn("not paced: %.0f packets were due and %.0f were sent; the figures are those of the lower rate", due, sent)
	}
	if bad := t.up.misrouted + t.up.damaged + t.down.misrouted + t.down.damaged; bad > 0 {
		r.warn("%d packets came out at the wrong place or changed", bad)
	}
}

// trafficCost records what carrying cost the server, if it was measured, and the
// generator.
func (r *Result) trafficCost(t *traffic, server, own time.Duration, measured bool) {
	carried := t.up.received + t.down.received
	if measured {
		r.Traffic.CPUMicros = perUnit(server, carried)
	}
	if own := perUnit(own, carried); own != nil {
		r.Traffic.GeneratorMicros = *own
	}
}

// perUnit is the microseconds that each of n units took, nil for none.
func perUnit(d time.Duration, n uint64) *float64 {
	if n == 0 {
		return nil
	}
	v := micros(d) / float64(n)
	return &v
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// newFlow sums up one direction.
func newFlow(t *tally) *Flow {
	f := &Flow{
		Sent: t.sent, Received: t.received, Lost: t.lost(), Refused: t.refused,
		Duplicates: t.duplicates, Misrouted: t.misrouted, Damaged: t.damaged,
		P50: micros(t.latency.quantile(0.5)), P99: micros(t.latency.quantile(0.99)), Max: micros(t.latency.max),
	}
	if t.sent > 0 {
		f.LossPercent = 100 * float64(f.Lost) / float64(t.sent)
	}
	return f
}

// WriteText writes the result for people, as a table of two columns.
func (r *Result) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, name+"\t"+format+"\n", args...) // Flush reports the first error
	}
	row("server", "%s over %s", r.Server, r.Transport)
	row("allocations", "%d of %d in %.2f s, %.0f a second, %d requests repeated",
		r.Setup.Ready, r.Setup.Wanted, r.Setup.Seconds, r.Setup.PerSecond, r.Setup.Repeated)
	if c := r.Setup.CPUMicros; c != nil {
		row("CPU per allocation", "%.1f us", *c)
	}
	if m := r.Memory; m != nil {
		row("memory per idle allocation", "%.2f KiB resident (%.2f anonymous); %.0f KiB before, %.0f after",
			m.PerAllocationKiB, m.AnonKiB, m.BeforeKiB, m.AfterKiB)
	}
	if t := r.Traffic; t != nil {
		row("traffic", "%d packets/s of %d bytes, bursts of %d, %s, for %.2f s", r.Rate, r.Size, r.Burst, r.Direction, t.Seconds)
		for i, f := range []*Flow{t.Up, t.Down} {
			if f != nil {
				row([]string{"up", "down"}[i], "%d sent, %d carried, %.3f %% lost, %d duplicates; latency p50 %.0f us, p99 %.0f us, max %.0f us",
					f.Sent, f.Received, f.LossPercent, f.Duplicates, f.P50, f.P99, f.Max)
			}
		}
		if t.CPUMicros != nil {
			row("CPU per packet", "%.2f us", *t.CPUMicros)
		}
		row("generator", "%.2f us of CPU per packet, %d packets skipped", t.GeneratorMicros, t.Skipped)
	}
	for _, warning := range r.Warnings {
		row("WARNING", "%s", warning)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("load: writing the result: %w", err)
	}
	return nil
}
