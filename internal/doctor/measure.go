package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Quality is how traffic fared that went through a relay and came back. Times are
// in milliseconds.
type Quality struct {
	Sent        int     `json:"sent"`
	Received    int     `json:"received"` // came back, each counted once
	LossPercent float64 `json:"loss_percent"`
	RTTMedian   float64 `json:"rtt_median_ms"`
	RTTP95      float64 `json:"rtt_p95_ms"`
	Jitter      float64 `json:"jitter_ms"` // of RFC 3550, there and back
}

// end is one side of the way that packets take through a relay.
type end interface {
	send(data []byte) error
	// receive waits for packets, at most until the time given: then the error is
	// errQuiet. They are valid until the next call of any method.
	receive(ctx context.Context, until time.Time) ([][]byte, error)
}

// relayedEnd is a client of the server. Its peer is whoever sent last, if none is
// given: permissions are by address, and a NAT may choose the port.
type relayedEnd struct {
	*session
	peer  netip.AddrPort
	learn bool
}

func (e *relayedEnd) send(data []byte) error { return e.session.send(e.peer, data) }

func (e *relayedEnd) receive(ctx context.Context, until time.Time) ([][]byte, error) {
	got, err := e.session.receive(ctx, until)
	var all [][]byte
	for _, d := range got {
		if e.learn {
			e.peer = d.From
		}
		if d.From == e.peer {
			all = append(all, d.Data)
		}
	}
	return all, err
}

// socketEnd is a socket of this machine that plays the peer.
type socketEnd struct {
	conn   *net.UDPConn
	packet []byte
}

func (e *socketEnd) send(data []byte) error {
	_, err := e.conn.Write(data)
	return err
}

func (e *socketEnd) receive(ctx context.Context, until time.Time) ([][]byte, error) {
	if err := e.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = e.conn.SetReadDeadline(time.Now()) })()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, err := e.conn.Read(e.packet)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timedOut(err):
		return nil, errQuiet
	case err != nil:
		return nil, err
	}
	return [][]byte{e.packet[:n]}, nil
}

// The traffic is that of a voice call: a packet of 172 bytes every 20 ms.
const (
	pace       = 20 * time.Millisecond
	packetSize = 172
	// lateness is how long packets are waited for after the last was sent.
	lateness = time.Second
)

// flight is the packets on their way and what is known of them.
type flight struct {
	token   [16]byte // so that nobody else's packets count
	start   time.Time
	sent    []time.Duration // since start
	back    []bool
	rtts    []time.Duration
	transit time.Duration // of the packet before
	jitter  float64       // in nanoseconds
}

// measure sends traffic from one end to the other, which sends it back, for so
// long. The error is that of an end that broke; what was measured until then
// counts all the same.
func measure(ctx context.Context, near, far end, length time.Duration) (Quality, error) {
	f := &flight{start: time.Now()}
	rand.Read(f.token[:])
	echoing, stop := context.WithCancel(ctx)
	broken := make(chan error, 1)
	go func() { broken <- sendBack(echoing, far, f.token[:]) }()
	err := f.fly(ctx, near, length)
	stop()
	return f.quality(), errors.Join(err, <-broken)
}

// sendBack returns what bears the token, until ctx ends.
func sendBack(ctx context.Context, e end, token []byte) error {
	for {
		got, err := e.receive(ctx, time.Now().Add(time.Minute))
		for _, data := range got {
			if !bytes.HasPrefix(data, token) {
				continue
			}
			// Copied: it lies where the next call reads to.
			if err := e.send(bytes.Clone(data)); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, errQuiet) {
			return err
		}
	}
}

// fly sends in time and takes what comes back.
func (f *flight) fly(ctx context.Context, near end, length time.Duration) error {
	for due := time.Duration(0); due < length; due += pace {
		if err := near.send(f.packet()); err != nil {
			return err
		}
		if err := f.await(ctx, near, f.start.Add(due+pace), false); err != nil {
			return err
		}
	}
	return f.await(ctx, near, time.Now().Add(lateness), true)
}

// packet is the next one.
func (f *flight) packet() []byte {
	data := make([]byte, packetSize)
	copy(data, f.token[:])
	binary.BigEndian.PutUint32(data[len(f.token):], uint32(len(f.sent)))
	f.sent, f.back = append(f.sent, time.Since(f.start)), append(f.back, false)
	return data
}

// await takes what comes until the time given, or until all is back.
func (f *flight) await(ctx context.Context, near end, until time.Time, last bool) error {
	for !last || len(f.rtts) < len(f.sent) {
		got, err := near.receive(ctx, until)
		now := time.Since(f.start)
		for _, data := range got {
			f.arrived(data, now)
		}
		switch {
		case errors.Is(err, errQuiet):
			return nil
		case err != nil:
			return err
		case !time.Now().Before(until):
			return nil
		}
	}
	return nil
}

// arrived counts one packet that came back.
func (f *flight) arrived(data []byte, now time.Duration) {
	if len(data) != packetSize || !bytes.HasPrefix(data, f.token[:]) {
		return
	}
	n := int(binary.BigEndian.Uint32(data[len(f.token):]))
	if n >= len(f.sent) || f.back[n] {
		return
	}
	f.back[n] = true
	rtt := now - f.sent[n]
	// RFC 3550, 6.4.1: a sixteenth of how far the difference of two transits is from
	// what was thought.
	if len(f.rtts) > 0 {
		f.jitter += (math.Abs(float64(rtt-f.transit)) - f.jitter) / 16
	}
	f.transit = rtt
	f.rtts = append(f.rtts, rtt)
}

// quality sums up.
func (f *flight) quality() Quality {
	q := Quality{Sent: len(f.sent), Received: len(f.rtts), Jitter: f.jitter / float64(time.Millisecond)}
	if q.Sent > 0 {
		q.LossPercent = 100 * float64(q.Sent-q.Received) / float64(q.Sent)
	}
	if q.Received > 0 {
		slices.Sort(f.rtts)
		q.RTTMedian, q.RTTP95 = milliseconds(quantile(f.rtts, 0.5)), milliseconds(quantile(f.rtts, 0.95))
	}
	return q
}

// quantile is the smallest value that so many of the others, sorted, do not exceed.
func quantile(sorted []time.Duration, share float64) time.Duration {
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
