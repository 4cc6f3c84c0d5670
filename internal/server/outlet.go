package server

import (
	"context"
	"log/slog"
	"sync"
)

// outlet is where the log goes, which a reload may change while lines are being
// written.
type outlet struct {
	mu sync.RWMutex // held while a line is written, so that none is lost in a change
	to *logging
}

// turn has the log go elsewhere from now on, and closes where it went before.
func (o *outlet) turn(to *logging) {
	o.mu.Lock()
	before := o.to
	o.to = to
	o.mu.Unlock()
	if before != nil {
		before.end()
	}
}

// close closes where the log goes.
func (o *outlet) close() { o.logging().end() }

// logging is where the log goes now.
func (o *outlet) logging() *logging {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.to
}

// switched is a handler that goes by its outlet. Loggers made from it follow too.
type switched struct {
	*outlet
	derive func(slog.Handler) slog.Handler // what With added; nil: nothing
}

// on is the handler h with what With added.
func (s switched) on(h slog.Handler) slog.Handler {
	if s.derive == nil {
		return h
	}
	return s.derive(h)
}

// Enabled implements slog.Handler.
func (s switched) Enabled(_ context.Context, level slog.Level) bool {
	return level >= s.logging().level.Level()
}

// Handle implements slog.Handler.
func (s switched) Handle(ctx context.Context, r slog.Record) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if n, err := s.to.lines.missing(); n > 0 {
		s.to.Warn("lines of the log were lost", "lost_lines", n, "error", err)
	}
	return s.on(s.to.Handler()).Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (s switched) WithAttrs(attrs []slog.Attr) slog.Handler {
	return switched{s.outlet, func(h slog.Handler) slog.Handler { return s.on(h).WithAttrs(attrs) }}
}

// WithGroup implements slog.Handler.
func (s switched) WithGroup(name string) slog.Handler {
	return switched{s.outlet, func(h slog.Handler) slog.Handler { return s.on(h).WithGroup(name) }}
}
