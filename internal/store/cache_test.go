package store

import (
	"fmt"
	"testing"
	"time"
)

// The cache holds its bound, forgets the oldest first, and an answer that is
// put again takes no second place.
func TestCacheBound(t *testing.T) {
	c, now := newCache[int](3), time.Unix(0, 0)
	put := func(i int) { c.put(name{"r", fmt.Sprint(i)}, i, now.Add(time.Minute)) }
	for i := range 10 {
		put(i)
		put(i)
	}
	if len(c.entries) != 3 || len(c.ring) != 3 {
		t.Errorf("%d entries, %d places", len(c.entries), len(c.ring))
	}
	for i := range 10 {
		v, ok := c.lookup(now, name{"r", fmt.Sprint(i)})
		if ok != (i >= 7) || ok && v != i {
			t.Errorf("%d: got %d, %v", i, v, ok)
		}
	}
}

func TestCacheExpiry(t *testing.T) {
	c, now := newCache[int](3), time.Unix(0, 0)
	n := name{"r", "u"}
	c.put(n, 1, now.Add(time.Second))
	if _, ok := c.lookup(now.Add(time.Second), n); ok {
		t.Error("an answer outlived its time")
	}
	c.put(n, 2, now.Add(2*time.Second))
	if v, ok := c.lookup(now.Add(time.Second), n); !ok || v != 2 {
		t.Errorf("got %d, %v", v, ok)
	}
	if _, ok := c.lookup(now, name{"other", "u"}); ok {
		t.Error("an answer for another realm")
	}
}
