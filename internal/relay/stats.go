package relay

import (
	"sync/atomic"
	"time"

	"iceserver/internal/turn"
)

// counter is one of the numbers that a worker keeps.
type counter uint8

// What is counted beside drops.
const (
	packetsIn counter = iota // from clients and peers, UDP and links
	bytesIn
	packetsOut
	bytesOut
	handedOver // between relayed addresses of this server, without a socket
	allocated  // ever
	deleted    // ever
	panics     // packets or requests whose handling failed

	receiveCalls // that bring several datagrams
	received     // by those
	sendCalls    // that take several
	sentTogether // by those

	begun // + turn.Proto p: allocations ever, of clients that came over p
	_
	_
	_
	ended // + turn.Proto p: and of them those that are gone
	_
	_
	_

	countCore // + turn.Count c
)

// The drops stand together, those of the core at the end.
const (
	dropSlowReader counter = countCore + counter(turn.NumCounts) + iota // a link's queue was full
	dropLinkGone                                                        // a link closed while something was on its way to it
	dropMailbox                                                         // another worker's mailbox was full
	dropSendFull                                                        // the kernel's send buffer was full
	dropSendError                                                       // the kernel refused the datagram
	dropTruncated                                                       // received, but too long
	dropDTLS                                                            // this worker's mailbox was full
	dropBanned                                                          // from a source that is banned, and not of an allocation

	dropCore // turn.Drop d is counted at dropCore + d
)

// numCounters is how many there are.
const numCounters = dropCore + counter(turn.NumDrops)

// counters are a worker's own; reading them elsewhere is what published is for.
type counters [numCounters]uint64

// published holds a copy of a worker's counters for everybody, written when
// somebody asks: on the packet path a counter costs an addition.
type published [numCounters]atomic.Uint64

func (p *published) update(c *counters) {
	for i := range c {
		p[i].Store(c[i])
	}
}

// Stats is what a Relay has done since it was made. All workers are summed up.
type Stats struct {
	PacketsIn, BytesIn   uint64 // from clients and peers; bytes without UDP and IP headers
	PacketsOut, BytesOut uint64
	HandedOver           uint64 // of these, from one relayed address to another inside
	Allocations          int    // now
	Allocated            uint64 // ever
	Users                int    // of those, by account: who holds allocations or reservations now
	Links                int    // TCP, TLS and DTLS clients now
	PortsUsed, Ports     int    // relayed ports used or held back, of how many
	Workers              int    // that serve
	Panics               uint64 // faults of this program that cost a packet each
	LookupsRefused       uint64 // key look-ups answered with 500: too many waited
	Lookups              Lookups
	LogLinesLost         uint64 // events not logged: the log was too slow
	Banned               int    // sources shut out now, for wrong credentials
	// Drops counts lost packets by reason. Every reason is there, with 0 too.
	Drops map[string]uint64
	// Refused counts error responses, challenges excepted, by STUN error code.
	Refused map[int]uint64
	// Refusals are the same by cause and code.
	Refusals map[turn.Cause]map[int]uint64

	// Transports are allocations by how their clients have come: index
	// turn.Proto.
	Transports [4]struct {
		Now  int
		Ever uint64
	}
	Counts [turn.NumCounts]uint64 // index turn.Count
	// Buckets are those of the limit on answers to strangers, BucketsUsed how many
	// of them were in use of late.
	BucketsUsed, Buckets int
	// Calls that move several datagrams at once, and how many those moved.
	ReceiveCalls, Received, SendCalls, Sent uint64
}

// Stats returns the counters. It may be called from any goroutine but a worker's.
func (r *Relay) Stats() Stats {
	r.reading.Lock()
	defer r.reading.Unlock()
	r.askCounters()
	return r.stats()
}

// stats sums up what was published.
func (r *Relay) stats() Stats {
	var sum counters
	s := Stats{Drops: make(map[string]uint64), Refused: make(map[int]uint64), Refusals: make(map[turn.Cause]map[int]uint64)}
	// Workers publish at different moments, so that a packet from one to another
	// may be in a sum once only; no number is ever torn.
	for _, w := range r.workers {
		for i := range sum {
			sum[i] += w.published[i].Load()
		}
		sum[dropDTLS] += w.lostDTLS.Load()
		s.Links += w.links.count()
		s.LookupsRefused += w.lookupsRefused.Load()
		w.refused.addTo(&s)
		used, buckets := w.strangers.load(time.Since(r.start))
		s.BucketsUsed, s.Buckets = s.BucketsUsed+used, s.Buckets+buckets
	}
	s.PacketsIn, s.BytesIn = sum[packetsIn], sum[bytesIn]
	s.PacketsOut, s.BytesOut = sum[packetsOut], sum[bytesOut]
	s.HandedOver, s.Panics = sum[handedOver], sum[panics]+r.lookups.panics.Load()
	s.Allocated, s.Allocations = sum[allocated], int(sum[allocated]-sum[deleted])
	s.Users, s.Workers = r.ledger.count(), len(r.workers)
	s.PortsUsed, s.Ports = r.ports.usage()
	s.LogLinesLost = r.journal.lost.Load() + r.bans.lost.Load()
	s.Banned = int(r.bans.count.Load())
	s.Lookups = r.lookups.counts.load()
	s.fill(&sum)
	for i := dropSlowReader; i < numCounters; i++ {
		s.Drops[i.reason()] = sum[i]
	}
	return s
}

// fill takes over what is of the core and the engine.
func (s *Stats) fill(sum *counters) {
	for p := range s.Transports {
		i := counter(p)
		s.Transports[p].Ever, s.Transports[p].Now = sum[begun+i], int(sum[begun+i]-sum[ended+i])
	}
	for c := range s.Counts {
		s.Counts[c] = sum[countCore+counter(c)]
	}
	s.ReceiveCalls, s.Received = sum[receiveCalls], sum[received]
	s.SendCalls, s.Sent = sum[sendCalls], sum[sentTogether]
}

// reason returns the name of a drop counter as metrics have it.
func (c counter) reason() string {
	switch c {
	case dropSlowReader:
		return "slow-reader"
	case dropLinkGone:
		return "link-gone"
	case dropMailbox:
		return "mailbox-full"
	case dropSendFull:
		return "send-buffer-full"
	case dropSendError:
		return "send-error"
	case dropTruncated:
		return "truncated"
	case dropDTLS:
		return "dtls-mailbox-full"
	case dropBanned:
		return "banned"
	}
	return turn.Drop(c - dropCore).String()
}
