package config

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// maxFile bounds a configuration file, so that a wrong path (a device, a core
// dump) is an error and not a full memory.
const maxFile = 16 << 20

// maxProblems is how many mistakes of one file are told. More than that is not
// a configuration file.
const maxProblems = 200

// An entry is one setting as it was written somewhere.
type entry struct {
	file   string
	line   int // 0 outside files
	column int // of the key
	name   string
	value  string
	// valueColumn is where value begins; the key's column when it is bare.
	valueColumn int
	bare        bool // there is no value
	cut         bool // a comment stands behind a value without quotation marks
	// key is the name of the key where name is something else: a flag or a
	// variable, or the old form of another key.
	key     string
	warning *fault
}

// problem makes a Problem at the entry's key.
func (e *entry) problem(f *fault) Problem {
	return Problem{File: e.file, Line: e.line, Column: e.column, Key: e.name, Message: f.message, Suggestion: f.suggestion}
}

// valueProblem makes a Problem at the entry's value.
func (e *entry) valueProblem(f *fault) Problem {
	p := e.problem(f)
	p.Column = e.valueColumn
	return p
}

// weight orders the places that an entry can come from.
func (e *entry) weight() int {
	switch e.file {
	case fromEnvironment:
		return 1
	case fromCommandLine:
		return 2
	}
	return 0
}

func (e *entry) source() Source { return Source{File: e.file, Line: e.line, Key: e.name} }

// readFile splits a file into entries. Both of coturn's dialects are one here:
// key=value, key value, a tab, any mix of them, or the bare key.
func readFile(name string, text io.Reader) ([]entry, []Problem) {
	limited := &io.LimitedReader{R: text, N: maxFile}
	r := bufio.NewReader(limited)
	var entries []entry
	for line := 1; ; line++ {
		raw, err := r.ReadString('\n')
		if e, ok := readLine(raw, line == 1); ok {
			e.file, e.line = name, line
			entries = append(entries, e)
		}
		if err == nil {
			continue
		}
		if err == io.EOF && limited.N > 0 {
			return entries, nil
		}
		f := faultf("see that it is a file and can be read", "cannot be read to its end: %v", err)
		if err == io.EOF {
			f = faultf("correct the path", "is longer than %d MiB, which no configuration file is", maxFile>>20)
		}
		return entries, []Problem{{File: name, Line: line, Column: 1, Message: f.message, Suggestion: f.suggestion}}
	}
}

// readLine reads one line with its end; ok is false when it holds no setting.
func readLine(raw string, first bool) (e entry, ok bool) {
	if first {
		raw = strings.TrimPrefix(raw, "\uFEFF") // some editors begin files so
	}
	raw = strings.TrimRight(raw, " \t\r\n\v\f")
	s := strings.TrimLeft(raw, " \t")
	if s == "" || s[0] == '#' {
		return e, false
	}
	at := len(raw) - len(s)
	e.column = column(raw, at)
	end := strings.IndexAny(s, " \t=")
	if end < 0 {
		end = len(s)
	}
	e.name = s[:end]
	if e.name != ";" && strings.HasSuffix(e.name, ";") && end == len(s) {
		e.name = strings.TrimRight(e.name, ";")
		e.warning = semicolonFault()
	}
	start := len(raw) - len(strings.TrimLeft(s[end:], " \t="))
	separator := raw[at+end : start]
	e.cut = commentStart(raw, start) < len(raw) && !(strings.HasPrefix(raw[start:], `"`) && closingQuote(raw[start:]) > 0)
	e.value, start, e.warning = readValue(raw, start, e.warning)
	e.bare = e.value == "" && !strings.Contains(separator, "=")
	e.valueColumn = column(raw, start)
	if e.value == "" {
		e.valueColumn = e.column
	}
	return e, true
}

// semicolonFault warns of what other file formats end lines with.
func semicolonFault() *fault {
	return faultf("leave it out", "ends with a semicolon, which is not needed")
}

// readValue takes the value that begins at raw[start:] out of its quotes and
// away from the comment behind it.
func readValue(raw string, start int, warning *fault) (string, int, *fault) {
	v := raw[start:]
	if strings.HasPrefix(v, `"`) {
		if end := closingQuote(v); end > 0 {
			return v[1:end], start + 1, warning
		}
		v, start = v[1:], start+1
		warning = faultf("close it, or leave it out", "begins with a quotation mark that is not closed")
	}
	v = v[:commentStart(raw, start)-start]
	return strings.TrimRight(v, " \t"), start, warning
}

// closingQuote returns where the quotation that v begins with ends: at the first
// mark with nothing but a comment or semicolons behind it. Marks before that
// belong to the value, as in coturn. 0 means that it does not end.
func closingQuote(v string) int {
	for i := 1; i < len(v); i++ {
		if v[i] != '"' {
			continue
		}
		rest := strings.TrimLeft(v[i+1:], "; \t")
		if rest == "" || rest[0] == '#' && len(rest) < len(v[i+1:]) {
			return i
		}
	}
	return 0
}

// commentStart returns where a comment begins in raw at or after from: at a #
// with white space before it, since a # inside a word may belong to a password.
func commentStart(raw string, from int) int {
	for i := from; i < len(raw); i++ {
		if raw[i] == '#' && i > 0 && (raw[i-1] == ' ' || raw[i-1] == '\t') {
			return i
		}
	}
	return len(raw)
}

// column counts characters, which is what editors show.
func column(raw string, at int) int { return utf8.RuneCountInString(raw[:at]) + 1 }
