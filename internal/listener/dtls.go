package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxDatagram is the longest datagram that a DTLS client may send, in bytes:
// what the DTLS library reads at a time.
const maxDatagram = 8192

// dtlsSocket is a UDP socket on which clients speak DTLS. It tells them apart by
// their address and keeps nothing about an address before it has shown, by
// returning a cookie, that it is somebody's.
//
// R-9147-11-a (RFC 9147, 11): there are no connection ids, so no packet from
// elsewhere can move an association.
type dtlsSocket struct {
	l            *Listener
	socket       *net.UDPConn
	local        netip.AddrPort
	certificates *Certificates
	places       *admission
	jar          cookieJar   // of the goroutine that reads the socket
	answers      *helloLimit // and this too

	mu           sync.Mutex // guards the following
	associations map[netip.AddrPort]*association

	running sync.WaitGroup // the goroutines of associations
}

func bindDTLS(at netip.AddrPort, l *Listener, c *Certificates, places *admission) (*dtlsSocket, error) {
	if at.Addr().IsUnspecified() {
		// The answer would leave from whichever address the system picks.
		return nil, fmt.Errorf("listener: DTLS %v: name the addresses to listen on, one by one", at)
	}
	if err := checkCookieField(); err != nil {
		return nil, err
	}
	network := "udp4"
	if at.Addr().Is6() && !at.Addr().Is4In6() {
		network = "udp6"
	}
	var config net.ListenConfig
	socket, err := config.ListenPacket(context.Background(), network, at.String())
	if err != nil {
		return nil, fmt.Errorf("listener: DTLS %v: %w", at, err)
	}
	return &dtlsSocket{
		l: l, socket: socket.(*net.UDPConn), local: addrPort(socket.LocalAddr()),
		certificates: c, places: places, answers: newHelloLimit(l.limits.Hellos),
		associations: make(map[netip.AddrPort]*association),
	}, nil
}

// serve reads datagrams until ctx ends. The socket outlives the associations,
// so that each can say goodbye.
func (s *dtlsSocket) serve(ctx context.Context) {
	defer s.socket.Close()
	stop := context.AfterFunc(ctx, func() { _ = s.socket.SetReadDeadline(time.Now()) })
	defer stop()
	defer s.running.Wait()
	b := make([]byte, maxDatagram+1)
	for {
		n, from, err := s.socket.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
			s.datagram(ctx, from, b[:n])
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(firstPause) // whatever it is, it shall not make this spin
		}
	}
}

// datagram sorts out one datagram.
//
// R-6347-D-a, A-D06 (RFC 6347): records other than a ClientHello, from an
// address without an association, are dropped and leave nothing behind.
func (s *dtlsSocket) datagram(ctx context.Context, from netip.AddrPort, b []byte) {
	switch {
	case len(b) > 0 && b[0] <= 3:
		s.l.counts.add(dtlsPlainSTUN)
	case len(b) <= recordHeader || len(b) > maxDatagram || b[0] < recordCipherSpec || b[0] > recordData:
		s.l.counts.add(dtlsNotDTLS)
	case beginsClientHello(b):
		s.hello(ctx, from, b)
	default:
		if a := s.find(from); a != nil {
			a.push(b)
		} else {
			s.l.counts.add(dtlsStranger)
		}
	}
}

// hello answers a ClientHello.
//
// R-6347-4.2.1-a (RFC 6347, 4.2.1), A-D07, A-X12: without a valid cookie the
// answer is a HelloVerifyRequest, shorter than what it answers, and nothing is
// remembered.
// A-D04: whoever sends in the name of another makes this server send that one a
// bounded number of answers, in bounded memory.
// R-6347-4.2.1-b (RFC 6347, 4.2.1): a wrong cookie counts as none.
// R-9147-5.11-a (RFC 9147, 5.11): a ClientHello ends an association that its
// address already has only with a valid cookie, and never the one that it began.
func (s *dtlsSocket) hello(ctx context.Context, from netip.AddrPort, b []byte) {
	h, ok := parseClientHello(b)
	if !ok {
		s.l.counts.add(dtlsHelloBroken)
		return
	}
	if s.l.banned(from.Addr()) {
		s.l.counts.add(dtlsBanned)
		return
	}
	now := time.Now()
	verified := !h.old && s.jar.valid(now, from, &h)
	if !verified && !s.answers.allow(now, from.Addr()) {
		s.l.counts.add(dtlsHellos)
		return
	}
	if h.old {
		// R-9325-3.1-a (RFC 9325, 3.1): DTLS 1.0 is refused, in so many words,
		// since a client may have another version to try.
		_, _ = s.socket.WriteToUDPAddrPort(h.appendRefusal(nil), from)
		s.l.counts.add(dtlsOld)
		return
	}
	if !verified {
		cookie := s.jar.cookie(now, from, &h)
		_, _ = s.socket.WriteToUDPAddrPort(h.appendVerify(nil, cookie[:]), from)
		s.l.counts.add(dtlsChallenged)
		return
	}
	if a := s.find(from); a != nil {
		if bytes.Equal(a.random, h.random) {
			a.push(h.record) // the answer was lost
			return
		}
		a.end()
	}
	// The library begins with message 1 here, and needs a record number for
	// the message 0 that it never got.
	if h.message != 1 || h.sequence == 0 {
		s.l.counts.add(dtlsHelloBroken)
		return
	}
	s.begin(ctx, from, &h)
}

// begin makes an association for a client whose address is verified.
func (s *dtlsSocket) begin(ctx context.Context, from netip.AddrPort, h *clientHello) {
	leave, _, ok := s.places.enter(from.Addr())
	if !ok {
		s.l.counts.add(dtlsOver)
		return
	}
	a, err := newAssociation(s, from, h, leave)
	if err != nil {
		s.l.counts.add(dtlsFailed)
		leave()
		return
	}
	s.mu.Lock()
	s.associations[from] = a
	s.mu.Unlock()
	s.l.counts.add(dtlsStarted)
	s.running.Go(func() { a.run(ctx) })
}

func (s *dtlsSocket) find(from netip.AddrPort) *association {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.associations[from]
}

// forget takes a out of the table, unless another has its place.
func (s *dtlsSocket) forget(a *association) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.associations[a.remote] == a {
		delete(s.associations, a.remote)
	}
}
