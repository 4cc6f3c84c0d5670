package auth

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// FuzzREST: a user name is taken apart into parts that it is made of, or refused
// for a known reason; what is valid is so for its time alone.
func FuzzREST(f *testing.F) {
	f.Fuzz(func(t *testing.T, username string, separator byte) {
		r := REST{Separator: separator}
		now := time.Unix(1700000000, 0)
		expires, id, err := r.Parse(username)
		if err != nil {
			if !errors.Is(err, ErrNotTimed) && !errors.Is(err, ErrTooFar) || id != "" || !expires.IsZero() {
				t.Fatalf("%v, %q, %v", expires, id, err)
			}
			if r.Valid(username, now, 0) == nil {
				t.Fatalf("%q is valid, and yet %v", username, err)
			}
			return
		}
		if s := expires.Unix(); s < 0 || s > 1<<32-1 {
			t.Fatalf("%q expires at %d", username, s)
		}
		if !strings.HasPrefix(username, id) && !strings.HasSuffix(username, id) {
			t.Fatalf("%q has the id %q", username, id)
		}
		if (r.Valid(username, now, 0) == nil) != (expires.Unix() >= now.Unix()) {
			t.Fatalf("%q: %v", username, r.Valid(username, now, 0))
		}
		// Renewed, it is the same user to the quota.
		if QuotaID(username, separator) != id {
			t.Fatalf("%q counts as %q", username, QuotaID(username, separator))
		}
		if allDigits(string([]byte{r.separator()})) {
			return // minting with a digit for a separator cannot be undone
		}
		minted, _ := r.Mint("secret", id, expires)
		again, sameID, err := r.Parse(minted)
		if !again.Equal(expires) || sameID != id || err != nil {
			t.Fatalf("%q is minted as %q: %v, %q, %v", username, minted, again, sameID, err)
		}
	})
}

// FuzzNonce: nothing but what was made here for this client gets past Check, and
// that does for its life.
func FuzzNonce(f *testing.F) {
	f.Fuzz(func(t *testing.T, nonce, binding []byte, millis int64) {
		n := NewNonces(nonceKey, nonceLife)
		const latest = 1 << 47 // milliseconds: far from where six bytes end
		now := time.UnixMilli((millis%latest + latest) % latest)
		own := n.Append(nil, now, binding)
		if got := n.Check(own, now, binding); got != NonceValid {
			t.Fatalf("%q is %d to its maker", own, got)
		}
		if got := n.Check(own, now.Add(nonceLife+time.Second), binding); got != NonceStale {
			t.Fatalf("%q is %d after its life", own, got)
		}
		if got := n.Check(nonce, now, binding); got != NonceForeign {
			checkMade(t, n, nonce, binding)
		}
		if got := n.Check(own, now, append(binding, 'x')); got != NonceForeign {
			t.Fatalf("%q is %d to another client", own, got)
		}
	})
}

// checkMade requires that a nonce is what its maker makes at the time in it.
func checkMade(t *testing.T, n *Nonces, nonce, binding []byte) {
	t.Helper()
	body, err := base64.RawURLEncoding.DecodeString(string(nonce[len(nonceCookie):]))
	if err != nil {
		t.Fatalf("%q is accepted: %v", nonce, err)
	}
	issued := binary.BigEndian.Uint64(append([]byte{0, 0}, body...))
	if want := n.Append(nil, time.UnixMilli(int64(issued)), binding); string(nonce) != string(want) {
		t.Fatalf("%q is accepted, where %q was made", nonce, want)
	}
}
