package netio

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	// slabSlots is how many datagrams one Poll can bring.
	slabSlots = 64

	cacheLine = 64
	// slotLines is odd: with an even number of lines the beginnings of the
	// slots, which every packet touches, would share a few sets of the cache.
	slotLines = ((Headroom+MaxPayload+Tailroom+cacheLine-1)/cacheLine)/2*2 + 1
	slotSize  = slotLines * cacheLine
)

// A slab is the receive memory of one engine. Every slot could hold the longest
// datagram, 4 MiB together, but only pages that packets reach become resident;
// huge pages are declined because they would undo that.
type slab struct {
	mem []byte
}

func newSlab() (slab, error) {
	mem, err := unix.Mmap(-1, 0, slabSlots*slotSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return slab{}, os.NewSyscallError("mmap", err)
	}
	// A kernel without huge pages refuses this, and then it is not needed.
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE)
	return slab{mem}, nil
}

// slot is the i-th buffer; its capacity ends where the slot ends.
func (s slab) slot(i int) []byte {
	return s.mem[i*slotSize : (i+1)*slotSize : (i+1)*slotSize]
}

func (s slab) free() error { return os.NewSyscallError("munmap", unix.Munmap(s.mem)) }
