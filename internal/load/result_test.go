package load

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// someTraffic is traffic of which sent packets went in and received came out.
func someTraffic(sent, received uint64) *traffic {
	t := &traffic{}
	t.up.sent = sent
	for i := range received {
		t.up.arrive(stamp{number: i}, 172, 172, true, time.Millisecond)
	}
	return t
}

func TestARunThatWasNotPacedSaysSo(t *testing.T) {
	for sent, warned := range map[uint64]bool{1000: false, 996: false, 994: true, 0: true} {
		r := newResult(Options{Rate: 1000, Burst: 1, Direction: Up})
		r.traffic(someTraffic(sent, sent), 1000-sent, time.Second)
		if got := len(r.Warnings) > 0; got != warned {
			t.Errorf("%d of 1000 sent: warnings %q", sent, r.Warnings)
		}
	}
}

func TestFiguresAreForEachUnit(t *testing.T) {
	r := newResult(Options{Rate: 1000, Burst: 2, Direction: Up, Allocations: 10})
	r.setUp(8, errors.New("full"), 2*time.Second, 3)
	r.setUpCost(800*time.Microsecond, 8)
	r.memory(sample{rss: 1 << 20, anon: 1 << 19}, sample{rss: 3 << 20, anon: 1 << 20}, 8)
	tr := someTraffic(1000, 900)
	r.traffic(tr, 5, time.Second)
	r.trafficCost(tr, 4500*time.Microsecond, 1800*time.Microsecond, true)
	if r.Setup.PerSecond != 4 || *r.Setup.CPUMicros != 100 {
		t.Errorf("%v allocations a second at %v us", r.Setup.PerSecond, *r.Setup.CPUMicros)
	}
	if r.Memory.PerAllocationKiB != 256 || r.Memory.AnonKiB != 64 {
		t.Errorf("memory %+v", *r.Memory)
	}
	if *r.Traffic.CPUMicros != 5 || r.Traffic.GeneratorMicros != 2 || r.Traffic.Skipped != 10 {
		t.Errorf("traffic %+v", *r.Traffic)
	}
	up := r.Traffic.Up
	if up.Lost != 100 || up.LossPercent != 10 || up.P50 != 1000 || r.Traffic.Down != nil {
		t.Errorf("up %+v, down %+v", *up, r.Traffic.Down)
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"8 of 10", "100.0 us", "256.00 KiB", "10.000 % lost", "5.00 us", "2 of 10 allocations failed: full"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

// Nothing carried is no figure, and not a division by zero.
func TestNothingCarriedHasNoCost(t *testing.T) {
	r := newResult(Options{Rate: 1000, Burst: 1, Direction: Up})
	tr := someTraffic(10, 0)
	r.traffic(tr, 0, time.Second)
	r.trafficCost(tr, time.Second, time.Second, true)
	if r.Traffic.CPUMicros != nil || r.Traffic.Up.LossPercent != 100 {
		t.Errorf("CPU %v, loss %v", r.Traffic.CPUMicros, r.Traffic.Up.LossPercent)
	}
}
