package listener

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// helloBuckets is the size of the table: a fixed 128 KiB a socket, whatever the
// number of sources.
const helloBuckets = 4096

// helloBurst is how many seconds' worth of answers a source may take at once.
const helloBurst = 5

// helloLimit caps the answers to ClientHellos whose sender has shown nothing yet.
// Sources that collide share a bucket, and nobody can choose with whom. It belongs
// to the goroutine that reads the socket.
type helloLimit struct {
	rate  float64 // answers per second; 0: no limit
	seed  maphash.Seed
	table []helloBucket
}

// helloBucket is full when it has never been used.
type helloBucket struct {
	taken float64 // of the burst
	at    time.Time
}

func newHelloLimit(rate int) *helloLimit {
	if rate <= 0 {
		return &helloLimit{}
	}
	return &helloLimit{rate: float64(rate), seed: maphash.MakeSeed(), table: make([]helloBucket, helloBuckets)}
}

// allow takes one answer from the budget of a source.
func (l *helloLimit) allow(now time.Time, from netip.Addr) bool {
	if l.rate == 0 {
		return true
	}
	b := &l.table[maphash.Comparable(l.seed, source(from))%helloBuckets]
	if passed := now.Sub(b.at); passed > 0 {
		b.taken = max(0, b.taken-l.rate*passed.Seconds())
		b.at = now
	}
	if b.taken+1 > l.rate*helloBurst {
		return false
	}
	b.taken++
	return true
}
