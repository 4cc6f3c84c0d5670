package load

import (
	"context"
	"net/netip"
	"time"

	"iceserver/internal/stun"
)

// downBatch is how many lone packets of the far end share one system call. A
// larger one would be cheaper, but its last packet would wait for the others and
// show that as the server's latency.
const downBatch = 8

// drainTime bounds the wait for packets still on their way when a run ends.
const drainTime = 500 * time.Millisecond

// traffic sends packets through allocations that are ready, and accounts for
// what comes out. One goroutine does all of it: send what is due, read what has
// arrived, sleep until the next tick.
type traffic struct {
	options  Options
	clock    clock
	wire     wire
	far      farEnd
	sessions []session
	ready    []int // indexes of the sessions that relay
	mark     uint32

	up, down tally
	warming  bool
	bursts   uint64 // sent or tried, to take the allocations in turn

	upMsgs   [][]byte // one burst of ChannelData messages
	downMsgs [][]byte // what the far end sends with the next system call
	downTo   []netip.AddrPort
	downFrom []int // the session of each

	// Kept as values, because a method value made for every call would allocate.
	fromFar  func(netip.AddrPort, []byte, time.Duration)
	fromWire func(int, []byte, time.Duration)
}

// newTraffic returns traffic over the sessions named by ready, of which there is
// at least one.
func newTraffic(o Options, c clock, w wire, f farEnd, sessions []session, ready []int, mark uint32) *traffic {
	t := &traffic{options: o, clock: c, wire: w, far: f, sessions: sessions, ready: ready, mark: mark}
	for range max(o.Burst, downBatch) {
		t.downMsgs = append(t.downMsgs, make([]byte, o.Size))
	}
	for range o.Burst {
		t.upMsgs = append(t.upMsgs, make([]byte, stun.ChannelHeaderSize+o.Size))
	}
	t.fromFar, t.fromWire = t.arriveUp, t.arriveDown
	return t
}

// run sends for the time given and returns what the pacing had to skip, in
// bursts.
func (t *traffic) run(ctx context.Context, length time.Duration) (skipped uint64, err error) {
	start := t.clock.now()
	pace := newPacer(t.options.Rate, t.options.Burst, start)
	for tick := start; tick < start+length; {
		if err := ctx.Err(); err != nil {
			return pace.skipped, err
		}
		for range pace.due(t.clock.now()) {
			t.burst()
		}
		t.flush()
		if err := t.collect(); err != nil {
			return pace.skipped, err
		}
		// The next tick is counted from this one, not from now; ticks that were
		// missed are left out, the pacer knows what they owed.
		now := t.clock.now()
		tick += max(t.options.Tick, (now - tick).Truncate(t.options.Tick))
		t.wire.pause(min(tick, start+length) - now)
	}
	return pace.skipped, nil
}

// drain waits for packets on their way.
func (t *traffic) drain(ctx context.Context) error {
	end := t.clock.now() + drainTime
	for t.clock.now() < end && t.up.lost()+t.down.lost() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.wire.pause(time.Millisecond)
		if err := t.collect(); err != nil {
			return err
		}
	}
	return nil
}

// collect reads all that has arrived at both ends.
func (t *traffic) collect() error {
	if err := t.far.receive(t.fromFar); err != nil {
		return err
	}
	return t.wire.receive(0, t.fromWire)
}

// burst sends one burst through the next allocation in turn.
func (t *traffic) burst() {
	n := t.bursts
	t.bursts++
	down := t.options.Direction == Down
	if t.options.Direction == Both {
		down = n%2 == 1
		n /= 2
	}
	session := t.ready[n%uint64(len(t.ready))]
	if down {
		t.queueDown(session)
	} else {
		t.sendUp(session)
	}
}

// sendUp sends one burst from a client to its peer.
func (t *traffic) sendUp(session int) {
	s := &t.sessions[session]
	now := t.clock.now()
	for i, m := range t.upMsgs {
		stun.PutChannelHeader(m, s.channel, t.options.Size)
		t.stamp(&t.up, session, uint64(i), now).put(m[stun.ChannelHeaderSize:])
	}
	t.sent(&t.up, t.wire.send(session, t.upMsgs), len(t.upMsgs))
}

// queueDown has the far end send one burst to an allocation, with the next ones
// while there is room.
func (t *traffic) queueDown(session int) {
	if len(t.downTo)+t.options.Burst > len(t.downMsgs) {
		t.flush()
	}
	for range t.options.Burst {
		t.downTo = append(t.downTo, t.sessions[session].relayed)
		t.downFrom = append(t.downFrom, session)
	}
}

// flush sends what queueDown has gathered.
func (t *traffic) flush() {
	if len(t.downTo) == 0 {
		return
	}
	now := t.clock.now()
	msgs := t.downMsgs[:len(t.downTo)]
	for i, session := range t.downFrom {
		t.stamp(&t.down, session, uint64(i), now).put(msgs[i])
	}
	t.sent(&t.down, t.far.send(t.downTo, msgs), len(msgs))
	t.downTo, t.downFrom = t.downTo[:0], t.downFrom[:0]
}

// stamp is that of the packet offset places behind the last one sent.
func (t *traffic) stamp(to *tally, session int, offset uint64, now time.Duration) stamp {
	number := to.sent + offset
	if t.warming {
		number = warmUp
	}
	return stamp{mark: t.mark, client: uint32(session), number: number, sent: now}
}

// sent counts what the kernel took of what it was given.
func (t *traffic) sent(to *tally, took, given int) {
	if t.warming {
		return
	}
	to.sent += uint64(took)
	to.refused += uint64(given - took)
}

// arriveUp accounts for a datagram at the far end.
func (t *traffic) arriveUp(from netip.AddrPort, payload []byte, at time.Duration) {
	s, ok := readStamp(payload)
	if !ok || s.mark != t.mark {
		return
	}
	right := uint64(s.client) < uint64(len(t.sessions)) && t.sessions[s.client].relayed == from
	t.up.arrive(s, len(payload), t.options.Size, right, at)
}

// arriveDown accounts for a message at a client.
func (t *traffic) arriveDown(client int, msg []byte, at time.Duration) {
	channel, payload, err := stun.ParseChannelData(msg)
	if err != nil {
		return // a STUN message: a late answer to a request
	}
	s, ok := readStamp(payload)
	if !ok || s.mark != t.mark {
		return
	}
	right := int(s.client) == client && t.sessions[client].channel == channel
	t.down.arrive(s, len(payload), t.options.Size, right, at)
}
