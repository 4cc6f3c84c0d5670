package turn

import (
	"net/netip"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// ClientOptions of a Client.
type ClientOptions struct {
	Username, Password string
	// Proto is the transport to the server: on streams nothing is sent twice
	// and ChannelData is padded.
	Proto Proto
	// NewID returns a fresh random transaction id.
	NewID func() stun.TransactionID
	// RTO is the first retransmission time-out; 500 ms if zero (RFC 8489
	// section 6.2.1). It doubles with every retransmission.
	RTO Now
}

// Client is a TURN client: what the server tests itself with, and what a doctor
// or a probe asks other servers with. It handles challenges, stale nonces and
// retransmissions; what it is asked for ends in one Result each.
type Client struct {
	o        ClientOptions
	realm    string
	nonce    []byte
	key      auth.Key
	pending  map[stun.TransactionID]*transaction
	channels map[netip.AddrPort]uint16
	numbers  map[uint16]netip.AddrPort
}

// ClientOutbox collects what a Client wants done and what it has learnt.
type ClientOutbox struct {
	Sends   [][]byte // messages for the server
	Results []Result
	Data    []PeerData
}

// Result is how a request ended.
type Result struct {
	Method   stun.Method
	TimedOut bool
	Code     int // error code of the server; 0: success
	Reason   string
	// What the server said of itself in its last answer, unproved where that was
	// a refusal: nobody signs those for a stranger.
	Realm     string
	Software  string
	Alternate netip.AddrPort // with 300: whom to ask instead
	Signed    bool           // the request carried credentials

	Mapped   netip.AddrPort // the client's address as the server sees it
	Relayed  netip.AddrPort
	Lifetime Now
	Peer     netip.AddrPort // ChannelBind
	RTT      Now            // of the last request and its answer
}

// PeerData is what a peer has sent. Data is valid as long as the packet given
// to Receive.
type PeerData struct {
	From netip.AddrPort
	Data []byte
}

// transaction is a request under way.
type transaction struct {
	method stun.Method
	fill   func(*stun.Builder)
	peer   netip.AddrPort
	number uint16
	tries  int // answers to challenges
	raw    []byte
	sent   Now
	next   Now // when to send again or give up
	wait   Now
	count  int
}

// The retransmission rules of RFC 8489 section 6.2.1: seven sends, and after
// the last a wait of 16 RTO; 6.2.2: on a stream one send and 39.5 s.
const (
	defaultRTO    = 500 * time.Millisecond
	maxSends      = 7
	lastWait      = 16
	streamTimeout = 39500 * time.Millisecond
	maxChallenges = 3
)

// NewClient returns a client that has sent nothing yet.
func NewClient(o ClientOptions) *Client {
	if o.RTO == 0 {
		o.RTO = defaultRTO
	}
	// R-8489-14.3-b (RFC 8489, 14.3): a name that cannot be prepared is sent as it
	// is, and refused by whoever is asked.
	if prepared, err := auth.OpaqueString(o.Username); err == nil {
		o.Username = prepared
	}
	return &Client{
		o:        o,
		pending:  make(map[stun.TransactionID]*transaction),
		channels: make(map[netip.AddrPort]uint16),
		numbers:  make(map[uint16]netip.AddrPort),
	}
}

// Binding asks for the client's own address.
func (c *Client) Binding(now Now, out *ClientOutbox) {
	c.begin(now, &transaction{method: stun.MethodBinding}, out)
}

// Allocate asks for a relayed transport address of a family; NoFamily leaves
// the choice to the server.
func (c *Client) Allocate(now Now, f Family, out *ClientOutbox) {
	c.begin(now, &transaction{method: stun.MethodAllocate, fill: func(b *stun.Builder) {
		b.AddTransport(protocolUDP)
		if f != NoFamily {
			b.AddFamily(stun.AttrRequestedAddressFamily, uint8(f))
		}
	}}, out)
}

// Refresh sets the lifetime of the allocation anew; 0 ends it.
func (c *Client) Refresh(now, lifetime Now, out *ClientOutbox) {
	c.begin(now, &transaction{method: stun.MethodRefresh, fill: func(b *stun.Builder) {
		b.AddUint32(stun.AttrLifetime, seconds(lifetime))
	}}, out)
}

// Permit asks for a permission for a peer.
func (c *Client) Permit(now Now, peer netip.Addr, out *ClientOutbox) {
	c.begin(now, &transaction{method: stun.MethodCreatePermission, fill: func(b *stun.Builder) {
		b.AddXORAddress(stun.AttrXORPeerAddress, netip.AddrPortFrom(peer, 0))
	}}, out)
}

// Bind binds a channel number to a peer. Once it is bound, Send uses it.
func (c *Client) Bind(now Now, number uint16, peer netip.AddrPort, out *ClientOutbox) {
	c.begin(now, &transaction{method: stun.MethodChannelBind, peer: peer, number: number, fill: func(b *stun.Builder) {
		b.AddChannelNumber(number)
		b.AddXORAddress(stun.AttrXORPeerAddress, peer)
	}}, out)
}

// Send sends data to a peer, as ChannelData where a channel is bound, else in a
// Send indication.
func (c *Client) Send(peer netip.AddrPort, data []byte, out *ClientOutbox) {
	if number, ok := c.channels[peer]; ok {
		msg := make([]byte, stun.ChannelHeaderSize, stun.ChannelHeaderSize+len(data)+Tailroom)
		stun.PutChannelHeader(msg, number, len(data))
		msg = append(msg, data...)
		if c.o.Proto.Stream() {
			msg = pad(msg, len(data))
		}
		out.Sends = append(out.Sends, msg)
		return
	}
	b := stun.NewBuilder(nil, stun.MethodSend, stun.ClassIndication, c.o.NewID())
	b.AddXORAddress(stun.AttrXORPeerAddress, peer)
	b.Add(stun.AttrData, data)
	out.Sends = append(out.Sends, b.Bytes())
}

// begin sends a new request.
func (c *Client) begin(now Now, t *transaction, out *ClientOutbox) {
	id := c.o.NewID()
	b := stun.NewBuilder(nil, t.method, stun.ClassRequest, id)
	if t.fill != nil {
		t.fill(&b)
	}
	if c.key != nil && t.method != stun.MethodBinding {
		b.AddString(stun.AttrUsername, c.o.Username)
		b.AddString(stun.AttrRealm, c.realm)
		b.Add(stun.AttrNonce, c.nonce)
		b.AddIntegrity(c.key)
	}
	t.raw, t.sent, t.count, t.wait = b.Bytes(), now, 0, c.o.RTO
	c.pending[id] = t
	c.transmit(now, t, out)
}

// transmit sends a request once more and sets the time for the next.
func (c *Client) transmit(now Now, t *transaction, out *ClientOutbox) {
	out.Sends = append(out.Sends, t.raw)
	t.count++
	switch {
	case c.o.Proto.Stream():
		t.count, t.next = maxSends, now+streamTimeout
	case t.count == maxSends:
		t.next = now + lastWait*c.o.RTO
	default:
		t.next = now + t.wait
		t.wait *= 2
	}
}

// Deadline returns when Expire has work, or Never.
func (c *Client) Deadline() Now {
	d := Never
	for _, t := range c.pending {
		d = min(d, t.next)
	}
	return d
}

// Expire retransmits and gives up what is due.
func (c *Client) Expire(now Now, out *ClientOutbox) {
	for id, t := range c.pending {
		switch {
		case t.next > now:
		case t.count < maxSends:
			c.transmit(now, t, out)
		default:
			delete(c.pending, id)
			out.Results = append(out.Results, Result{Method: t.method, Peer: t.peer, TimedOut: true})
		}
	}
}

// Receive takes a packet from the server. What is not for this client is
// ignored.
func (c *Client) Receive(now Now, pkt []byte, out *ClientOutbox) {
	if number, data, err := stun.ParseChannelData(pkt); err == nil {
		if peer, ok := c.numbers[number]; ok {
			out.Data = append(out.Data, PeerData{From: peer, Data: data})
		}
		return
	}
	m, err := stun.Parse(pkt)
	if err != nil {
		return
	}
	if m.Method == stun.MethodData && m.Class == stun.ClassIndication {
		peer, err := m.XORAddress(stun.AttrXORPeerAddress)
		if data, ok := m.Get(stun.AttrData); err == nil && ok {
			out.Data = append(out.Data, PeerData{From: peer, Data: data})
		}
		return
	}
	if t := c.pending[m.ID]; t != nil && t.method == m.Method {
		c.answer(now, t, &m, out)
	}
}

// answer takes the response to a request.
func (c *Client) answer(now Now, t *transaction, m *stun.Message, out *ClientOutbox) {
	res := Result{Method: t.method, Peer: t.peer, RTT: now - t.sent}
	res.Signed = c.key != nil && t.method != stun.MethodBinding
	software, _ := m.Get(stun.AttrSoftware)
	res.Software = string(software)
	switch m.Class {
	case stun.ClassError:
		code, reason, err := m.ErrorCode()
		if err != nil {
			return
		}
		if c.challenged(code, t, m) {
			delete(c.pending, m.ID)
			c.begin(now, t, out)
			return
		}
		res.Code, res.Reason, res.Realm = code, reason, c.realm
		if realm, ok := m.Get(stun.AttrRealm); ok {
			res.Realm = string(realm)
		}
		res.Alternate, _ = m.Address(stun.AttrAlternateServer)
	case stun.ClassSuccess:
		// An answer to a signed request that is not signed with our key is
		// somebody else's (RFC 8489 section 9.2.5).
		if t.method != stun.MethodBinding && c.key != nil && !m.CheckIntegrity(c.key) {
			return
		}
		res.Realm = c.realm
		c.succeeded(t, m, &res)
	default:
		return
	}
	delete(c.pending, m.ID)
	out.Results = append(out.Results, res)
}

// challenged learns realm and nonce from a 401 or 438 and says whether to try
// again. A 401 to a request that was signed for that realm is final.
func (c *Client) challenged(code int, t *transaction, m *stun.Message) bool {
	realm, okR := m.Get(stun.AttrRealm)
	nonce, okN := m.Get(stun.AttrNonce)
	if code != 401 && code != 438 || !okR || !okN || t.tries >= maxChallenges || c.o.Username == "" {
		return false
	}
	if code == 401 && c.key != nil && c.realm == string(realm) {
		return false
	}
	key, err := auth.LongTermKey(c.o.Username, string(realm), c.o.Password)
	if err != nil {
		return false
	}
	t.tries++
	c.realm, c.nonce, c.key = string(realm), append([]byte(nil), nonce...), key
	return true
}

// succeeded reads what a success response says.
func (c *Client) succeeded(t *transaction, m *stun.Message, res *Result) {
	res.Mapped, _ = m.XORAddress(stun.AttrXORMappedAddress)
	res.Relayed, _ = m.XORAddress(stun.AttrXORRelayedAddress)
	if v, err := m.Uint32(stun.AttrLifetime); err == nil {
		res.Lifetime = Now(v) * time.Second
	}
	if t.method == stun.MethodChannelBind {
		c.channels[t.peer], c.numbers[t.number] = t.number, t.peer
	}
}
