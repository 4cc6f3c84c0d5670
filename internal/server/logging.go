package server

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"iceserver/internal/config"
)

// logging is the log and what can be changed of it while it is written.
type logging struct {
	*slog.Logger
	level slog.LevelVar
	file  *logFile // nil: it goes where others have opened it
}

// openLog makes the logger that the configuration asks for. Without a log-file
// the log goes to standard error, so that standard output holds nothing but what
// is there to be pasted or parsed.
func openLog(cfg *config.Config, stdout, stderr io.Writer) (*logging, error) {
	l := new(logging)
	var w io.Writer
	switch {
	case len(cfg.Sources["log-file"]) == 0:
		w = stderr
	case cfg.LogFile == "stdout" && cfg.NoStdoutLog:
		w = io.Discard
	case cfg.LogFile == "stdout":
		w = stdout
	default:
		l.file = &logFile{path: cfg.LogFile}
		if err := l.file.reopen(); err != nil {
			return nil, err
		}
		w = l.file
	}
	l.level.Set(level(cfg.LogLevel))
	o := &slog.HandlerOptions{Level: &l.level}
	if cfg.LogFormat == "json" {
		l.Logger = slog.New(slog.NewJSONHandler(w, o))
	} else {
		l.Logger = slog.New(slog.NewTextHandler(w, o))
	}
	return l, nil
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

// logFile is a file that somebody else may move away, to keep or to throw away:
// reopen goes on in a new one of that name.
type logFile struct {
	path string

	mu sync.Mutex // guards the following
	f  *os.File
}

// reopen leaves everything as it is if the file cannot be opened.
func (l *logFile) reopen() error {
	// Names of clients and their addresses are nobody else's business.
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("cannot write the log: %w; correct log-file", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
	}
	l.f = f
	return nil
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(b)
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
