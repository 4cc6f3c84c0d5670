package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
)

const (
	// mtu of handshake messages, in bytes: fits into any path that carries
	// video. Messages of the relay are as long as they are.
	mtu = 1200
	// replayWindow is how far records may overtake one another
	// (R-9147-4.5.1-a, RFC 9147, 4.5.1).
	replayWindow = 64
	// handshakeBudget is how many bytes a client may send during its handshake,
	// and of handshake later. The library collects fragments in up to 2 MB; a
	// client without a certificate of its own needs less than 3 KB.
	handshakeBudget = 16 << 10
)

// association is one DTLS client, its address verified.
type association struct {
	s      *dtlsSocket
	remote netip.AddrPort
	random []byte // of its ClientHello: tells a retransmission from a new one
	conn   *dtls.Conn
	// close says goodbye and ends all reading and writing. Whoever calls it
	// returns when the goodbye is out.
	close func()
	wire  *wire
	since time.Time
	leave func()
	once  sync.Once

	established atomic.Bool
	handshake   int // bytes against the budget; of the goroutine that reads the socket
}

// newAssociation lets the library believe that it sent the HelloVerifyRequest:
// the ClientHello is put before it a first time without the cookie, wire keeps
// its answer to itself and replaces the cookie in it, and then it is put before
// it as it came.
func newAssociation(s *dtlsSocket, from netip.AddrPort, h *clientHello, leave func()) (*association, error) {
	a := &association{
		s: s, remote: from, random: bytes.Clone(h.random), since: time.Now(),
		wire: newWire(s.socket, from, bytes.Clone(h.cookie)),
	}
	a.leave = leave
	conn, err := dtls.ServerWithOptions(a.wire, net.UDPAddrFromAddrPort(from), a.options()...)
	if err != nil {
		return nil, err
	}
	a.conn = conn
	a.close = sync.OnceFunc(func() { conn.Close() })
	a.wire.cookieField = cookieField(conn)
	a.wire.put(h.withoutCookie())
	a.push(h.record)
	return a, nil
}

// options is how this server speaks DTLS.
//
// R-9325-3.1-a, R-9325-4-a (RFC 9325, 3.1 and 4.2): DTLS 1.2, which is what the
// library has, with ephemeral keys and authenticated encryption.
// R-7443-1-a (RFC 7443, 1): the same names as over TLS.
// R-6347-D-b (RFC 5288, 3): the nonces of GCM are counters, in the library from
// version 3.1.0 on.
func (a *association) options() []dtls.ServerOption {
	return []dtls.ServerOption{
		dtls.WithGetCertificate(a.certificate),
		dtls.WithCipherSuites(a.s.l.dtlsSuites()...),
		dtls.WithSupportedProtocols(alpnTURN, alpnSTUN),
		dtls.WithMTU(mtu),
		dtls.WithReplayProtectionWindow(replayWindow),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	}
}

// certificate is called before the handshake becomes expensive (A-X11); wire
// leaves the gate when the answer is out.
func (a *association) certificate(hello *dtls.ClientHelloInfo) (*tls.Certificate, error) {
	ctx, cancel := context.WithDeadline(context.Background(), a.since.Add(a.s.l.limits.Handshake))
	defer cancel()
	if err := a.wire.pass.enter(ctx, a.s.l.gate); err != nil {
		return nil, err
	}
	return a.s.certificates.forDTLS(hello)
}

// dtlsSuites are the cipher suites that are offered, whose numbers are those of
// TLS 1.2.
func (l *Listener) dtlsSuites() []dtls.CipherSuiteID {
	ids := make([]dtls.CipherSuiteID, len(l.suites))
	for i, id := range l.suites {
		ids[i] = dtls.CipherSuiteID(id)
	}
	return ids
}

// push hands the library the records of a datagram that may concern it. It is
// called by the goroutine that reads the socket.
//
// R-9147-4.5.2-a (RFC 9147, 4.5.2): after the handshake nothing in plaintext is
// for this association; the library would answer some of it with a fatal alert,
// which anybody could provoke.
func (a *association) push(b []byte) {
	kept := make([]byte, 0, len(b))
	for len(b) >= recordHeader {
		size := recordHeader + int(binary.BigEndian.Uint16(b[11:]))
		if size > len(b) {
			break
		}
		if a.wants(b[:size]) {
			kept = append(kept, b[:size]...)
		}
		b = b[size:]
	}
	if len(kept) > 0 && !a.wire.put(kept) {
		a.s.l.counts.add(dtlsQueueFull)
	}
}

// wants judges one record. What the library would collect counts against the
// budget: fragments, and what comes before it knows the keys, such as the first
// message of a client that has overtaken the end of its handshake.
func (a *association) wants(record []byte) bool {
	established := a.established.Load()
	if established && epoch(record) == 0 {
		a.s.l.counts.add(dtlsEpoch)
		return false
	}
	if !established || record[0] == recordHandshake {
		if a.handshake += len(record); a.handshake > handshakeBudget {
			a.s.l.counts.add(dtlsHandshakeTooLong)
			return false
		}
	}
	return true
}

// end closes the association; its goroutines follow. It may be called again.
func (a *association) end() {
	a.once.Do(func() {
		a.s.forget(a)
		a.wire.Close()
		a.leave()
	})
}

// run shakes hands and then carries messages until either side ends it.
func (a *association) run(ctx context.Context) {
	defer a.end()
	defer a.close()
	stop := context.AfterFunc(ctx, a.close)
	defer stop()
	l := a.s.l
	shake, cancel := context.WithDeadline(ctx, a.since.Add(l.limits.Handshake))
	defer cancel()
	err := a.conn.HandshakeContext(shake)
	a.wire.pass.leave()
	if err != nil {
		l.counts.add(dtlsFailed)
		return
	}
	a.established.Store(true)
	l.counts.add(dtlsEstablished)
	defer l.note(a.remote, a.s.local, dtlsEncryption(a.conn))()
	k, err := l.open(overDTLS, a.remote, a.s.local)
	if err != nil {
		l.counts.add(relayBusy)
		return
	}
	written := make(chan struct{})
	a.s.running.Go(func() {
		defer close(written)
		a.write(k)
	})
	a.read(k)
	k.Close()
	<-written
}

// read delivers what the client sends. One record is one message (RFC 7350, 3).
func (a *association) read(k link) {
	l := a.s.l
	heard := time.Now()
	b := make([]byte, maxDatagram)
	_ = a.conn.SetReadDeadline(a.since.Add(l.limits.Authenticate))
	for {
		n, err := a.conn.Read(b)
		switch {
		case err == nil:
			heard = time.Now()
			if k.Deliver(b[:n]) != nil {
				return
			}
		case timedOut(err):
			if !k.Authenticated() {
				l.counts.add(authenticateLate)
				return
			}
			now := time.Now()
			idle := heard.Add(l.limits.Unused)
			if k.Holds() {
				idle = heard.Add(l.limits.Idle)
			}
			if !now.Before(idle) {
				l.counts.add(dtlsIdle)
				return
			}
			// The allocation may end meanwhile, which wakes nobody here.
			_ = a.conn.SetReadDeadline(earlier(idle, now.Add(l.limits.Unused)))
		case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, dtls.ErrConnClosed):
			return
		}
		// Anything else is about one record, and the library goes on.
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// write writes what the relay has for the client.
func (a *association) write(k link) {
	var block [][]byte
	var err error
	for {
		if block, err = k.Next(block[:0]); err != nil {
			a.close()
			return
		}
		for _, msg := range block {
			if _, err := a.conn.Write(msg); err != nil {
				a.close()
				return
			}
		}
	}
}
