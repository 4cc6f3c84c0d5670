package load

import (
	"encoding/binary"
	"time"
)

// minPayload is the room that the generator's own header takes in every packet,
// in bytes: mark, client, number, time.
const minPayload = 24

// warmUp is the number of a packet that was sent before the measured time.
const warmUp = ^uint64(0)

// A stamp is what every generated packet carries, so that the other end can
// tell when it left, whether it is a copy, and whether it came out at the right
// client.
type stamp struct {
	mark   uint32        // of this run: a packet of an earlier one does not count
	client uint32        // index of the allocation it went through
	number uint64        // position in its direction, or warmUp
	sent   time.Duration // on the monotonic clock, since the run started
}

// put writes the stamp into the first minPayload bytes of b.
func (s stamp) put(b []byte) {
	binary.BigEndian.PutUint32(b, s.mark)
	binary.BigEndian.PutUint32(b[4:], s.client)
	binary.BigEndian.PutUint64(b[8:], s.number)
	binary.BigEndian.PutUint64(b[16:], uint64(s.sent))
}

// readStamp reads the stamp of a payload; ok is false if b is too short to have
// one.
func readStamp(b []byte) (s stamp, ok bool) {
	if len(b) < minPayload {
		return stamp{}, false
	}
	return stamp{
		mark:   binary.BigEndian.Uint32(b),
		client: binary.BigEndian.Uint32(b[4:]),
		number: binary.BigEndian.Uint64(b[8:]),
		sent:   time.Duration(binary.BigEndian.Uint64(b[16:])),
	}, true
}
