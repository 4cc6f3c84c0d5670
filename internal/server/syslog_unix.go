//go:build unix

package server

import (
	"context"
	"fmt"
	"log/slog"
	"log/syslog"
	"strings"
	"time"

	"iceserver/internal/config"
)

// syslogTag is the name of the program in the log.
const syslogTag = "iceserver"

// openSyslog sends the log to the socket of syslog; empty: where systems have it.
func (l *logging) openSyslog(cfg *config.Config, socket string) error {
	network := ""
	if socket != "" {
		network = "unixgram"
	}
	w, err := syslog.Dial(network, socket, facility(cfg.SyslogFacility), syslogTag)
	if err != nil {
		return err
	}
	h := severities{}
	for i, write := range []func(string) error{w.Debug, w.Info, w.Warning, w.Err} {
		// Its lines begin with a time already.
		h[i] = l.handler(cfg, lineWriter(write), func(time.Time) slog.Value { return slog.Value{} })
	}
	l.Logger = slog.New(h)
	l.close = func() { w.Close() }
	return nil
}

// facility translates a name of syslog-facility.
func facility(name string) syslog.Priority {
	known := map[string]syslog.Priority{
		"LOG_KERN": syslog.LOG_KERN, "LOG_USER": syslog.LOG_USER, "LOG_MAIL": syslog.LOG_MAIL, "LOG_DAEMON": syslog.LOG_DAEMON,
		"LOG_AUTH": syslog.LOG_AUTH, "LOG_SYSLOG": syslog.LOG_SYSLOG, "LOG_LPR": syslog.LOG_LPR, "LOG_NEWS": syslog.LOG_NEWS,
		"LOG_UUCP": syslog.LOG_UUCP, "LOG_CRON": syslog.LOG_CRON, "LOG_AUTHPRIV": syslog.LOG_AUTHPRIV, "LOG_FTP": syslog.LOG_FTP,
	}
	if p, ok := known[name]; ok {
		return p
	}
	var local int
	if _, err := fmt.Sscanf(name, "LOG_LOCAL%d", &local); err != nil {
		return syslog.LOG_DAEMON
	}
	return syslog.LOG_LOCAL0 + syslog.Priority(local)<<3
}

// severities hands each line to the handler of its severity: debug, info, warning,
// error.
type severities [4]slog.Handler

// Enabled implements slog.Handler.
func (s severities) Enabled(ctx context.Context, level slog.Level) bool {
	return s[0].Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (s severities) Handle(ctx context.Context, r slog.Record) error {
	i := 0
	for n, least := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if r.Level >= least {
			i = n
		}
	}
	return s[i].Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (s severities) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range s {
		s[i] = s[i].WithAttrs(attrs)
	}
	return s
}

// WithGroup implements slog.Handler.
func (s severities) WithGroup(name string) slog.Handler {
	for i := range s {
		s[i] = s[i].WithGroup(name)
	}
	return s
}

// lineWriter hands on each line without its end.
type lineWriter func(string) error

// Write implements io.Writer.
func (w lineWriter) Write(b []byte) (int, error) {
	return len(b), w(strings.TrimSuffix(string(b), "\n"))
}
