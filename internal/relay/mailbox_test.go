package relay

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"iceserver/internal/turn"
)

func TestMailboxKeepsMessagesApart(t *testing.T) {
	wakes := 0
	m := newMailbox(func() { wakes++ })
	var out mail
	if m.take(&out) {
		t.Fatal("an empty mailbox has mail")
	}
	want := [][]byte{{}, []byte("a"), bytes.Repeat([]byte("b"), 65540), []byte("last")}
	for round := range 3 {
		for _, msg := range want {
			if took, err := m.put(message{}, msg, true); !took || err != nil {
				t.Fatalf("put: %v, %v", took, err)
			}
		}
		// One wake for all that came since the worker looked.
		if wakes != round+1 {
			t.Fatalf("%d wakes in round %d", wakes, round)
		}
		if !m.take(&out) || len(out.messages) != len(want) {
			t.Fatalf("took %d messages, want %d", len(out.messages), len(want))
		}
		for i := range out.messages {
			buf := out.buffer(&out.messages[i])
			if !bytes.Equal(buf[turn.Headroom:], want[i]) {
				t.Fatalf("message %d is %d bytes, want %d", i, len(buf)-turn.Headroom, len(want[i]))
			}
			if cap(buf)-len(buf) != turn.Tailroom {
				t.Fatalf("message %d has %d bytes behind it", i, cap(buf)-len(buf))
			}
			// What the core writes around a message must not reach its neighbours.
			for j := range buf[:cap(buf)] {
				if j < turn.Headroom || j >= len(buf) {
					buf[:cap(buf)][j] = 0xFF
				}
			}
		}
	}
}

// What may be lost fills half of the mailbox at most; what may wait does.
func TestMailboxBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMailbox(func() {})
		fill := func(msg []byte) int {
			n := 0
			for {
				if took, err := m.put(message{}, msg, false); err != nil {
					t.Fatal(err)
				} else if !took {
					return n
				}
				n++
			}
		}
		if n := fill([]byte("x")); n != mailboxMessages/2 {
			t.Fatalf("%d small messages, want %d", n, mailboxMessages/2)
		}
		took := 0
		done := make(chan error, 1)
		go func() {
			for {
				if _, err := m.put(message{}, []byte("stream"), true); err != nil {
					done <- err
					return
				}
				took++
			}
		}()
		synctest.Wait()
		if took != mailboxMessages/2 {
			t.Fatalf("%d stream messages beside them, want %d", took, mailboxMessages/2)
		}
		var out mail
		m.take(&out)
		synctest.Wait()
		if took != mailboxMessages/2+mailboxMessages {
			t.Fatalf("%d stream messages after the worker took the mail", took)
		}
		m.close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Fatalf("the waiting stream got %v", err)
		}
		m.in = mail{}
		m.closed = false
		big := make([]byte, 60000)
		if n := fill(big); n > mailboxBytes/2/len(big)+1 {
			t.Fatalf("%d messages of 60000 bytes", n)
		}
	})
}

func TestMailboxAfterClose(t *testing.T) {
	m := newMailbox(func() { t.Error("woken after close") })
	m.close()
	if _, err := m.put(message{}, nil, true); !errors.Is(err, ErrClosed) {
		t.Errorf("put: %v", err)
	}
	if m.depart(nil) {
		t.Error("a departure was taken")
	}
	m.reply(turn.KeyReply{})
	m.nudge()
}

func TestMailboxManySenders(t *testing.T) {
	wake := make(chan struct{}, 1)
	m := newMailbox(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	const senders, each = 8, 5000
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for range each {
				if _, err := m.put(message{}, []byte{byte(i)}, true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := make([]int, senders)
	var out mail
	for total := 0; total < senders*each; {
		<-wake
		for m.take(&out) {
			for i := range out.messages {
				got[out.buffer(&out.messages[i])[turn.Headroom]]++
			}
			total += len(out.messages)
		}
	}
	wg.Wait()
	for i, n := range got {
		if n != each {
			t.Errorf("sender %d: %d of %d arrived", i, n, each)
		}
	}
}

func TestMailboxTakesNoMemoryInTheLongRun(t *testing.T) {
	m := newMailbox(func() {})
	msg := make([]byte, 1200)
	var out mail
	n := testing.AllocsPerRun(200, func() {
		for range 50 {
			_, _ = m.put(message{}, msg, true)
		}
		m.take(&out)
	})
	if n != 0 {
		t.Errorf("%v allocations for 50 messages", n)
	}
}
