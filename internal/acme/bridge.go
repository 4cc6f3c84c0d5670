package acme

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// bridge carries what the libraries say to the log, for those who look into a
// failure: what an operator must know the client says itself.
type bridge struct{ log *slog.Logger }

// Enabled says whether anybody looks.
func (b bridge) Enabled(zapcore.Level) bool {
	return b.log.Enabled(context.Background(), slog.LevelDebug)
}

// With adds fields to all that follows.
func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{b.log.With(values(fields)...)}
}

// Check asks for Write if anybody looks.
func (b bridge) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return checked.AddCore(e, b)
	}
	return checked
}

// Write logs.
func (b bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	b.log.Debug("acme: "+e.Message, values(fields)...)
	return nil
}

// Sync has nothing to do.
func (b bridge) Sync() error { return nil }

// values are the fields as slog takes them.
func values(fields []zapcore.Field) []any {
	encoder := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(encoder)
	}
	var out []any
	for key, value := range encoder.Fields {
		out = append(out, key, value)
	}
	return out
}
