package server

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printable writes lines of JSON with everything escaped that a terminal or another
// program might obey. The encoder leaves in what JSON allows: C1 controls, among
// them a line break and the start of an escape sequence, and marks that turn the
// direction of text.
//
// A-D15: whatever a client calls itself, a record is one line.
type printable struct{ w io.Writer }

// Write implements io.Writer. Outside of strings a line of JSON is ASCII, so that
// an escape stands where it may.
func (p printable) Write(line []byte) (int, error) {
	if bytes.ContainsFunc(line, obeyed) {
		var out []byte
		for rest := line; len(rest) > 0; {
			r, size := utf8.DecodeRune(rest)
			switch high, low := utf16.EncodeRune(r); {
			case !obeyed(r):
				out = append(out, rest[:size]...)
			case high != unicode.ReplacementChar:
				out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
			default:
				out = fmt.Appendf(out, `\u%04x`, r)
			}
			rest = rest[size:]
		}
		if _, err := p.w.Write(out); err != nil {
			return 0, err
		}
		return len(line), nil
	}
	return p.w.Write(line)
}

// obeyed says whether a character does something rather than be seen.
func obeyed(r rune) bool { return r >= 0x7F && !unicode.IsPrint(r) && r != utf8.RuneError }
