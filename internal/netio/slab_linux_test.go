package netio

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestSlabLayout(t *testing.T) {
	if slotSize%cacheLine != 0 || slotSize/cacheLine%2 == 0 {
		t.Errorf("slots of %d bytes share sets of the cache", slotSize)
	}
	if room := slotSize - Headroom - MaxPayload; room < Tailroom {
		t.Errorf("%d bytes of tailroom", room)
	}
}

// Small packets make a small part of the slab resident.
func TestSlabIsLazy(t *testing.T) {
	e := newTestMmsg(t)
	id, addr := mustOpen(t, e, Options{RecvBuf: 1 << 20})
	in := make([]Datagram, slabSlots)
	for range 10 {
		pumpAll(t, e, burst(slabSlots, id, addr), in)
	}
	mem := e.receiver.slab.mem
	pages := make([]byte, (len(mem)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mem[0])),
		uintptr(len(mem)), uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Fatal(errno)
	}
	resident := 0
	for _, p := range pages {
		resident += int(p & 1)
	}
	// A slot's beginning lies in one page or across two.
	if resident == 0 || resident > 2*slabSlots {
		t.Errorf("%d of %d pages are resident", resident, len(pages))
	}
}
