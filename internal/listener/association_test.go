package listener

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
)

func contextWithPatience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// lossy is a socket that loses what is sent when told to.
type lossy struct {
	*net.UDPConn
	silent atomic.Bool
	lose   atomic.Int32 // so many datagrams to come are lost
}

func (l *lossy) WriteTo(b []byte, to net.Addr) (int, error) {
	if l.silent.Load() || l.lose.Add(-1) >= 0 {
		return len(b), nil
	}
	return l.UDPConn.WriteTo(b, to)
}

// R-6347-4.2.1-c (RFC 6347, 4.2.4): packets that are lost are sent again, be it
// the hello with the cookie or the answer to it.
func TestLossDuringHandshake(t *testing.T) {
	s := serve(t, withEcho)
	for lost := range int32(5) {
		socket := &lossy{UDPConn: udpSocket(t)}
		c, err := dtls.ClientWithOptions(socket, net.UDPAddrFromAddrPort(s.dtls),
			dtls.WithInsecureSkipVerify(true), dtls.WithFlightInterval(50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		socket.lose.Store(lost)
		_ = c.SetDeadline(time.Now().Add(patience))
		echoed(t, c, binding(0))
		socket.silent.Store(true)
		c.Close()
	}
}

// A-X09: the deadlines hold for DTLS too, for the handshake, until there is an
// allocation, and for a client that has fallen silent.
func TestDTLSDeadlines(t *testing.T) {
	// A busy machine may take a while for the handshake, which comes before.
	const strangers = 3 * time.Second
	t.Run("handshake", func(t *testing.T) {
		t.Parallel() // it waits
		s := serve(t, withLimits(Limits{Handshake: 50 * time.Millisecond}))
		socket := udpSocket(t)
		answer := exchange(t, socket, s, hello(nil, 0, 0))
		if _, err := socket.WriteToUDPAddrPort(hello(answer[helloAt+3:], 1, 1), s.dtls); err != nil {
			t.Fatal(err)
		}
		s.counted(t, dtlsFailed, 1)
	})
	t.Run("allocation", func(t *testing.T) {
		t.Parallel() // it waits
		s := serve(t, withEcho, withLimits(Limits{Authenticate: strangers}))
		dialDTLS(t, s)
		s.link(t).wait(t)
		s.counted(t, authenticateLate, 1)
	})
	t.Run("silence", func(t *testing.T) {
		t.Parallel() // it waits
		s := serve(t, withAllocation, withLimits(Limits{Authenticate: strangers, Idle: 100 * time.Millisecond}))
		dialDTLS(t, s)
		s.link(t).wait(t)
		s.counted(t, dtlsIdle, 1)
	})
	unused := withLimits(Limits{Authenticate: strangers, Unused: 100 * time.Millisecond})
	t.Run("silence without an allocation", func(t *testing.T) {
		t.Parallel() // it waits
		s := serve(t, withTrust, unused)
		dialDTLS(t, s)
		s.link(t).wait(t)
		s.counted(t, dtlsIdle, 1)
	})
	t.Run("an allocation that ends in silence", func(t *testing.T) {
		t.Parallel() // it waits
		s := serve(t, withAllocation, unused)
		dialDTLS(t, s)
		k := s.link(t)
		select {
		case <-k.closed:
			t.Error("closed although it holds an allocation")
		case <-time.After(time.Second):
		}
		k.holds.Store(false)
		k.wait(t)
		s.counted(t, dtlsIdle, 1)
	})
}

// A-D07, A-X12: verified addresses are limited as TCP connections are, and a client
// that leaves makes room.
func TestDTLSCaps(t *testing.T) {
	s := serve(t, withEcho, withLimits(Limits{PerSource: 2}))
	first, _ := dialDTLS(t, s)
	dialDTLS(t, s)
	k := s.link(t)
	socket := udpSocket(t)
	answer := exchange(t, socket, s, hello(nil, 0, 0))
	if _, err := socket.WriteToUDPAddrPort(hello(answer[helloAt+3:], 1, 1), s.dtls); err != nil {
		t.Fatal(err)
	}
	s.counted(t, dtlsOver, 1)
	if k.client != addrPort(first.LocalAddr()) {
		k = s.link(t)
	}
	first.Close()
	k.wait(t)
	dialDTLS(t, s)
}

// The end of Run, and of a link, is told to the client.
func TestDTLSGoodbye(t *testing.T) {
	s := serve(t)
	one, _ := dialDTLS(t, s)
	k := s.link(t)
	two, _ := dialDTLS(t, s)
	s.link(t)
	k.Close()
	if _, err := one.Read(make([]byte, 1)); err == nil || timedOut(err) {
		t.Errorf("the end of the link: %v", err)
	}
	s.stop()
	if _, err := two.Read(make([]byte, 1)); err == nil || timedOut(err) {
		t.Errorf("the end of Run: %v", err)
	}
}

// A-O06: a client cannot make the library collect more handshake than any needs.
func TestHandshakeBudget(t *testing.T) {
	s := &dtlsSocket{l: &Listener{}}
	a := &association{s: s, wire: newWire(nil, s.local, nil)}
	record := make([]byte, recordHeader+1000)
	record[0], record[4], record[11], record[12] = recordHandshake, 1, 1000>>8, 1000&0xFF
	for range 100 {
		a.push(record)
	}
	if got, most := len(a.wire.in)*len(record), handshakeBudget; got > most || got < most-len(record) {
		t.Errorf("%d bytes went through", got)
	}
	if s.l.counts[dtlsHandshakeTooLong].Load() != 100-uint64(len(a.wire.in)) {
		t.Error("not counted")
	}
}
