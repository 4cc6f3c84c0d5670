package turn

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// build makes a message from the words of a script: a method, then attributes
// and flags. A request is signed as user u with a fresh nonce unless the flags
// say otherwise.
func (w *world) build(from FiveTuple, method string, args []string) []byte {
	m := map[string]stun.Method{
		"binding": stun.MethodBinding, "allocate": stun.MethodAllocate, "refresh": stun.MethodRefresh,
		"permit": stun.MethodCreatePermission, "bind": stun.MethodChannelBind, "send": stun.MethodSend,
		"data": stun.MethodData, "connect": stun.MethodConnect,
	}[strings.TrimLeft(method, "-+!")]
	class := map[byte]stun.Class{'-': stun.ClassIndication, '+': stun.ClassSuccess, '!': stun.ClassError}[method[0]]
	if m == stun.MethodSend && class == 0 {
		class = stun.ClassIndication
	}
	opt := newSignature(args)
	b := stun.NewBuilder(nil, m, class, w.transactionID(opt.id))
	var after []string
	for _, a := range args {
		if rest, ok := strings.CutPrefix(a, "after:"); ok {
			after = append(after, rest)
			continue
		}
		w.attribute(&b, a)
	}
	if m != stun.MethodBinding && class == stun.ClassRequest || opt.force {
		w.sign(&b, from, opt)
	}
	for _, a := range after {
		w.attribute(&b, a)
	}
	for _, a := range args {
		if a == "fingerprint" || a == "bad-fingerprint" {
			b.AddFingerprint()
		}
	}
	msg := b.Bytes()
	for _, a := range args {
		if a == "bad-fingerprint" {
			msg[len(msg)-1] ^= 1
		}
	}
	return msg
}

// signature is how a request of a script is authenticated.
type signature struct {
	user, password, realm, nonce, id string
	none, bad, force                 bool
	leave                            string // an attribute that is left out
}

func newSignature(args []string) signature {
	o := signature{user: "u", realm: testRealm}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		switch k {
		case "user":
			o.user = v
		case "password":
			o.password = v
		case "realm":
			o.realm = v
		case "nonce":
			o.nonce = v
		case "id":
			o.id = v
		case "without":
			o.leave = v
		case "unsigned":
			o.none = true
		case "bad":
			o.bad = true
		case "signed":
			o.force = true
		}
	}
	return o
}

func (w *world) transactionID(id string) (t stun.TransactionID) {
	if id == "" {
		w.ids++
		id = fmt.Sprintf("auto-%d", w.ids)
	}
	copy(t[:], id)
	return t
}

func (w *world) sign(b *stun.Builder, from FiveTuple, o signature) {
	if o.none {
		return
	}
	if o.leave != "username" {
		b.AddString(stun.AttrUsername, o.user)
	}
	if o.leave != "realm" {
		b.AddString(stun.AttrRealm, o.realm)
	}
	when, nonce := w.s.wall(w.now), []byte(nil)
	switch {
	case o.nonce == "foreign":
		nonce = []byte("obMatJos2AAAAnot-minted-here")
	case o.nonce == "stale":
		nonce = w.nonces.Append(nil, when.Add(-2*nonceLife), nonceBinding(from))
	case o.nonce != "":
		nonce = w.nonces.Append(nil, when, nonceBinding(w.clients[o.nonce]))
	default:
		nonce = w.nonces.Append(nil, when, nonceBinding(from))
	}
	if o.leave != "nonce" {
		b.Add(stun.AttrNonce, nonce)
	}
	password := o.password
	if password == "" {
		password = w.users[o.user]
	}
	key, err := auth.LongTermKey(o.user, o.realm, password)
	if err != nil {
		w.t.Fatal(err)
	}
	if o.bad {
		key[0] ^= 1
	}
	b.AddIntegrity(key)
}

// attribute adds what one word of a script says; words for the signature are
// not attributes.
func (w *world) attribute(b *stun.Builder, a string) {
	k, v, _ := strings.Cut(a, "=")
	n, _ := strconv.ParseUint(v, 0, 32)
	switch k {
	case "transport":
		b.AddTransport(uint8(n))
	case "lifetime":
		b.AddUint32(stun.AttrLifetime, uint32(n))
	case "family":
		b.AddFamily(stun.AttrRequestedAddressFamily, uint8(n))
	case "add-family":
		b.AddFamily(stun.AttrAdditionalAddressFamily, uint8(n))
	case "even":
		b.AddEvenPort(v == "reserve")
	case "token":
		b.AddString(stun.AttrReservationToken, v)
	case "peer":
		b.AddXORAddress(stun.AttrXORPeerAddress, netip.MustParseAddrPort(v))
	case "channel":
		b.AddChannelNumber(uint16(n))
	case "data":
		b.AddString(stun.AttrData, v)
	case "origin":
		b.AddString(stun.AttrOrigin, v)
	case "df":
		b.Add(stun.AttrDontFragment, nil)
	case "attr":
		typ, value, _ := strings.Cut(v, ":")
		t, _ := strconv.ParseUint(typ, 0, 16)
		raw, err := hex.DecodeString(value)
		if err != nil {
			w.t.Fatalf("%s: %v", a, err)
		}
		b.Add(stun.AttrType(t), raw)
	}
}

// tell turns the outbox into lines and takes over what has to be answered.
func (w *world) tell() {
	o := &w.out
	for _, s := range o.Sends {
		w.say("%s", w.describeSend(s))
	}
	for _, op := range o.Opens {
		w.say("open families=%v even=%v reserve=%v token=%q user=%s", op.Families, op.EvenPort, op.Reserve,
			strings.TrimRight(string(op.Token[:]), "\x00"), op.Username)
	}
	for _, id := range o.Closes {
		w.say("close %d", id)
	}
	for _, l := range o.Lookups {
		w.say("lookup %s%s", l.Username, onlyIf(l.Realm != testRealm, " of "+l.Realm))
	}
	for _, b := range o.Bound {
		w.say("bound %#x %s", b.Channel, b.Peer)
	}
	for _, b := range o.Unbound {
		w.say("unbound %#x %s", b.Channel, b.Peer)
	}
	for _, e := range o.Events {
		w.say("%s", describeEvent(e))
	}
	for d, n := range o.Drops {
		if n != w.drops[d] {
			w.say("drop %s", Drop(d))
		}
	}
	w.drops = o.Drops
	w.keys, w.opens = append(w.keys, o.Lookups...), append(w.opens, o.Opens...)
	o.Reset()
}

func (w *world) say(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *world) describeSend(s Send) string {
	switch s.Kind {
	case ToPeer:
		return fmt.Sprintf("to peer %s from relay %d: %q%s", s.To, s.Relay, s.Buf, onlyIf(s.DF, " df"))
	case ToRelay:
		return fmt.Sprintf("inside %s -> %s: %q%s", s.From, s.To, s.Buf[Headroom:], onlyIf(s.Direct, " direct"))
	}
	if n, data, err := stun.ParseChannelData(s.Buf); err == nil {
		return fmt.Sprintf("to %s: channel %#x %q padding=%d", s.To, n, data, len(s.Buf)-4-len(data))
	}
	m, err := stun.Parse(s.Buf)
	if err != nil {
		w.t.Errorf("the server sent a broken message: %v: %x", err, s.Buf)
		return "broken"
	}
	return fmt.Sprintf("to %s: %s %s%s", s.To, m.Method, m.Class, w.describeAttributes(&m))
}

func onlyIf(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

func describeEvent(e Event) string {
	s := "event " + e.Kind.String()
	add := func(k string, v any, ok bool) {
		if ok {
			s += fmt.Sprintf(" %s=%v", k, v)
		}
	}
	add("session", e.Session, e.Session != 0)
	add("user", e.Username, e.Username != "")
	add("realm", e.Realm, e.Realm != testRealm)
	add("relayed", e.Relayed, e.Relayed.IsValid())
	add("peer", e.Peer, e.Peer.IsValid())
	add("lifetime", e.Lifetime, e.Lifetime != 0)
	add("method", e.Method, e.Method != "")
	add("code", e.Code, e.Code != 0)
	add("cause", e.Cause, e.Cause != "")
	add("rule", strconv.Quote(e.Rule), e.Rule != "")
	add("untold", e.Untold, e.Untold != 0)
	add("usage", e.Usage, e.Usage != Usage{})
	return s
}

// describeAttributes names everything in an answer, signature and all.
func (w *world) describeAttributes(m *stun.Message) string {
	var s strings.Builder
	for t, v := range m.Attributes() {
		switch t {
		case stun.AttrErrorCode:
			code, reason, _ := m.ErrorCode()
			fmt.Fprintf(&s, " %d%s", code, onlyIf(reason != "", " "+strconv.Quote(reason)))
		case stun.AttrXORMappedAddress, stun.AttrXORRelayedAddress, stun.AttrXORPeerAddress:
			ap, _ := m.DecodeXORAddress(v)
			fmt.Fprintf(&s, " %s=%s", attributeName(t), ap)
		case stun.AttrMappedAddress:
			ap, _ := m.Address(t)
			fmt.Fprintf(&s, " plain=%s", ap)
		case stun.AttrLifetime:
			n, _ := m.Uint32(t)
			fmt.Fprintf(&s, " lifetime=%d", n)
		case stun.AttrRealm, stun.AttrSoftware, stun.AttrData, stun.AttrReservationToken:
			fmt.Fprintf(&s, " %s=%q", attributeName(t), v)
		case stun.AttrICMP:
			c, _ := m.ICMP()
			fmt.Fprintf(&s, " icmp=%d/%d data=%d", c.Type, c.Code, c.Data)
		case stun.AttrNonce:
			s.WriteString(" nonce")
		case stun.AttrMessageIntegrity:
			s.WriteString(w.signer(m))
		case stun.AttrFingerprint:
			_, ok := m.CheckFingerprint()
			fmt.Fprintf(&s, " fingerprint=%v", ok)
		default:
			fmt.Fprintf(&s, " %#04x=%x", uint16(t), v)
		}
	}
	return s.String()
}

func attributeName(t stun.AttrType) string {
	return map[stun.AttrType]string{
		stun.AttrXORMappedAddress: "mapped", stun.AttrXORRelayedAddress: "relayed", stun.AttrXORPeerAddress: "peer",
		stun.AttrRealm: "realm", stun.AttrSoftware: "software", stun.AttrData: "data", stun.AttrReservationToken: "token",
	}[t]
}

// signer says whose key an answer is signed with.
func (w *world) signer(m *stun.Message) string {
	for u, pw := range w.users {
		if k, err := auth.LongTermKey(u, testRealm, pw); err == nil && m.CheckIntegrity(k) {
			return " signed=" + u
		}
		for _, realm := range w.s.o.Realms {
			if k, err := auth.LongTermKey(u, realm, pw); err == nil && m.CheckIntegrity(k) {
				return " signed=" + u + " of " + realm
			}
		}
	}
	return " signed=nobody"
}
