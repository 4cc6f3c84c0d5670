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
func (t *testKeys) Known(now time.Time, realm, username string) ([]auth.Key, bool) {
	if username == t.name && !t.over.Load() {
		return []auth.Key{t.key}, true
	}
	return t.Keys.Known(now, realm, username)
}

// selfTest does once what a client does: it allocates, sends a datagram to its
// own relayed address, and wants it back. The error says in one line what did
// not work.
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
	if s.cfg.STUNOnly {
		_, err = t.request("Binding", t.client.Binding)
	} else {
		err = t.relay(s.testFamily())
	}
	if err != nil {
		return fmt.Errorf("through %v %v: %w", proto, at, err)
	}
	return nil
}

// testFamily is one that there is a relay address of.
func (s *Server) testFamily() turn.Family { return turn.FamilyOf(seen(s.place.relays[0])) }

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

// relay allocates, sends to the relayed address itself, and lets it go.
func (t *tester) relay(f turn.Family) error {
	res, err := t.request("Allocate", func(now turn.Now, out *turn.ClientOutbox) { t.client.Allocate(now, f, out) })
	if err != nil {
		return err
	}
	relayed := res.Relayed
	_, err = t.request("CreatePermission", func(now turn.Now, out *turn.ClientOutbox) { t.client.Permit(now, relayed.Addr(), out) })
	if err != nil {
		return err
	}
	if err := t.echo(relayed); err != nil {
		return err
	}
	_, err = t.request("Refresh", func(now turn.Now, out *turn.ClientOutbox) { t.client.Refresh(now, 0, out) })
	return err
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

// echo sends a datagram to the relayed address until it comes back from there;
// datagrams may be lost, even here, while the machine is busy.
func (t *tester) echo(relayed netip.AddrPort) error {
	data := random(16)
	for range 3 {
		t.client.Send(relayed, data, &t.out)
		wait := time.Now().Add(time.Second)
		for time.Now().Before(wait) && time.Now().Before(t.until) {
			if err := t.exchange(wait); err != nil && !errors.Is(err, errSilence) {
				return err
			}
			for _, d := range t.out.Data {
				if d.From == relayed && bytes.Equal(d.Data, data) {
					return nil
				}
			}
			t.out.Data = nil
		}
	}
	return fmt.Errorf("a datagram to the relayed address %v did not come back", relayed)
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
	for _, b := range t.out.Sends {
		if _, err := t.conn.Write(b); err != nil {
			return err
		}
	}
	t.out.Sends = nil
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
