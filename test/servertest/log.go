package servertest

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// Log keeps what a program writes and tells when it grows.
type Log struct {
	mu    sync.Mutex // guards the following
	text  bytes.Buffer
	grown chan struct{} // closed and replaced by every Write
}

func newLog() *Log { return &Log{grown: make(chan struct{})} }

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
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
	return l.grown
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
