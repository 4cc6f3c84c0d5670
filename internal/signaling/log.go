package signaling

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"iceserver/internal/signaling/engineio"
)

// reason is why a client does not get what it wants. They are few and ours, so
// that what is remembered for each has a bound.
type reason string

const (
	otherSite    reason = "a page of another site was refused: web-origin names those that may"
	badToken     reason = "a token was refused"
	tooMany      reason = "a client was refused: there are as many as signaling-max-connections allows"
	tooManyOfOne reason = "a client was refused: its address has as many as signaling-max-per-address allows"
	tooOften     reason = "a client was refused: its address connects too often"
	tooSlow      reason = "a client was put out: it reads too slowly, and more waits for it than signaling-max-buffer allows"
	broken       reason = "a client was put out: it broke the protocol, or sent more at once than signaling-max-message allows"
	heldBack     reason = "a client is held back: it sends more than signaling-message-rate"
)

// noteEvery is the time in which a reason is worth one line.
const noteEvery = time.Minute

// notes tells the operator why clients are refused, each reason at once and then
// at most once in noteEvery: a flood of clients is no flood of lines. It is safe
// for concurrent use.
type notes struct {
	log *slog.Logger

	mu   sync.Mutex // guards the following
	told map[reason]*note
}

// note is what happened for one reason since its last line.
type note struct {
	at    time.Time // of the last line
	times int       // since then
	attrs []slog.Attr
}

// tell notes that something happened.
func (n *notes) tell(now time.Time, why reason, attrs ...slog.Attr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.told[why]
	if one == nil {
		one = &note{at: now.Add(-noteEvery)}
		n.told[why] = one
	}
	one.times++
	one.attrs = attrs
	n.write(now, why, one)
}

// flush tells what has been held back for long enough.
func (n *notes) flush(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, why := range slices.Sorted(maps.Keys(n.told)) {
		n.write(now, why, n.told[why])
	}
}

// write writes the line, if it is time for one. n.mu is held.
func (n *notes) write(now time.Time, why reason, one *note) {
	if one.times == 0 || now.Sub(one.at) < noteEvery {
		return
	}
	attrs := one.attrs
	if one.times > 1 {
		attrs = append(slices.Clip(attrs), slog.Int("times", one.times))
	}
	n.log.LogAttrs(context.Background(), slog.LevelWarn, "signaling: "+string(why), attrs...)
	one.at, one.times, one.attrs = now, 0, nil
}

// foreign is text that a client chose.
//
// H-12, A-L01: it is short in a log, and has nothing in it that ends a line,
// changes a colour or the direction of writing.
func foreign(key, text string) slog.Attr {
	plain := func(r rune) bool { return r > ' ' && r <= '~' }
	if text = clip(text); strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		text = strconv.QuoteToASCII(text)
	}
	return slog.String(key, text)
}

// clip cuts text that somebody else chose, in bytes; what is left of a character
// at the end is shown as such.
func clip(text string) string {
	const longest = 100
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}

// refusal translates what the layer below says.
func refusal(why engineio.Refusal) reason {
	switch why {
	case engineio.AddressFull:
		return tooManyOfOne
	case engineio.AddressFast:
		return tooOften
	}
	return tooMany
}
