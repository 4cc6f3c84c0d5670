package listener

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// cookieLife is how long a secret makes cookies; they are accepted for as long
// again. A client answers within its round trip, or a few retransmissions.
const cookieLife = time.Minute

// cookieJar makes and checks the cookies of HelloVerifyRequest without
// remembering any. It belongs to the goroutine that reads the socket.
//
// R-6347-4.2.1-a, R-8489-13-a, R-7350-4.6-a (RFC 6347, 4.2.1; RFC 8489, 13;
// RFC 7350, 4.6): a cookie is a MAC over the client's address and what it has
// offered, under a secret that changes, with an overlap.
type cookieJar struct {
	secret, before [sha256.Size]byte
	made           time.Time // when secret was
}

// rotate makes a new secret when it is time, or both when the last use is long ago.
func (j *cookieJar) rotate(now time.Time) {
	age := now.Sub(j.made)
	if age < cookieLife {
		return
	}
	j.before = j.secret
	if age >= 2*cookieLife {
		_, _ = rand.Read(j.before[:]) // does not fail
	}
	_, _ = rand.Read(j.secret[:])
	j.made = now
}

// cookie for a client that says hello.
func (j *cookieJar) cookie(now time.Time, from netip.AddrPort, h *clientHello) [cookieSize]byte {
	j.rotate(now)
	return sign(&j.secret, from, h)
}

// valid tells whether the client got the cookie in h at its address.
func (j *cookieJar) valid(now time.Time, from netip.AddrPort, h *clientHello) bool {
	if len(h.cookie) != cookieSize {
		return false
	}
	j.rotate(now)
	current, before := sign(&j.secret, from, h), sign(&j.before, from, h)
	return hmac.Equal(current[:], h.cookie) || hmac.Equal(before[:], h.cookie)
}

// sign covers what must not change between the two ClientHello, extensions
// excepted: some clients do change those.
func sign(secret *[sha256.Size]byte, from netip.AddrPort, h *clientHello) (cookie [cookieSize]byte) {
	mac := hmac.New(sha256.New, secret[:])
	address := from.Addr().As16()
	mac.Write(address[:])
	mac.Write(binary.BigEndian.AppendUint16(nil, from.Port()))
	mac.Write(h.record[helloAt:h.cookieAt])
	mac.Write(h.record[h.cookieAt+1+len(h.cookie) : h.extended])
	copy(cookie[:], mac.Sum(nil))
	return cookie
}
