package netio

// A guess is how many datagrams a ready socket is asked for. It is worth making
// well. A lone datagram costs 1 by recvfrom, 1.3 by recvmmsg, and 1.5 by a
// recvmmsg that looks for a second one in vain; from four on, recvmmsg is no
// dearer (BenchmarkReceive, amd64, Linux 6.18), and each datagram that comes
// with another saves its round of epoll, which costs 0.8. Relayed ports mostly
// have one, busy listeners many.
type guess struct {
	count    uint8  // datagrams expected, 1 to slabSlots
	interval uint8  // a count of 1 is doubted every so many rounds, 1 to maxInterval
	passed   uint8  // rounds since it was doubted
	round    uint32 // when the socket was last served
}

const (
	// doubt is how many are asked for to see whether there is more than one.
	doubt = 4
	// maxInterval bounds what doubting costs a socket that always has one.
	maxInterval = 64
)

func newGuess() guess { return guess{count: 1, interval: 1} }

// want is how many to ask for in this round of epoll, at most room. A socket
// that is ready in two rounds running may have a queue.
func (g *guess) want(round uint32, room int) int {
	running := round-g.round == 1
	g.round = round
	if g.count == 1 && running {
		if g.passed++; g.passed >= g.interval {
			g.passed = 0
			return min(doubt, room)
		}
	}
	return min(int(g.count), room)
}

// learn adapts the guess to what came of what was wanted. It grows when all
// came, since there may be more, and shrinks by halves, since a short gap does
// not end a burst. Vain doubts become rarer.
func (g *guess) learn(want, got int) {
	switch {
	case want == 1:
	case got == want:
		g.count, g.interval = uint8(min(2*want, slabSlots)), 1
	case g.count == 1 && got <= 1:
		g.interval = min(2*g.interval, maxInterval)
	default:
		g.count = uint8(max(got, want/2, 1))
	}
}
