package e2e

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/netio"
	"iceserver/internal/stun"
)

const (
	floodSize  = 1_000_000
	floodBatch = 64
	// floodLimit ends a flood on a machine that is too slow for it.
	floodLimit = 90 * time.Second
	// Not logged per packet: the journal may give a refusal a line of its own
	// now and then, and sums the others up.
	maxFloodLines = 500
	maxFloodRSS   = 16 << 20
)

// A-X01, A-X03, A-X04 (and A-O09): a million garbage and half-valid datagrams.
// The server still serves, a live allocation survives, memory stays flat, and
// nothing is logged per packet.
func TestFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("a million datagrams")
	}
	p := server(t, t.TempDir(), "--json")
	s := greetingOf(t, p).ICEServers[0]
	url := s.URLs[0]
	at := netip.MustParseAddrPort(udpOf(t, p))
	before := dial(t, url, s.Username, s.Credential, "")
	relayed, code := before.allocate()
	if code != 0 || before.permit(relayed.Addr()) != 0 {
		t.Fatalf("refused with %d", code)
	}

	f := newFlood(t, at)
	defer f.engine.Close()
	f.send(floodSize / 10) // what memory a busy server needs anyway
	rss, lines := resident(t, p), strings.Count(p.err.String(), "\n")
	sent := f.send(floodSize - floodSize/10)
	if sent < floodSize/10 {
		t.Errorf("only %d datagrams were sent", sent)
	}

	data := []byte("still here")
	before.receive(relayed, data, func() { before.turn.Send(relayed, data, &before.out) })
	relays(t, url, s.Username, s.Credential, "")
	grown, logged := resident(t, p)-rss, strings.Count(p.err.String(), "\n")-lines
	t.Logf("%d datagrams: resident memory %d KiB, then %d KiB more; %d lines in the log", sent, rss>>10, grown>>10, logged)
	if grown > maxFloodRSS {
		t.Error("memory grows with the flood")
	}
	if logged > maxFloodLines {
		t.Error("the log grows with the flood")
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	if strings.Contains(p.err.String(), "level=ERROR") {
		t.Errorf("log:\n%s", p.err)
	}
}

// resident returns the resident memory of a process in bytes.
func resident(t *testing.T, p *process) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("this system does not tell the memory of a process: ", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// flood sends bad datagrams from several strangers.
type flood struct {
	t       *testing.T
	engine  netio.Engine
	packets [][]byte
	sockets []netio.SocketID
	at      netip.AddrPort
}

func newFlood(t *testing.T, at netip.AddrPort) *flood {
	t.Helper()
	e, err := netio.New()
	if err != nil {
		t.Fatal(err)
	}
	f := &flood{t: t, engine: e, at: at, packets: badPackets()}
	for host := byte(2); host < 10; host++ {
		for range 4 {
			id, _, err := e.Open(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, host}), 0), netio.Options{})
			if err != nil {
				t.Fatal(err)
			}
			f.sockets = append(f.sockets, id)
		}
	}
	return f
}

// send sends n datagrams in batches and returns how many the kernel took.
func (f *flood) send(n int) (sent int) {
	f.t.Helper()
	over := time.Now().Add(floodLimit)
	batch := make([]netio.Datagram, floodBatch)
	in := make([]netio.Datagram, floodBatch)
	for i := 0; i < n && time.Now().Before(over); i += floodBatch {
		for j := range batch {
			batch[j] = netio.Datagram{
				Buf: f.packets[(i+j)%len(f.packets)], Peer: f.at, Socket: f.sockets[(i/floodBatch)%len(f.sockets)],
			}
		}
		taken, err := f.engine.Send(batch)
		if err != nil {
			f.t.Fatal(err)
		}
		sent += taken
		// The answers are read and forgotten.
		if _, err := f.engine.Poll(in, 0); err != nil {
			f.t.Fatal(err)
		}
	}
	return sent
}

// badPackets are what scanners, bugs and attackers send.
func badPackets() [][]byte {
	var out [][]byte
	for _, size := range []int{0, 1, 2, 3, 4, 19, 20, 21, 100, 1200, 1472} {
		for range 8 {
			b := make([]byte, size)
			rand.Read(b)
			out = append(out, b)
			if size >= 20 { // the same with a magic cookie
				c := append([]byte{0, 3, byte((size - 20) >> 8), byte(size - 20), 0x21, 0x12, 0xa4, 0x42}, b[8:]...)
				out = append(out, c)
			}
		}
	}
	for i := range 512 {
		out = append(out, halfValid(i))
	}
	return out
}

// halfValid is a message that gets some way before it is refused.
func halfValid(i int) []byte {
	var id stun.TransactionID
	rand.Read(id[:])
	methods := []stun.Method{stun.MethodBinding, stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind, stun.Method(0x0FF)}
	b := stun.NewBuilder(nil, methods[i%len(methods)], stun.ClassRequest, id)
	switch (i / len(methods)) % 8 {
	case 0: // a plain request: a stranger's first
	case 1:
		b.Add(stun.AttrRequestedTransport, []byte{17, 0, 0, 0})
	case 2, 3: // credentials, with a nonce that was never given out
		b.AddString(stun.AttrUsername, fmt.Sprintf("9999999999:%d", i))
		b.AddString(stun.AttrRealm, "iceserver")
		b.AddString(stun.AttrNonce, "obMatJos2AAAA0123456789012345678901234567890")
		b.AddIntegrity(id[:])
	case 4:
		b.Add(stun.AttrType(0x7F00+i%256), []byte("an attribute that nobody knows"))
	case 5:
		b.AddXORAddress(stun.AttrXORPeerAddress, netip.MustParseAddrPort("127.0.0.1:22"))
		b.Add(stun.AttrData, make([]byte, i))
	case 6:
		b.AddFingerprint()
	case 7: // ChannelData of nobody's channel
		c := make([]byte, stun.ChannelHeaderSize+i)
		stun.PutChannelHeader(c, 0x4000+uint16(i), i)
		return c
	}
	raw := b.Bytes()
	if i%3 == 0 { // a bit flips on the way
		raw[i%len(raw)] ^= 1 << (i % 8)
	}
	return raw
}
