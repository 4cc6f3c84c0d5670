package turn

import (
	"strings"
	"testing"
)

// What a live allocation carries is told every 4096 packets, and all that is told
// adds up to what it carried.
func TestTrafficIsTold(t *testing.T) {
	w := newWorld(t, Options{TellTraffic: true})
	for _, line := range []string{"client A 192.0.2.10:4000", "A allocate transport=17", "A bind peer=192.0.2.50:7 channel=0x4000"} {
		w.do(strings.Fields(line))
		w.drain()
	}
	var told []Usage
	note := func() {
		for _, e := range w.out.Events {
			if e.Kind == Moved {
				told = append(told, e.Usage)
			}
		}
		w.out.Reset()
	}
	const packets = 2*trafficTold + 10
	for i := range packets {
		if i%4 == 0 {
			w.do(strings.Fields("peer 0 192.0.2.50:7 abc"))
		} else {
			w.do(strings.Fields("channel A 0x4000 abcde"))
		}
		note()
	}
	w.s.CloseAll(w.now, &w.out)
	note()
	if len(told) != 3 || told[0].ClientPackets+told[0].PeerPackets != trafficTold || told[2].ClientPackets+told[2].PeerPackets != 10 {
		t.Fatalf("told are %v", told)
	}
	var sum Tally
	for _, u := range told {
		sum.Add(Tally{Usage: u})
	}
	const in = (packets + 3) / 4
	if want := (Usage{ClientPackets: packets - in, ClientBytes: 5 * (packets - in), PeerPackets: in, PeerBytes: 3 * in}); sum.Usage != want {
		t.Errorf("told are %v in all, want %v", sum.Usage, want)
	}
}
