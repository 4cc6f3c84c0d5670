package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

const (
	testRealm    = "example.org"
	testPassword = "open sesame"
)

// wire carries the datagrams or framed messages of one test client or peer.
type wire interface {
	send(to netip.AddrPort, b []byte)
	// recv returns the next one, or false when nothing comes.
	recv() (from netip.AddrPort, b []byte, ok bool)
	addr() netip.AddrPort
}

// udpWire is a real socket.
type udpWire struct {
	t    testing.TB
	conn *net.UDPConn
	buf  []byte
}

func newUDPWire(t testing.TB, ip string) *udpWire {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &udpWire{t: t, conn: c, buf: make([]byte, 65536)}
}

func (u *udpWire) send(to netip.AddrPort, b []byte) {
	if _, err := u.conn.WriteToUDPAddrPort(b, to); err != nil {
		u.t.Error(err)
	}
}

func (u *udpWire) recv() (netip.AddrPort, []byte, bool) {
	if err := u.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		u.t.Error(err)
	}
	n, from, err := u.conn.ReadFromUDPAddrPort(u.buf)
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), u.buf[:n], err == nil
}

func (u *udpWire) addr() netip.AddrPort { return u.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// client is a TURN client, as simple as can be: one request at a time.
type client struct {
	wire
	t      testing.TB
	server netip.AddrPort
	user   string
	key    auth.Key
	nonce  []byte
	next   uint64
}

func newClient(t testing.TB, w wire, server netip.AddrPort, user string) *client {
	t.Helper()
	return &client{wire: w, t: t, server: server, user: user, key: testKey(t, user)}
}

// testKey is the key that every test user has.
func testKey(t testing.TB, user string) auth.Key {
	t.Helper()
	k, err := auth.LongTermKey(user, testRealm, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// post sends a request without waiting for the answer.
func (c *client) post(method stun.Method, add func(*stun.Builder)) stun.TransactionID {
	c.next++
	var id stun.TransactionID
	binary.BigEndian.PutUint64(id[:], c.next)
	b := stun.NewBuilder(nil, method, stun.ClassRequest, id)
	if add != nil {
		add(&b)
	}
	if c.nonce != nil {
		b.AddString(stun.AttrUsername, c.user)
		b.AddString(stun.AttrRealm, testRealm)
		b.Add(stun.AttrNonce, c.nonce)
		b.AddIntegrity(c.key)
	}
	c.send(c.server, b.Bytes())
	return id
}

// response waits for the answer to a request; other packets are passed over.
func (c *client) response(id stun.TransactionID) stun.Message {
	c.t.Helper()
	for {
		_, b, ok := c.recv()
		if !ok {
			c.t.Fatalf("%s: no answer", c.user)
		}
		if m, err := stun.Parse(b); err == nil && m.ID == id {
			return m.Clone()
		}
	}
}

// request sends a request, answers the challenge, and returns the response.
func (c *client) request(method stun.Method, add func(*stun.Builder)) stun.Message {
	c.t.Helper()
	for range 2 {
		m := c.response(c.post(method, add))
		code, _, err := m.ErrorCode()
		if err != nil || code != 401 && code != 438 {
			return m
		}
		nonce, _ := m.Get(stun.AttrNonce)
		c.nonce = nonce
	}
	c.t.Fatalf("%s: challenged twice", c.user)
	return stun.Message{}
}

// must fails the test unless the response is a success.
func (c *client) must(m stun.Message) stun.Message {
	c.t.Helper()
	if code, _, err := m.ErrorCode(); m.Class != stun.ClassSuccess {
		c.t.Fatalf("%s: %s refused with %d, %v", c.user, m.Method, code, err)
	}
	return m
}

// mustRefuse fails the test unless the response is an error with that code.
func (c *client) mustRefuse(m stun.Message, code int) {
	c.t.Helper()
	if got, _, err := m.ErrorCode(); err != nil || got != code {
		c.t.Fatalf("%s: %s answered with %d, %v; want %d", c.user, m.Method, got, err, code)
	}
}

func udpTransport(b *stun.Builder) { b.AddTransport(17) }

// tryAllocate sends an Allocate request for UDP, with whatever else.
func (c *client) tryAllocate(add ...func(*stun.Builder)) stun.Message {
	c.t.Helper()
	return c.request(stun.MethodAllocate, func(b *stun.Builder) {
		udpTransport(b)
		for _, f := range add {
			f(b)
		}
	})
}

// allocate returns the relayed address.
func (c *client) allocate(add ...func(*stun.Builder)) netip.AddrPort {
	c.t.Helper()
	m := c.must(c.tryAllocate(add...))
	a, err := m.XORAddress(stun.AttrXORRelayedAddress)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *client) permit(peer netip.AddrPort) {
	c.t.Helper()
	c.must(c.request(stun.MethodCreatePermission, func(b *stun.Builder) {
		b.AddXORAddress(stun.AttrXORPeerAddress, peer)
	}))
}

func (c *client) bind(number uint16, peer netip.AddrPort) {
	c.t.Helper()
	c.must(c.request(stun.MethodChannelBind, func(b *stun.Builder) {
		b.AddChannelNumber(number)
		b.AddXORAddress(stun.AttrXORPeerAddress, peer)
	}))
}

// refresh sets the lifetime in seconds; 0 ends the allocation.
func (c *client) refresh(seconds uint32) stun.Message {
	c.t.Helper()
	return c.request(stun.MethodRefresh, func(b *stun.Builder) { b.AddUint32(stun.AttrLifetime, seconds) })
}

func (c *client) sendChannel(number uint16, data string) {
	c.send(c.server, channelData(number, data))
}

// channelData frames data without padding, as UDP has it.
func channelData(number uint16, data string) []byte {
	b := make([]byte, stun.ChannelHeaderSize, stun.ChannelHeaderSize+len(data))
	stun.PutChannelHeader(b, number, len(data))
	return append(b, data...)
}

// expectChannel waits for data on a channel.
func (c *client) expectChannel(number uint16, want string) {
	c.t.Helper()
	_, b, ok := c.recv()
	n, data, err := stun.ParseChannelData(b)
	if !ok || err != nil || n != number || string(data) != want {
		c.t.Fatalf("%s: got channel %#x %q (%v, %v), want %#x %q", c.user, n, data, ok, err, number, want)
	}
}

func (c *client) sendIndication(peer netip.AddrPort, data string) {
	b := stun.NewBuilder(nil, stun.MethodSend, stun.ClassIndication, stun.TransactionID{})
	b.AddXORAddress(stun.AttrXORPeerAddress, peer)
	b.AddString(stun.AttrData, data)
	c.send(c.server, b.Bytes())
}

// expectData waits for a Data indication.
func (c *client) expectData(peer netip.AddrPort, want string) {
	c.t.Helper()
	_, b, ok := c.recv()
	m, err := stun.Parse(b)
	if !ok || err != nil || m.Method != stun.MethodData {
		c.t.Fatalf("%s: got %x (%v, %v), want a Data indication", c.user, b, ok, err)
	}
	data, _ := m.Get(stun.AttrData)
	from, err := m.XORAddress(stun.AttrXORPeerAddress)
	if err != nil || from != peer || string(data) != want {
		c.t.Fatalf("%s: %q from %s, %v; want %q from %s", c.user, data, from, err, want, peer)
	}
}

// expectDatagram waits for a packet at a peer.
func expectDatagram(t testing.TB, w wire, from netip.AddrPort, want string) {
	t.Helper()
	got, b, ok := w.recv()
	if !ok || got != from || string(b) != want {
		t.Fatalf("got %q from %s (%v), want %q from %s", b, got, ok, want, from)
	}
}
