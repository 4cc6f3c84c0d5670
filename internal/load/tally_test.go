package load

import (
	"testing"
	"time"
)

func TestTallyBelievesOnlyWhatArrivedOnceAndWhole(t *testing.T) {
	const size = 172
	for _, c := range []struct {
		name   string
		stamp  stamp
		length int
		right  bool
		want   tally
	}{
		{"carried", stamp{number: 3}, size, true, tally{received: 1}},
		{"the last one", stamp{number: 9}, size, true, tally{received: 1}},
		{"seen before", stamp{number: 0}, size, true, tally{duplicates: 1}},
		{"a number never sent", stamp{number: 10}, size, true, tally{damaged: 1}},
		{"cut short", stamp{number: 3}, size - 1, true, tally{damaged: 1}},
		{"padded", stamp{number: 3}, size + 3, true, tally{damaged: 1}},
		{"at another client", stamp{number: 3}, size, false, tally{misrouted: 1}},
		{"of the warm-up", stamp{number: warmUp}, size, true, tally{}},
	} {
		got := tally{sent: 10}
		got.seen.set(0)
		got.arrive(c.stamp, c.length, size, c.right, time.Second)
		if got.received != c.want.received || got.duplicates != c.want.duplicates ||
			got.misrouted != c.want.misrouted || got.damaged != c.want.damaged {
			t.Errorf("%s: %d received, %d duplicates, %d misrouted, %d damaged", c.name,
				got.received, got.duplicates, got.misrouted, got.damaged)
		}
		if got.latency.total != got.received {
			t.Errorf("%s: %d latencies of %d packets", c.name, got.latency.total, got.received)
		}
		if got.lost() != 10-got.received {
			t.Errorf("%s: %d lost", c.name, got.lost())
		}
	}
}

func TestBitmapRemembersEveryNumber(t *testing.T) {
	var b bitmap
	numbers := []uint64{0, 1, 63, 64, 65, 1 << 20, 1<<20 - 1, 3_000_000}
	for _, n := range numbers {
		if !b.set(n) {
			t.Errorf("%d was set before", n)
		}
	}
	for _, n := range numbers {
		if b.set(n) {
			t.Errorf("%d was forgotten", n)
		}
	}
	if !b.set(2) || !b.set(66) {
		t.Error("a neighbour was set with another number")
	}
}

func TestStampSurvivesThePayload(t *testing.T) {
	want := stamp{mark: 0xDEADBEEF, client: 4999, number: 1 << 40, sent: 123456789 * time.Nanosecond}
	buf := make([]byte, minPayload+10)
	want.put(buf)
	if got, ok := readStamp(buf); !ok || got != want {
		t.Errorf("read %+v, %v; want %+v", got, ok, want)
	}
	if _, ok := readStamp(buf[:minPayload-1]); ok {
		t.Error("a payload too short for a stamp has one")
	}
}
