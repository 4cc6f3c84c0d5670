package relay

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

func newQueue() *queue {
	q := new(queue)
	q.ready.L = &q.mu
	return q
}

func TestQueueKeepsBoundaries(t *testing.T) {
	q := newQueue()
	want := [][]byte{[]byte("one"), {}, []byte("three"), bytes.Repeat([]byte{4}, 9000)}
	var block [][]byte
	for range 3 {
		for _, m := range want {
			if r := q.put(m); r != queued {
				t.Fatalf("put: %d", r)
			}
		}
		var err error
		if block, err = q.next(block); err != nil || len(block) != len(want) {
			t.Fatalf("%d messages, %v", len(block), err)
		}
		for i := range want {
			if !bytes.Equal(block[i], want[i]) {
				t.Errorf("message %d is %d bytes, want %d", i, len(block[i]), len(want[i]))
			}
		}
	}
}

// A-X10: a client that reads nothing costs 256 KiB and its own packets.
func TestQueueSlowReader(t *testing.T) {
	q := newQueue()
	msg := make([]byte, 1024)
	fill := func() (n int) {
		for q.put(msg) == queued {
			n++
		}
		return n
	}
	if n := fill(); n != linkQueue/1024 {
		t.Fatalf("%d messages of 1 KiB fit, want %d", n, linkQueue/1024)
	}
	// What the writer is busy with counts too.
	block, err := q.next(nil)
	if err != nil || len(block) != linkQueue/1024 {
		t.Fatalf("%d messages, %v", len(block), err)
	}
	if n := fill(); n != 0 {
		t.Fatalf("%d more messages beside those being written", n)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := q.next(block); err != io.EOF {
			t.Errorf("want EOF, got %v", err)
		}
	}()
	q.close()
	<-done
	if r := q.put(msg); r != queueClosed {
		t.Fatalf("put after close: %d", r)
	}
}

func TestQueueCloseKeepsWhatIsQueued(t *testing.T) {
	q := newQueue()
	q.put([]byte("last words"))
	if !q.close() || q.close() {
		t.Fatal("close must report the first time only")
	}
	block, err := q.next(nil)
	if err != nil || len(block) != 1 || string(block[0]) != "last words" {
		t.Fatalf("%q, %v", block, err)
	}
	if _, err := q.next(block); err != io.EOF {
		t.Fatalf("want EOF, got %v", err)
	}
}

// Thousands of quiet connections must not keep what a busy moment took.
func TestQueueGivesMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		for q.put(make([]byte, 1000)) == queued {
		}
		block, _ := q.next(nil)
		go func() { _, _ = q.next(block) }()
		synctest.Wait()
		q.mu.Lock()
		kept := cap(q.in.memory) + cap(q.out.memory)
		q.mu.Unlock()
		if kept > 2*linkIdle {
			t.Errorf("an idle queue keeps %d bytes", kept)
		}
		q.close()
	})
}

func TestQueueTakesNoMemoryInTheLongRun(t *testing.T) {
	q := newQueue()
	msg := make([]byte, 1200)
	block := make([][]byte, 0, 64)
	n := testing.AllocsPerRun(200, func() {
		for range 50 {
			q.put(msg)
		}
		block, _ = q.next(block)
	})
	if n != 0 {
		t.Errorf("%v allocations for 50 messages", n)
	}
}

func TestLinkTable(t *testing.T) {
	var table linkTable
	add := func() *Link {
		l := new(Link)
		l.queue.ready.L = &l.queue.mu
		via, err := table.add(l)
		if err != nil {
			t.Fatal(err)
		}
		l.tuple.Via = via
		return l
	}
	a, b := add(), add()
	if a.number() == b.number() {
		t.Fatal("two links have one number")
	}
	table.remove(a)
	table.remove(a)
	if n := table.count(); n != 1 {
		t.Fatalf("%d links, want 1", n)
	}
	c := add()
	if c.number() != a.number() {
		t.Errorf("number %d is not used again, got %d", a.number(), c.number())
	}
	if c.tuple.Via == a.tuple.Via {
		t.Errorf("two links after one another are both %#x", c.tuple.Via)
	}
	table.remove(a) // a late second removal must not evict the new holder
	if n := table.count(); n != 2 {
		t.Fatalf("%d links, want 2", n)
	}
	for table.count() < maxLinks {
		add()
	}
	if _, err := table.add(new(Link)); !errors.Is(err, ErrBusy) {
		t.Errorf("one link too many: %v", err)
	}
	table.close()
	if _, err := table.add(new(Link)); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if _, err := b.Next(nil); err != io.EOF {
		t.Errorf("a link of a closed table: %v", err)
	}
}
