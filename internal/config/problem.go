package config

import (
	"fmt"
	"slices"
	"strings"
)

// The places beside a file that a value can come from.
const (
	fromEnvironment = "environment"
	fromCommandLine = "command line"
)

// A Problem is one mistake, or with Warning one thing worth knowing. It never
// holds the value of a secret key.
type Problem struct {
	File    string `json:"file"`             // the file's name, "environment" or "command line"
	Line    int    `json:"line,omitempty"`   // from 1; 0 where there are no lines
	Column  int    `json:"column,omitempty"` // in characters, from 1; 0 where there are no lines
	Key     string `json:"key,omitempty"`    // as the operator wrote it
	Message string `json:"message"`          // what is wrong
	// Suggestion is a clause that says what to do. Only a warning may have none.
	Suggestion string `json:"suggestion,omitempty"`
	Warning    bool   `json:"warning"`
}

// String returns the problem in one line, as compilers write them:
// file:line:column: what is wrong; what to do.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.Suggestion != "" {
		b.WriteString("; " + p.Suggestion)
	}
	return b.String()
}

// Failed says whether any of the problems is more than a warning.
func Failed(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

// A Source is one place where a key was set.
type Source struct {
	File string // the file's name, "environment" or "command line"
	Line int    // from 1; 0 where there are no lines
	Key  string // the key as written there: an old name, a variable, a flag
}

// String returns "turnserver.conf:12", "environment ICESERVER_REALM" or
// "command line --realm".
func (s Source) String() string {
	if s.Line > 0 {
		return fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	return s.File + " " + s.Key
}

// fault is why a value was not taken, before it is known where it stood.
type fault struct {
	message, suggestion string
}

// faultf makes a fault; the format is of the message alone.
func faultf(suggestion, format string, args ...any) *fault {
	return &fault{message: fmt.Sprintf(format, args...), suggestion: suggestion}
}

// quote shows a value in a message, shortened, so that one line stays one line.
func quote(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		return fmt.Sprintf("%q...", string(r[:longest]))
	}
	return fmt.Sprintf("%q", s)
}
