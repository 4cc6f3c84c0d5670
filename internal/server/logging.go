package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-strftime"

	"iceserver/internal/config"
)

// logging is the log and what can be changed of it while it is written.
type logging struct {
	*slog.Logger
	level slog.LevelVar
	lines patience // that are on their way
	file  *logFile // nil: it goes where others have opened it
	close func()   // what was opened for it; nil: nothing was
}

// openLog makes the logger that the configuration asks for. Without a log-file
// the log goes to standard error, so that standard output holds nothing but what
// is there to be pasted or parsed. With an error the logger can be used too, and
// goes to standard error.
func openLog(cfg *config.Config, o Options) (*logging, error) {
	l := new(logging)
	l.level.Set(level(cfg.LogLevel))
	if cfg.Syslog {
		err := l.openSyslog(cfg, o.Syslog)
		if err == nil {
			return l, nil
		}
		// A container has no syslog, and its log is read from outside.
		defer func() {
			if l.Logger != nil {
				l.Warn("there is no syslog; the log goes where it would go without it", "error", err)
			}
		}()
	}
	w, err := l.writer(cfg, o)
	if err != nil {
		w = o.Stderr
	}
	l.Logger = slog.New(l.handler(cfg, w, func(t time.Time) slog.Value {
		switch {
		case cfg.LogTimestamp != "":
			return slog.StringValue(timestamp(cfg.LogTimestamp, t))
		case strings.HasPrefix(cfg.LogFormat, "coturn"):
			return slog.StringValue(timestamp(coturnTimestamp, t))
		}
		return slog.TimeValue(t)
	}))
	return l, err
}

// end closes what was opened for the log, when its last lines are written. What hangs
// is closed behind our back, if ever.
func (l *logging) end() {
	written := l.lines.finish()
	switch {
	case l.close == nil:
	case written:
		l.close()
	default:
		go l.close()
	}
}

// writer is where the log goes that does not go to syslog.
func (l *logging) writer(cfg *config.Config, o Options) (io.Writer, error) {
	switch {
	case len(cfg.Sources["log-file"]) == 0:
		return o.Stderr, nil
	case cfg.LogFile == "stdout" && cfg.NoStdoutLog:
		return io.Discard, nil
	case cfg.LogFile == "stdout":
		return o.Stdout, nil
	}
	f := &logFile{path: cfg.LogFile}
	if err := f.reopen(); err != nil {
		return nil, err
	}
	l.file, l.close = f, func() { f.Close() }
	return f, nil
}

// handler writes lines of the form that the configuration asks for. when is how
// their time is written; the zero Value leaves it out.
func (l *logging) handler(cfg *config.Config, w io.Writer, when func(time.Time) slog.Value) slog.Handler {
	o := &slog.HandlerOptions{Level: &l.level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 || a.Key != slog.TimeKey {
			return duration(a, cfg.LogFormat)
		}
		if a.Value = when(a.Value.Time()); a.Value.Equal(slog.Value{}) {
			return slog.Attr{}
		}
		return a
	}}
	w = patientWriter{&l.lines, w}
	switch cfg.LogFormat {
	case "json":
		return slog.NewJSONHandler(printable{w}, o)
	case "coturn", "coturn-4.17":
		return newCoturnLog(w, o, cfg.LogFormat == "coturn-4.17")
	}
	return slog.NewTextHandler(w, o)
}

// duration has JSON tell seconds, as all else here that a program reads: of itself it
// tells nanoseconds, and to nobody that it does.
func duration(a slog.Attr, format string) slog.Attr {
	if format == "json" && a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}

// timestamp writes a time in the notation of strftime. What the library takes
// for microseconds is milliseconds to coturn.
func timestamp(format string, t time.Time) string {
	pairs := strings.NewReplacer("%%", "%%", "%f", "%L")
	return strftime.Format(pairs.Replace(format), t)
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
	torn bool // the last line was not written whole; of who writes

	mu sync.Mutex // guards the following
	f  *os.File
}

// reopen leaves everything as it is if the file cannot be opened.
func (l *logFile) reopen() error {
	// Names of clients and their addresses are nobody else's business.
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("cannot write the log: %w; correct log-file, or make the file and give it to the user of the server", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
	}
	l.f = f
	return nil
}

// Write implements io.Writer, for one caller at a time. A line that hangs does not
// keep reopen and Close from their work.
func (l *logFile) Write(b []byte) (int, error) {
	if l.torn {
		// The half line of a disk that was full ends here.
		b = append([]byte{'\n'}, b...)
	}
	for {
		l.mu.Lock()
		f := l.f
		l.mu.Unlock()
		n, err := f.Write(b)
		if n > 0 {
			l.torn = n < len(b)
		}
		if errors.Is(err, os.ErrClosed) && l.exchanged(f) {
			continue
		}
		return n, err
	}
}

// exchanged says whether there is a new file in the place of one.
func (l *logFile) exchanged(f *os.File) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f != f
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
