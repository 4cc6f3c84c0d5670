package listener

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

const testRealm = "example.org"

// oneKey is a relay.Keys where every user has the same key.
type oneKey auth.Key

func (k oneKey) Known(time.Time, string, string) (auth.Candidates, bool) {
	return auth.Candidates{Keys: []auth.Key{auth.Key(k)}}, true
}

func (k oneKey) Find(context.Context, string, string) (auth.Candidates, error) {
	return auth.Candidates{}, nil
}

// R-8489-5-g (RFC 8489, 5), A-C20: with the real relay behind it, a client that
// has authenticated may send messages as long as a length field can say, and stays
// in step.
func TestLongestMessagesThroughTheRelay(t *testing.T) {
	key, err := auth.LongTermKey("alice", testRealm, "open sesame")
	if err != nil {
		t.Fatal(err)
	}
	tcp, over, _, _ := serveWithUsers(t, oneKey(key))
	for name, c := range map[string]net.Conn{"TCP": dial(t, tcp.String()), "TLS": dialTLS(t, over.String(), alpnTURN)} {
		authenticate(t, c, key)
		for _, size := range []int{65516, 65520, 65524, 65528} { // and 4 bytes before them
			long := binding(size)
			if n := int(binary.BigEndian.Uint16(long[2:])); n != size+4 {
				t.Fatalf("%d bytes of attributes", n)
			}
			send(t, c, long)
			if m := answer(t, c); m.Class != stun.ClassSuccess || m.Method != stun.MethodBinding {
				t.Errorf("%s: %d bytes of attributes got %v %v", name, size+4, m.Class, m.Method)
			}
		}
		send(t, c, channelData(65535)) // of no channel: dropped
		send(t, c, binding(0))
		if m := answer(t, c); m.Class != stun.ClassSuccess {
			t.Errorf("%s: after the longest ChannelData: %v", name, m.Class)
		}
	}
}

// authenticate makes an allocation.
func authenticate(t *testing.T, c net.Conn, key auth.Key) {
	t.Helper()
	allocate := func(nonce []byte) stun.Message {
		b := stun.NewBuilder(nil, stun.MethodAllocate, stun.ClassRequest, stun.TransactionID{1, 2, 3})
		b.AddTransport(17)
		if nonce != nil {
			b.AddString(stun.AttrUsername, "alice")
			b.AddString(stun.AttrRealm, testRealm)
			b.Add(stun.AttrNonce, nonce)
			b.AddIntegrity(key)
		}
		send(t, c, b.Bytes())
		return answer(t, c)
	}
	challenge := allocate(nil)
	nonce, _ := challenge.Get(stun.AttrNonce)
	if m := allocate(nonce); m.Class != stun.ClassSuccess {
		code, _, _ := m.ErrorCode()
		t.Fatalf("no allocation: %d", code)
	}
}

// answer reads the next STUN message of a stream.
func answer(t *testing.T, c net.Conn) stun.Message {
	t.Helper()
	b := make([]byte, largestBuffer)
	if _, err := io.ReadFull(c, b[:4]); err != nil {
		t.Fatal(err)
	}
	n, err := stun.FrameSize(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b[4:n]); err != nil {
		t.Fatal(err)
	}
	m, err := stun.Parse(b[:n])
	if err != nil {
		t.Fatal(err)
	}
	return m
}
