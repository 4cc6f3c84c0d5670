package load

import "time"

// A tally accounts for the packets of one direction. It believes only what it
// can see: a packet counts as carried when it arrived once, at the right place,
// with the right length.
type tally struct {
	sent       uint64 // handed to the kernel in the measured time
	refused    uint64 // the kernel did not take them
	received   uint64 // arrived, each counted once
	duplicates uint64
	misrouted  uint64 // arrived at another client, or from another relayed address
	damaged    uint64 // the length changed on the way
	latency    histogram
	seen       bitmap
}

// arrive accounts for one packet that came out of the server.
func (t *tally) arrive(s stamp, length, want int, rightPlace bool, now time.Duration) {
	switch {
	case s.number == warmUp:
	case s.number >= t.sent:
		// A number that was never given: something on the way writes into payloads.
		t.damaged++
	case length != want:
		t.damaged++
	case !rightPlace:
		t.misrouted++
	case !t.seen.set(s.number):
		t.duplicates++
	default:
		t.received++
		t.latency.add(now - s.sent)
	}
}

// lost is how many packets went in and did not come out.
func (t *tally) lost() uint64 { return t.sent - t.received }

// bitmap remembers which packet numbers arrived. It grows in steps, because the
// number of packets is known only when the run ends.
type bitmap struct{ words []uint64 }

// set marks a number and reports whether it was new.
func (b *bitmap) set(n uint64) bool {
	word, bit := n/64, uint64(1)<<(n%64)
	if word >= uint64(len(b.words)) {
		grown := make([]uint64, max(2*uint64(len(b.words)), word+1, 1<<14))
		copy(grown, b.words)
		b.words = grown
	}
	if b.words[word]&bit != 0 {
		return false
	}
	b.words[word] |= bit
	return true
}
