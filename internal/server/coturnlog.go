package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// coturnTimestamp is how coturn writes times when nobody says how.
const coturnTimestamp = "%FT%T.%f%z"

// coturnLog writes what happens to sessions in the lines of coturn, for the filters
// and scripts that know those. Other records become the level, the message and
// their attributes, which coturn has no lines for.
type coturnLog struct {
	shared *coturnOutput
	o      *slog.HandlerOptions
	front  bool         // the number of the session stands in front, as until 4.17
	rest   slog.Handler // writes attributes into the buffer
}

// coturnOutput is what all handlers made from one another share.
type coturnOutput struct {
	strangers atomic.Uint64 // how many sessions of those who have none were made up

	mu  sync.Mutex // guards the following
	w   io.Writer
	buf bytes.Buffer // attributes of a record that is no session's
}

// newCoturnLog returns a handler for lines of coturn 4.18, or of 4.17 if front.
// What o replaces the time with is written in front of every line.
func newCoturnLog(w io.Writer, o *slog.HandlerOptions, front bool) *coturnLog {
	out := &coturnOutput{w: w}
	bare := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && slices.Contains([]string{slog.TimeKey, slog.LevelKey, slog.MessageKey}, a.Key) {
			return slog.Attr{}
		}
		return a
	}}
	return &coturnLog{shared: out, o: o, front: front, rest: slog.NewTextHandler(&out.buf, bare)}
}

// Enabled implements slog.Handler.
func (c *coturnLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= c.o.Level.Level()
}

// Handle implements slog.Handler: all lines of a record are written at once.
func (c *coturnLog) Handle(ctx context.Context, r slog.Record) error {
	lines := sessionLines(&r, c.Enabled(ctx, slog.LevelDebug), &c.shared.strangers)
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if lines == nil {
		line, err := c.otherLine(ctx, r)
		if err != nil {
			return err
		}
		lines = []coturnLine{line}
	}
	var b strings.Builder
	when := c.o.ReplaceAttr(nil, slog.Time(slog.TimeKey, r.Time)).Value.String()
	for i := range lines {
		if when != "" && when != "<nil>" {
			b.WriteString(when + " ")
		}
		lines[i].write(&b, c.front)
	}
	_, err := io.WriteString(c.shared.w, b.String())
	return err
}

// otherLine is a record that is about no session. The lock is held.
func (c *coturnLog) otherLine(ctx context.Context, r slog.Record) (coturnLine, error) {
	c.shared.buf.Reset()
	err := c.rest.Handle(ctx, r)
	text := oneLine(r.Message)
	if attrs := strings.TrimSpace(c.shared.buf.String()); attrs != "" {
		text += ": " + attrs
	}
	return coturnLine{level: coturnLevel(r.Level), text: text}, err
}

// WithAttrs implements slog.Handler.
func (c *coturnLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	other := *c
	other.rest = c.rest.WithAttrs(attrs)
	return &other
}

// WithGroup implements slog.Handler.
func (c *coturnLog) WithGroup(name string) slog.Handler {
	other := *c
	other.rest = c.rest.WithGroup(name)
	return &other
}

// coturnLevel is the name that coturn has for a level.
func coturnLevel(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}
