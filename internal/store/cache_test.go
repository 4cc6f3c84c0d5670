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
	put := func(i int) { c.put(name{"r", fmt.Sprint(i)}, i, now.Add(time.Minute), c.now()) }
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
	c.put(n, 1, now.Add(time.Second), c.now())
	if _, ok := c.lookup(now.Add(time.Second), n); ok {
		t.Error("an answer outlived its time")
	}
	c.put(n, 2, now.Add(2*time.Second), c.now())
	if v, ok := c.lookup(now.Add(time.Second), n); !ok || v != 2 {
		t.Errorf("got %d, %v", v, ok)
	}
	if _, ok := c.lookup(now, name{"other", "u"}); ok {
		t.Error("an answer for another realm")
	}
}

// What was forgotten does not come back by an answer that was already on its
// way, and the bound holds afterwards.
func TestCacheForget(t *testing.T) {
	c, now := newCache[int](2), time.Unix(0, 0)
	asked := c.now()
	c.put(name{"r", "a"}, 1, now.Add(time.Minute), asked)
	c.forget()
	c.put(name{"r", "b"}, 2, now.Add(time.Minute), asked)
	for _, user := range []string{"a", "b"} {
		if _, ok := c.lookup(now, name{"r", user}); ok {
			t.Errorf("%s is still remembered", user)
		}
	}
	for i := range 5 {
		c.put(name{"r", fmt.Sprint(i)}, i, now.Add(time.Minute), c.now())
	}
	if len(c.entries) != 2 || len(c.ring) != 2 {
		t.Errorf("%d entries, %d places", len(c.entries), len(c.ring))
	}
}

// A dropped answer is gone, also one that was on its way, and costs nobody else
// anything.
func TestCacheDrop(t *testing.T) {
	c, now := newCache[int](2), time.Unix(0, 0)
	a, b := name{"r", "a"}, name{"r", "b"}
	put := func(n name, v int, asked uint64) { c.put(n, v, now.Add(time.Minute), asked) }
	put(a, 1, c.now())
	put(b, 2, c.now())
	asked := c.now()
	c.drop(a)
	put(a, 3, asked)
	if v, ok := c.lookup(now, a); ok {
		t.Errorf("remembers %d", v)
	}
	if v, ok := c.lookup(now, b); !ok || v != 2 {
		t.Errorf("of another user: %d, %v", v, ok)
	}
	put(a, 4, c.now())
	if v, ok := c.lookup(now, a); !ok || v != 4 || len(c.ring) != 2 {
		t.Errorf("%d, %v, with %d places", v, ok, len(c.ring))
	}
}
