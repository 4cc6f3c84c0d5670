package load

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// udpProtocol is the REQUESTED-TRANSPORT value of a UDP relay: protocol 17 and
// three reserved bytes (RFC 8656, 18.7).
const udpProtocol = 17 << 24

// Values of REQUESTED-ADDRESS-FAMILY (RFC 8656, 18.9).
const familyIPv6 = 2 << 24

// A step is what a session asks the server for next.
type step uint8

const (
	challenge step = iota // Allocate without credentials, refused with realm and nonce
	allocate              // Allocate with credentials
	bind                  // ChannelBind to the peer, which is a permission as well
	ready                 // relays
	release               // Refresh with lifetime 0
	gone                  // released, or failed
)

// identity is who all clients of a run are. The key is made once for each realm,
// since the digest would otherwise be the generator's own cost.
type identity struct {
	username string
	password string
	realm    string
	key      auth.Key
}

// newIdentity returns the user of the options; with a secret, credentials that
// outlive the run.
func newIdentity(o Options, now time.Time) identity {
	if o.Secret == "" {
		return identity{username: o.Username, password: o.Password}
	}
	user, password := auth.REST{Separator: ':'}.Mint(o.Secret, o.Username, now.Add(time.Hour))
	return identity{username: user, password: password}
}

// in makes the key for a realm.
func (u *identity) in(realm string) error {
	if u.key != nil && u.realm == realm {
		return nil
	}
	key, err := auth.LongTermKey(u.username, realm, u.password)
	if err != nil {
		return fmt.Errorf("load: key of user %q: %w", u.username, err)
	}
	u.realm, u.key = realm, key
	return nil
}

// A session is the life of one client's allocation.
type session struct {
	client  int
	step    step
	failed  error              // why it will never be ready
	id      stun.TransactionID // of the request on its way
	nonce   []byte
	relayed netip.AddrPort
	channel uint16

	tries    int           // transmissions of the request on its way
	deadline time.Duration // when to send it again
	renewed  bool          // the nonce was replaced once for this request
}

// request builds the request of the session's step into buf.
func (s *session) request(buf []byte, u *identity, peer netip.AddrPort) []byte {
	method := stun.MethodAllocate
	switch s.step {
	case bind:
		method = stun.MethodChannelBind
	case release:
		method = stun.MethodRefresh
	default:
	}
	b := stun.NewBuilder(buf[:0], method, stun.ClassRequest, s.id)
	switch s.step {
	case bind:
		b.AddUint32(stun.AttrChannelNumber, uint32(s.channel)<<16)
		b.AddXORAddress(stun.AttrXORPeerAddress, peer)
	case release:
		b.AddUint32(stun.AttrLifetime, 0)
	default:
		b.AddUint32(stun.AttrRequestedTransport, udpProtocol)
		if peer.Addr().Is6() {
			b.AddUint32(stun.AttrRequestedAddressFamily, familyIPv6)
		}
	}
	if s.step != challenge {
		b.AddString(stun.AttrUsername, u.username)
		b.AddString(stun.AttrRealm, u.realm)
		b.Add(stun.AttrNonce, s.nonce)
		b.AddIntegrity(u.key)
	}
	return b.Bytes()
}

// fresh gives the next request a transaction id of its own.
func (s *session) fresh() {
	_, _ = rand.Read(s.id[:]) // never fails: the runtime ends the program instead
	s.tries = 0
}

// handle takes a response and reports whether the session has moved on: it is
// ready, gone, or has another request to send.
func (s *session) handle(msg []byte, u *identity) bool {
	m, err := stun.Parse(msg)
	if err != nil || m.ID != s.id || s.step == ready || s.step == gone {
		return false // ChannelData of an earlier run, or an answer to a retransmission
	}
	switch m.Class {
	case stun.ClassSuccess:
		s.accept(&m)
	case stun.ClassError:
		s.refuse(&m, u)
	default:
		return false
	}
	s.fresh()
	return true
}

// accept moves on after a success.
func (s *session) accept(m *stun.Message) {
	s.renewed = false
	switch s.step {
	case allocate:
		relayed, err := m.XORAddress(stun.AttrXORRelayedAddress)
		if err != nil {
			s.fail(fmt.Errorf("load: the server granted no relayed address: %w", err))
			return
		}
		s.relayed, s.step = relayed, bind
	case bind:
		s.step = ready
	case release:
		s.step = gone
	default:
		s.fail(errors.New("load: the server gives allocations without credentials"))
	}
}

// refuse moves on after an error: with the challenge, once with a new nonce, or
// not at all.
func (s *session) refuse(m *stun.Message, u *identity) {
	code, reason, err := m.ErrorCode()
	if err != nil {
		s.fail(fmt.Errorf("load: an error response without a code: %w", err))
		return
	}
	asked := code == 401 && s.step == challenge
	stale := code == 438 && !s.renewed
	if !asked && !stale {
		s.fail(fmt.Errorf("load: %s refused: %d %s", s.step, code, reason))
		return
	}
	realm, ok := m.Get(stun.AttrRealm)
	nonce, nonceOK := m.Get(stun.AttrNonce)
	if !ok || !nonceOK {
		s.fail(fmt.Errorf("load: %s: the challenge has no realm or no nonce", s.step))
		return
	}
	if err := u.in(string(realm)); err != nil {
		s.fail(err)
		return
	}
	s.nonce = append(s.nonce[:0], nonce...)
	s.renewed = stale
	if asked {
		s.step = allocate
	}
}

// fail ends the session with a reason.
func (s *session) fail(err error) { s.failed, s.step = err, gone }

// String names the step as an operator knows it.
func (s step) String() string {
	switch s {
	case challenge, allocate:
		return "Allocate"
	case bind:
		return "ChannelBind"
	case release:
		return "Refresh"
	case ready:
		return "ready"
	default:
		return "gone"
	}
}
