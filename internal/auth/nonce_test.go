package auth

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

var (
	nonceNow  = time.UnixMilli(1700000000123)
	nonceKey  = []byte("0123456789abcdef0123456789abcdef")
	client    = []byte("\xc0\x00\x02\x01\x80\x55")
	neighbour = []byte("\xc0\x00\x02\x01\x80\x56")
)

const nonceLife = 10 * time.Minute

func checkNonce(t *testing.T, n *Nonces, nonce []byte, now time.Time, binding []byte, want NonceState) {
	t.Helper()
	if got := n.Check(nonce, now, binding); got != want {
		t.Errorf("Check(%q) = %d, want %d", nonce, got, want)
	}
}

// R-8489-9.2-a (RFC 8489, 9.2): the mark and no features come first.
// R-8489-14.9-a (RFC 8489, 14.10): fewer than 128 characters, none of which
// needs quoting.
func TestNonceForm(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	// Made with another program, so that servers of two versions that share a
	// key understand each other.
	const published = "obMatJos2AAAAAYvP5Wh7_zOsvacMFN1t-3N9sia9sQ"
	if got := string(n.Append([]byte("behind "), nonceNow, client)); got != "behind "+published {
		t.Errorf("nonce %q, want %q", got, published)
	}
	for i := range 1000 {
		nonce := string(n.Append(nil, nonceNow.Add(time.Duration(i)*time.Millisecond), client))
		if !strings.HasPrefix(nonce, "obMatJos2AAAA") || len(nonce) != 43 {
			t.Fatalf("nonce %q of %d characters", nonce, len(nonce))
		}
		if strings.Trim(nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("nonce %q has characters that may need quoting", nonce)
		}
		if n.Check([]byte(nonce), nonceNow.Add(time.Second), client) != NonceValid {
			t.Fatalf("nonce %q is not accepted", nonce)
		}
	}
}

// R-8489-9.2.4-b (RFC 8489, 9.2.4), A-A03: one nonce for one address, and of no
// use to another.
func TestNonceIsBound(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	seen := make(map[string]bool)
	for port := range 1 << 12 {
		binding := []byte{192, 0, 2, 1, byte(port >> 8), byte(port)}
		nonce := string(n.Append(nil, nonceNow, binding))
		if seen[nonce] {
			t.Fatalf("nonce %q given out twice", nonce)
		}
		seen[nonce] = true
	}
	nonce := n.Append(nil, nonceNow, client)
	checkNonce(t, n, nonce, nonceNow, client, NonceValid)
	for _, other := range [][]byte{neighbour, nil, client[:5], append(bytes.Clone(client), 0)} {
		checkNonce(t, n, nonce, nonceNow, other, NonceForeign)
	}
	// A binding of nothing, or of much, is one like any other.
	for _, binding := range [][]byte{nil, bytes.Repeat([]byte("b"), 1000)} {
		checkNonce(t, n, n.Append(nil, nonceNow, binding), nonceNow, binding, NonceValid)
	}
}

// R-8656-5-c (RFC 8656, 5), A-A03: good for its life, to the millisecond.
func TestNonceExpires(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	nonce := n.Append(nil, nonceNow, client)
	for _, tt := range []struct {
		later time.Duration
		want  NonceState
	}{
		{0, NonceValid},
		{time.Millisecond, NonceValid},
		{nonceLife, NonceValid},
		{nonceLife + time.Millisecond, NonceStale},
		{1000 * time.Hour, NonceStale},
		{-time.Millisecond, NonceStale},
		{-time.Hour, NonceStale},
	} {
		checkNonce(t, n, nonce, nonceNow.Add(tt.later), client, tt.want)
		checkNonce(t, n, nonce, nonceNow.Add(tt.later), neighbour, NonceForeign)
	}
	for _, life := range []time.Duration{0, -1} {
		forever := NewNonces(nonceKey, life)
		checkNonce(t, forever, nonce, nonceNow.Add(100000*time.Hour), client, NonceValid)
	}
}

// A clock's fractions of a millisecond never make a new nonce look like one
// from the future.
func TestNonceBetweenMilliseconds(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	for micros := range 1000 {
		now := nonceNow.Add(time.Duration(micros) * time.Microsecond)
		checkNonce(t, n, n.Append(nil, now, client), now, client, NonceValid)
	}
}

// A-A03: workers with one key accept each other's; a restart with another key
// makes them foreign.
func TestNonceKeys(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	nonce := n.Append(nil, nonceNow, client)
	checkNonce(t, NewNonces(nonceKey, nonceLife), nonce, nonceNow, client, NonceValid)
	checkNonce(t, NewNonces([]byte("another key"), nonceLife), nonce, nonceNow, client, NonceForeign)
}

// A-A03: a new key lets those made with the one before it live out their life,
// and no older ones.
func TestNonceRotate(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	first := n.Append(nil, nonceNow, client)
	n.Rotate([]byte("second key"))
	second := n.Append(nil, nonceNow, client)
	if bytes.Equal(first, second) {
		t.Fatal("the new key is not used")
	}
	checkNonce(t, n, first, nonceNow, client, NonceValid)
	checkNonce(t, n, second, nonceNow, client, NonceValid)
	checkNonce(t, n, first, nonceNow, neighbour, NonceForeign)
	checkNonce(t, n, first, nonceNow.Add(2*nonceLife), client, NonceStale)
	n.Rotate([]byte("third key"))
	checkNonce(t, n, first, nonceNow, client, NonceForeign)
	checkNonce(t, n, second, nonceNow, client, NonceValid)
}

// A-A04: any other character anywhere, the feature bits too, makes a
// nonce foreign; so do a character more or less.
func TestNonceEveryCharacter(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	good := n.Append(nil, nonceNow, client)
	for i := range good {
		for _, c := range []byte("Ag-_+/=\n\r\" \x00\xff") {
			bad := bytes.Clone(good)
			if bad[i] == c {
				continue
			}
			bad[i] = c
			checkNonce(t, n, bad, nonceNow, client, NonceForeign)
		}
	}
	// The last character has bits to spare: another spelling is another nonce.
	bad := bytes.Clone(good)
	bad[len(bad)-1]++
	checkNonce(t, n, bad, nonceNow, client, NonceForeign)
	for _, bad := range []string{
		"", "obMatJos2AAAA", string(good[:42]), string(good) + "A", "f//499k954d6OL34oL9FSTvy64sA",
		strings.Repeat("A", 43), strings.Repeat("A", 763),
	} {
		checkNonce(t, n, []byte(bad), nonceNow, client, NonceForeign)
	}
}

// A challenge is answered for strangers, so neither half allocates.
func TestNonceNoAllocations(t *testing.T) {
	n := NewNonces(nonceKey, nonceLife)
	buf := make([]byte, 0, 64)
	nonce := n.Append(nil, nonceNow, client)
	bad := bytes.Clone(nonce)
	bad[20]++
	for name, f := range map[string]func(){
		"Append": func() {
			binding := [6]byte{192, 0, 2, 1, 1, 2} // must not escape either
			buf = n.Append(buf[:0], nonceNow, binding[:])
		},
		"Check": func() {
			if n.Check(nonce, nonceNow, client) != NonceValid {
				t.Fatal("not accepted")
			}
		},
		"Check of a wrong one": func() {
			if n.Check(bad, nonceNow, client) != NonceForeign {
				t.Fatal("accepted")
			}
		},
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkNonceCheck(b *testing.B) {
	n := NewNonces(nonceKey, nonceLife)
	nonce := n.Append(nil, nonceNow, client)
	b.ReportAllocs()
	for b.Loop() {
		if n.Check(nonce, nonceNow, client) != NonceValid {
			b.Fatal("not accepted")
		}
	}
}
