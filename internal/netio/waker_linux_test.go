package netio

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// writes empties the eventfd and tells how many writes it has seen.
func (w *waker) writes(t *testing.T) uint64 {
	t.Helper()
	var b [8]byte
	switch _, err := unix.Read(w.fd, b[:]); err {
	case nil:
		return binary.NativeEndian.Uint64(b[:])
	case unix.EAGAIN:
		return 0
	default:
		t.Fatal(err)
		return 0
	}
}

func TestWakerWritesOnce(t *testing.T) {
	w, err := newWaker()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.wake()
	}
	if n := w.writes(t); n != 0 {
		t.Errorf("%d writes for a worker that was awake", n)
	}
	if w.sleep() {
		t.Error("it slept in spite of the call")
	}
	if !w.sleep() {
		t.Error("one call was felt twice")
	}
	for range 5 {
		w.wake()
	}
	if n := w.writes(t); n != 1 {
		t.Errorf("%d writes for a worker that slept, want 1", n)
	}
	w.rise()
	if !w.sleep() {
		t.Error("a call that ended a sleep was felt again")
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	w.wake() // would write to whoever has the number now
	if w.fd != -1 {
		t.Errorf("fd %d is kept after close", w.fd)
	}
}
