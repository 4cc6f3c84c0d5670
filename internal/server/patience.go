package server

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// logPatience is how long a line waits to be written. A disk that hangs, a syslog
	// that reads no more or a terminal that was stopped must hold up nobody for long:
	// who writes a line may be about to let a user in or to shut one out.
	logPatience = time.Second
	// logQueue is how many lines are kept for when that goes on; of more the number
	// is told.
	logQueue = 4096
	// logFarewell is how long the lines that are kept have when the log goes elsewhere
	// or the server ends.
	logFarewell = 2 * time.Second
)

// errLogFull is why a line was lost that had to wait for others.
var errLogFull = errors.New("the log took no line for too long")

// patience writes the lines of a log one after another, and lets nobody wait longer
// than for logPatience. As long as the log is quick, a line is written when Write
// returns. The zero value is ready.
type patience struct {
	mu      sync.Mutex // guards the following
	waiting []*logLine // the first is being written, if somebody writes
	writing bool       // a goroutine does
	late    bool       // somebody gave up: until all is written nobody waits
	failing bool       // the last line was refused, as by a disk that is full
	lost    int
	cause   error // of the last that was lost
}

// logLine is a line on its way.
type logLine struct {
	text    []byte
	to      io.Writer
	written chan struct{} // closed then
}

// patientWriter is where the lines of a logger go.
type patientWriter struct {
	*patience
	to io.Writer
}

// Write implements io.Writer. A line that has to wait for longer is no error: it is
// written later, or counted.
func (w patientWriter) Write(b []byte) (int, error) {
	line, late := w.queue(b, w.to)
	if line == nil || late {
		return len(b), nil
	}
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case <-line.written:
	case <-timer.C:
		w.mu.Lock()
		w.late = w.writing
		w.mu.Unlock()
	}
	return len(b), nil
}

// queue puts a line behind the others; nil: there are too many.
func (p *patience) queue(b []byte, to io.Writer) (line *logLine, late bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) >= logQueue {
		p.lost, p.cause = p.lost+1, errLogFull
		return nil, true
	}
	line = &logLine{bytes.Clone(b), to, make(chan struct{})}
	p.waiting = append(p.waiting, line)
	if !p.writing {
		p.writing = true
		// It ends when nothing waits. What it hangs in nobody can end.
		go p.write()
	}
	return line, p.late
}

// write writes what waits.
func (p *patience) write() {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 {
			p.writing, p.late, p.waiting = false, false, nil
			p.mu.Unlock()
			return
		}
		line := p.waiting[0]
		p.mu.Unlock()
		_, err := line.to.Write(line.text)
		p.mu.Lock()
		p.waiting = p.waiting[1:]
		if p.failing = err != nil; p.failing {
			p.lost, p.cause = p.lost+1, err
		}
		p.mu.Unlock()
		close(line.written)
	}
}

// missing is how many lines were lost and why, once lines are written again: before,
// nobody would read it. It tells that once.
func (p *patience) missing() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late || p.failing || p.lost == 0 {
		return 0, nil
	}
	n, cause := p.lost, p.cause
	p.lost, p.cause = 0, nil
	return n, cause
}

// finish waits until the lines are written that there are, and says whether they are.
func (p *patience) finish() bool {
	p.mu.Lock()
	if len(p.waiting) == 0 {
		p.mu.Unlock()
		return true
	}
	last := p.waiting[len(p.waiting)-1]
	p.mu.Unlock()
	timer := time.NewTimer(logFarewell)
	defer timer.Stop()
	select {
	case <-last.written:
		return true
	case <-timer.C:
		return false
	}
}
