package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/relay"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// selfTestTime bounds the test of the own relay at the start.
const selfTestTime = 5 * time.Second

// testKeys lets one account in that exists only while the server tests itself.
// It is known to nobody, so the test needs no password of the operator's and
// works whatever database there is.
type testKeys struct {
	relay.Keys
	name, password string
	key            auth.Key
	over           atomic.Bool
}

func newTestKeys(k relay.Keys, realm string) (*testKeys, error) {
	t := &testKeys{Keys: k, name: "self-test-" + hex.EncodeToString(random(4)), password: NewPassword()}
	key, err := auth.LongTermKey(t.name, realm, t.password)
	if err != nil {
		return nil, fmt.Errorf("realm %q cannot be used: %w", realm, err)
	}
	t.key = key
	return t, nil
}

// Known implements relay.Keys.
func (t *testKeys) Known(now time.Time, realm, username string) (auth.Candidates, bool) {
	if username == t.name && !t.over.Load() {
		return auth.Candidates{Keys: []auth.Key{t.key}}, true
	}
	return t.Keys.Known(now, realm, username)
}

// selfTest does once what a client does: it allocates, relays a datagram to its
// own relayed address, then one in by the relayed port and one out, and wants all
// of them. The error says in one line what did not work.
//
// It is this machine's word alone: what a firewall lets pass between the own
// addresses and drops from elsewhere, or a cloud's firewall, shows from outside
// only.
func (s *Server) selfTest(ctx context.Context) error {
	// Whatever becomes of the test, its account ends with it.
	defer s.keys.over.Store(true)
	ctx, cancel := context.WithTimeout(ctx, selfTestTime)
	defer cancel()
	conn, proto, at, err := s.dialSelf(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	t := &tester{
		conn: conn, in: bufio.NewReader(conn), proto: proto, start: time.Now(), until: deadline,
		client: turn.NewClient(turn.ClientOptions{
			Username: s.keys.name, Password: s.keys.password, Proto: proto, NewID: newTransactionID,
		}),
	}
	if s.cfg().STUNOnly {
		_, err = t.request("Binding", t.client.Binding)
	} else {
		err = s.testRelay(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("through %v %v: %w", proto, at, err)
	}
	return nil
}

// noteTest remembers what the test has found.
func (s *Server) noteTest(err error) {
	if err == nil {
		s.tested.Store(partOK)
		return
	}
	s.life.untested.Store(new(singleLine(err)))
	s.tested.Store(partFailed)
}

// testFamily is one that there is a relay address of.
func (s *Server) testFamily() turn.Family { return turn.FamilyOf(seen(s.place().relays[0])) }

func newTransactionID() (id stun.TransactionID) {
	rand.Read(id[:])
	return id
}

// dialSelf connects to the first address of the first transport that is on.
func (s *Server) dialSelf(ctx context.Context) (net.Conn, turn.Proto, netip.AddrPort, error) {
	a := s.Addrs()
	var d net.Dialer
	var conn net.Conn
	var err error
	switch {
	case len(a.UDP) > 0:
		conn, err = d.DialContext(ctx, "udp", a.UDP[0].String())
		return conn, turn.UDP, a.UDP[0], err
	case len(a.TCP) > 0:
		conn, err = d.DialContext(ctx, "tcp", a.TCP[0].String())
		return conn, turn.TCP, a.TCP[0], err
	case len(a.TLS) > 0:
		// Whether the certificate is one that clients trust is another question
		// than whether the relay works.
		td := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		conn, err = td.DialContext(ctx, "tcp", a.TLS[0].String())
		return conn, turn.TLS, a.TLS[0], err
	}
	return nil, 0, netip.AddrPort{}, errors.New("there is neither UDP, TCP nor TLS to test")
}

// tester runs a turn.Client over one connection.
type tester struct {
	conn   net.Conn
	in     *bufio.Reader
	proto  turn.Proto
	client *turn.Client
	out    turn.ClientOutbox
	start  time.Time
	until  time.Time
	packet []byte
}

// testRelay allocates, relays inside the server and by the relayed port's own
// socket, and lets the allocation go.
func (s *Server) testRelay(ctx context.Context, t *tester) error {
	f := s.testFamily()
	res, err := t.request("Allocate", func(now turn.Now, out *turn.ClientOutbox) { t.client.Allocate(now, f, out) })
	if err != nil && res.Code == 508 {
		return fmt.Errorf("%w: none of the relayed ports %d-%d could be opened; min-port and max-port choose others", err, s.cfg().MinPort, s.cfg().MaxPort)
	}
	if err != nil {
		return err
	}
	err = t.permit(res.Relayed.Addr())
	if err == nil {
		err = t.echo(res.Relayed)
	}
	if err == nil {
		err = s.cross(ctx, t, res.Relayed)
	}
	// Whatever was found, the port is given back.
	_, ended := t.request("Refresh", func(now turn.Now, out *turn.ClientOutbox) { t.client.Refresh(now, 0, out) })
	if err == nil {
		err = ended
	}
	return err
}

// cross relays a datagram in from a socket of this machine by the relayed port,
// and one out the same way. In comes first: a firewall that lets in what it was
// asked for, and the relayed ports, then lets out the answer.
func (s *Server) cross(ctx context.Context, t *tester, relayed netip.AddrPort) error {
	own := netip.AddrPortFrom(s.place().bound(relayed.Addr()), relayed.Port())
	if err := t.permit(own.Addr()); err != nil {
		return err
	}
	p, err := openTestPeer(ctx, own)
	if err != nil {
		return fmt.Errorf("no UDP socket for a peer: %w", err)
	}
	defer p.Close()
	// Its own address is no peer that a packet may leave for, except here.
	defer s.relay.Exempt(relayed, p.at)()
	ports := fmt.Sprintf("%d-%d", s.cfg().MinPort, s.cfg().MaxPort)
	if err := t.inward(p); err != nil {
		return fmt.Errorf("a datagram to the relayed port %v did not arrive: let UDP to the ports %s through the firewall of this machine (%w)", own, ports, err)
	}
	if err := t.outward(p); err != nil {
		return fmt.Errorf("a datagram from the relayed port %v did not arrive at %v: let UDP from the ports %s through the firewall of this machine (%w)", own, p.at, ports, err)
	}
	return nil
}

// request sends one request and waits for its end.
func (t *tester) request(name string, begin func(turn.Now, *turn.ClientOutbox)) (turn.Result, error) {
	begin(time.Since(t.start), &t.out)
	for len(t.out.Results) == 0 {
		if err := t.step(); err != nil {
			return turn.Result{}, fmt.Errorf("no answer to %s: %w", name, err)
		}
	}
	res := t.out.Results[0]
	t.out.Results = nil
	switch {
	case res.TimedOut:
		return res, fmt.Errorf("no answer to %s", name)
	case res.Code != 0:
		return res, fmt.Errorf("%s was refused with %d %s", name, res.Code, res.Reason)
	}
	return res, nil
}

// permit makes a permission for an address.
func (t *tester) permit(peer netip.Addr) error {
	_, err := t.request("CreatePermission", func(now turn.Now, out *turn.ClientOutbox) { t.client.Permit(now, peer, out) })
	return err
}

// echo sends a datagram to the relayed address, from where it comes back.
func (t *tester) echo(relayed netip.AddrPort) error {
	data := random(16)
	err := t.await(relayed, data, func() error {
		t.client.Send(relayed, data, &t.out)
		return nil
	})
	if err != nil {
		return fmt.Errorf("a datagram to the relayed address %v did not come back: %w", relayed, err)
	}
	return nil
}

// testTries is how often a datagram is sent that does not arrive within a
// testWait: it may be lost, even here, while the machine is busy. Two steps of the
// test that fail are over before selfTestTime is.
const (
	testTries = 3
	testWait  = 500 * time.Millisecond
)

// await sends a datagram until the server relays it to the client.
func (t *tester) await(from netip.AddrPort, data []byte, send func() error) error {
	for range testTries {
		if err := send(); err != nil {
			return err
		}
		wait := time.Now().Add(testWait)
		for time.Now().Before(wait) && time.Now().Before(t.until) {
			if err := t.exchange(wait); err != nil && !errors.Is(err, errSilence) {
				return err
			}
			for _, d := range t.out.Data {
				if d.From == from && bytes.Equal(d.Data, data) {
					return nil
				}
			}
			t.out.Data = nil
		}
	}
	return errSilence
}

// maxAnswer is longer than any answer of ours, in bytes.
const maxAnswer = 2048

// errSilence says that nothing came in time.
var errSilence = errors.New("nothing came in time")

// step sends what is due and takes one packet, or lets time pass.
func (t *tester) step() error {
	if !time.Now().Before(t.until) {
		return errSilence
	}
	wait := t.start.Add(t.client.Deadline())
	err := t.exchange(wait)
	if errors.Is(err, errSilence) {
		t.client.Expire(time.Since(t.start), &t.out)
		return nil
	}
	return err
}

// exchange sends what is due and takes one packet before the given time.
func (t *tester) exchange(wait time.Time) error {
	if err := t.flush(); err != nil {
		return err
	}
	if wait.After(t.until) {
		wait = t.until
	}
	if err := t.conn.SetReadDeadline(wait); err != nil {
		return err
	}
	packet, err := t.read()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errSilence
	}
	if err != nil {
		return err
	}
	t.client.Receive(time.Since(t.start), packet, &t.out)
	return nil
}

// flush sends what is due.
func (t *tester) flush() error {
	for _, b := range t.out.Sends {
		if _, err := t.conn.Write(b); err != nil {
			return err
		}
	}
	t.out.Sends = nil
	return nil
}

// read returns the next message, valid until the next call.
func (t *tester) read() ([]byte, error) {
	if t.packet == nil {
		t.packet = make([]byte, maxAnswer)
	}
	if !t.proto.Stream() {
		n, err := t.conn.Read(t.packet)
		return t.packet[:n], err
	}
	head, err := t.in.Peek(4)
	if err != nil {
		return nil, err
	}
	size, err := stun.FrameSize(head)
	if err != nil || size > len(t.packet) {
		return nil, errors.New("the answer is no STUN message")
	}
	_, err = io.ReadFull(t.in, t.packet[:size])
	return t.packet[:size], err
}
