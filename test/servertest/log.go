package servertest

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Log keeps what a program writes and tells when it grows. The zero value is an
// empty one. Any goroutine may write and read.
type Log struct {
	mu    sync.Mutex // guards the following
	text  bytes.Buffer
	grown chan struct{} // closed by the next Write; nil while nobody waits
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
	return l.text.Write(p)
}

// String is the whole log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Tail is its last lines, at most n.
func (l *Log) Tail(n int) string {
	lines := strings.Split(strings.TrimRight(l.String(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Grown returns a channel that closes with the next Write. Taking it before
// Match misses nothing.
func (l *Log) Grown() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.grown
}

// Wait returns the first whole line with text in it, and fails the test if none
// comes within a minute.
func (l *Log) Wait(tb testing.TB, text string) string {
	tb.Helper()
	late := time.After(readyWithin)
	for {
		grown := l.Grown()
		for line := range strings.Lines(l.String()) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				return line
			}
		}
		select {
		case <-grown:
		case <-late:
			tb.Fatalf("%q never came:\n%s", text, l.Tail(200))
		}
	}
}

// Match says whether a whole line of the log matches.
func (l *Log) Match(line *regexp.Regexp) bool {
	text := l.String()
	end := strings.LastIndexByte(text, '\n')
	for s := range strings.Lines(text[:end+1]) {
		if line.MatchString(strings.TrimRight(s, "\r\n")) {
			return true
		}
	}
	return false
}
