package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"time"
)

// R-8489-9.2-a (RFC 8489, 9.2): a nonce begins with a fixed mark and the security
// features in base64, of which there are none yet.
const nonceCookie = "obMatJos2" + "AAAA"

// What follows the cookie, in base64: the time of issue in milliseconds since
// 1970 and the truncated MAC. The alphabet is that of URLs, in which nothing
// needs quoting (R-8489-14.9-a).
const (
	nonceTimeSize = 6
	nonceMACSize  = 16
	nonceBodySize = nonceTimeSize + nonceMACSize
	nonceTimeText = nonceTimeSize / 3 * 4 // three bytes make four characters
	nonceSize     = len(nonceCookie) + (nonceBodySize*8+5)/6
)

// NonceState is what Check finds.
type NonceState uint8

const (
	// NonceForeign: not made here, or not for this client.
	NonceForeign NonceState = iota
	// NonceStale: made here for this client, too long ago.
	NonceStale
	// NonceValid: to be accepted.
	NonceValid
)

// Nonces makes and checks nonces without remembering any: a nonce carries its
// time and a MAC over the time and over what it is bound to. A Nonces keeps
// scratch memory, so it belongs to one worker and is not safe for concurrent
// use; those of several workers accept each other's nonces if they share a key.
type Nonces struct {
	life    time.Duration
	current hash.Hash
	former  hash.Hash // before Rotate; nil if there was none
	text    []byte    // what the MAC is made over
	body    [sha256.Size + nonceTimeSize]byte
	want    [nonceSize]byte
}

// NewNonces returns a maker of nonces that stay good for life; 0 or less means
// for ever. The key should be 32 random bytes.
func NewNonces(key []byte, life time.Duration) *Nonces {
	return &Nonces{life: life, current: hmac.New(sha256.New, key)}
}

// Rotate makes key the one that new nonces are made with. Those made with the
// key before it stay good for the rest of their life, or until the next Rotate
// (A-A03).
func (n *Nonces) Rotate(key []byte) {
	n.former, n.current = n.current, hmac.New(sha256.New, key)
}

// Append appends a nonce of 43 characters. binding is what it shall be good for
// alone: the bytes of the client's transport address, and whatever else.
//
// R-8489-9.2.4-b (RFC 8489, 9.2.4): two clients never get the same nonce, as
// each is bound to an address.
func (n *Nonces) Append(dst []byte, now time.Time, binding []byte) []byte {
	n.mint(n.current, uint64(now.UnixMilli()), binding)
	return append(dst, n.want[:]...)
}

// Check says whether a nonce was made here for binding, and within its life of
// now. One from the future, after the clock was set back, is stale.
func (n *Nonces) Check(nonce []byte, now time.Time, binding []byte) NonceState {
	if len(nonce) != nonceSize {
		return NonceForeign
	}
	var issued [8]byte
	digits := nonce[len(nonceCookie):][:nonceTimeText]
	size, err := base64.RawURLEncoding.Decode(issued[8-nonceTimeSize:], digits)
	if err != nil || size != nonceTimeSize {
		return NonceForeign
	}
	millis := binary.BigEndian.Uint64(issued[:])
	if !n.made(n.current, nonce, millis, binding) &&
		(n.former == nil || !n.made(n.former, nonce, millis, binding)) {
		return NonceForeign
	}
	age := now.Sub(time.UnixMilli(int64(millis)))
	if n.life > 0 && (age < 0 || age > n.life) {
		return NonceStale
	}
	return NonceValid
}

// made says whether nonce is, to the last character, what mint makes of its
// time. Where it differs does not show in how long that takes (A-A01).
func (n *Nonces) made(mac hash.Hash, nonce []byte, millis uint64, binding []byte) bool {
	n.mint(mac, millis, binding)
	return subtle.ConstantTimeCompare(nonce, n.want[:]) == 1
}

// mint writes a nonce to n.want. The MAC's text is put together in memory of n,
// as whatever is handed to a hash.Hash escapes.
func (n *Nonces) mint(mac hash.Hash, millis uint64, binding []byte) {
	n.text = binary.BigEndian.AppendUint64(n.text[:0], millis)
	n.text = append(n.text, binding...)
	mac.Reset()
	mac.Write(n.text)
	mac.Sum(n.body[:nonceTimeSize])
	copy(n.body[:nonceTimeSize], n.text[8-nonceTimeSize:8])
	copy(n.want[:], nonceCookie)
	base64.RawURLEncoding.Encode(n.want[len(nonceCookie):], n.body[:nonceBodySize])
}
