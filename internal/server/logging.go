package server

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"iceserver/internal/config"
)

// openLog makes the logger that the configuration asks for, and what to close
// at the end. Without a log-file the log goes to standard error, so that
// standard output holds nothing but what is there to be pasted or parsed.
func openLog(cfg *config.Config, stdout, stderr io.Writer) (*slog.Logger, io.Closer, error) {
	var w io.Writer
	closer := io.NopCloser(nil).(io.Closer)
	switch {
	case len(cfg.Sources["log-file"]) == 0:
		w = stderr
	case cfg.LogFile == "stdout" && cfg.NoStdoutLog:
		w = io.Discard
	case cfg.LogFile == "stdout":
		w = stdout
	default:
		// Names of clients and their addresses are nobody else's business.
		f, err := os.OpenFile(cfg.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot write the log: %w; correct log-file", err)
		}
		w, closer = f, f
	}
	o := &slog.HandlerOptions{Level: level(cfg.LogLevel)}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), closer, nil
	}
	return slog.New(slog.NewTextHandler(w, o)), closer, nil
}

// level translates the names of log-min-level.
func level(name string) slog.Level {
	switch name {
	case "debug":
		return slog.LevelDebug
	case "warning":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
