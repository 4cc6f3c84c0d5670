package store

import (
	"sync"
	"time"
)

// name is what answers are remembered under.
type name struct{ realm, user string }

// cache remembers up to a fixed number of answers, each until its own time, and
// forgets the oldest when it is full. Strangers choose the names that are asked
// for, so the bound is what keeps memory flat.
type cache[V any] struct {
	mu      sync.Mutex
	entries map[name]entry[V]
	ring    []name // the names in entries, oldest at next
	next    int
	max     int
	epoch   uint64 // how often everything was forgotten
}

type entry[V any] struct {
	value V
	until time.Time
}

func newCache[V any](max int) *cache[V] {
	return &cache[V]{entries: make(map[name]entry[V]), max: max}
}

// lookup returns the answer for n if it still holds at now.
func (c *cache[V]) lookup(now time.Time, n name) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[n]
	if !ok || !now.Before(e.until) {
		return v, false
	}
	return e.value, true
}

// now returns what put wants to know of the moment at which a question was asked.
func (c *cache[V]) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// forget drops everything.
func (c *cache[V]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	c.ring, c.next = c.ring[:0], 0
	c.epoch++
}

// drop forgets the answer for n, and what is being asked about anybody: it may be
// older. The place of n in the ring stays its own.
func (c *cache[V]) drop(n name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.entries[n]; known {
		c.entries[n] = entry[V]{}
	}
	c.epoch++
}

// put remembers an answer until the given time, unless everything was forgotten
// since it was asked for: then it may be older than the reason for that.
func (c *cache[V]) put(n name, v V, until time.Time, asked uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked != c.epoch {
		return
	}
	if _, known := c.entries[n]; !known {
		c.makeRoom(n)
	}
	c.entries[n] = entry[V]{v, until}
}

// makeRoom gives n a place in the ring and drops whoever had it. The caller
// holds mu.
func (c *cache[V]) makeRoom(n name) {
	if len(c.ring) < c.max {
		c.ring = append(c.ring, n)
		return
	}
	delete(c.entries, c.ring[c.next])
	c.ring[c.next] = n
	c.next = (c.next + 1) % c.max
}
