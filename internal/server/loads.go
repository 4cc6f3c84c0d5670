package server

import (
	"strings"
	"sync"
	"time"
)

// configuration is what has become of the configuration file, for who asks.
type configuration struct {
	File     string     `json:"file,omitempty"` // absolute path; empty: there is none
	Read     time.Time  `json:"read"`           // when what is in force was read
	Newer    bool       `json:"newer"`          // the file has changed since then
	Rejected *rejection `json:"rejected,omitempty"`
	Restart  []string   `json:"restart"` // keys whose new values take a restart
}

// rejection is a reload that has failed, and none has succeeded since.
type rejection struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"` // one line
	// Changed says that the file is another one by now.
	Changed bool `json:"changed"`
}

// loads follows how the configuration is read.
type loads struct {
	mu       sync.Mutex // guards the following
	file     string
	reading  time.Time // when the last reading began
	seen     time.Time // the time of the file then
	read     time.Time // the same of what is in force
	inForce  time.Time
	rejected *rejection
	restart  []string
}

// begin notes that the configuration is about to be read. The time of its file is
// taken before: what changes while it is read is newer.
func (l *loads) begin(file string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file, l.seen = configFile(file)
	l.reading = now
}

// end notes what came of the reading.
func (l *loads) end(r Reloaded, err error, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.rejected = &rejection{At: now, Reason: singleLine(err)}
		return
	}
	l.read, l.inForce, l.rejected, l.restart = l.reading, l.seen, nil, r.Restart
}

// singleLine is an error as one line, whatever a library put into it.
func singleLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// now is what is known of the configuration, and of its file as it is now. Of a file
// that is gone, or that may not be looked at any more, nothing is said.
func (l *loads) now() configuration {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, changed := configFile(l.file)
	c := configuration{File: l.file, Read: l.read.UTC(), Restart: append([]string{}, l.restart...)}
	c.Newer = !changed.IsZero() && !changed.Equal(l.inForce)
	if l.rejected != nil {
		r := *l.rejected
		r.At, r.Changed = r.At.UTC(), !changed.IsZero() && !changed.Equal(l.seen)
		c.Rejected = &r
	}
	return c
}
