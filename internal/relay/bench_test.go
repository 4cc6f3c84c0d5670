package relay

import (
	"fmt"
	"strings"
	"testing"

	"iceserver/internal/netio"
)

// sink is an engine that takes what is sent and throws it away, so that a
// benchmark sees the worker alone.
type sink struct{ netio.Engine }

func (sink) Send(out []netio.Datagram) (int, error) { return len(out), nil }

// BenchmarkRound measures what a packet costs between Poll and Send.
func BenchmarkRound(b *testing.B) {
	for _, batch := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("batch ", batch), func(b *testing.B) {
			h := newHandRelay(b, testOptions(b))
			defer h.end()
			alice := h.client("alice")
			peer := newUDPWire(b, peerIP)
			alice.allocate()
			alice.bind(0x4000, peer.addr())
			frame := channelData(0x4000, strings.Repeat("v", 172))
			buf := append(make([]byte, netio.Headroom, 512), frame...)
			for i := range batch {
				h.w.in[i] = netio.Datagram{Buf: buf, Peer: alice.addr()}
			}
			h.w.engine = sink{h.w.engine}
			b.ReportAllocs()
			for n := 0; n < b.N; n += batch {
				h.w.round(h.now(), batch)
			}
		})
	}
}
