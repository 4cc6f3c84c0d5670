package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Report is what an examination found.
type Report struct {
	Checks []Check `json:"checks"`
}

// Worst is the status of the whole.
func (r Report) Worst() Status {
	worst := OK
	for _, c := range r.Checks {
		worst = max(worst, c.Status)
	}
	return worst
}

// Print writes the report for people: a line for each check, with the advice
// below those that are not OK, and the verdict as the last line. Lines are broken
// at width columns; 0: each is one line, for programs that look for it. Colour only
// ever repeats what a word says.
func (r Report) Print(w io.Writer, width int, colour bool) error {
	names := 0
	for _, c := range r.Checks {
		names = max(names, len(c.Name))
	}
	var b strings.Builder
	for _, c := range r.Checks {
		// The head is measured without its colour.
		head := fmt.Sprintf("%s  %-*s  ", c.Status.label(false), names, c.Name)
		text := Fold(head+c.Seen, width, min(len([]rune(head)), width/2))
		b.WriteString(strings.Replace(text, c.Status.label(false), c.Status.label(colour), 1) + "\n")
		if c.Status != OK && c.Advice != "" {
			const arrow = "        -> "
			b.WriteString(Fold(arrow+c.Advice, width, len(arrow)) + "\n")
		}
	}
	b.WriteString("\n" + Fold(r.Verdict(), width, 0) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Fold breaks a line at spaces so that it ends at a column, as far as its words
// allow, and begins the following ones with an indent. What is a word too long, as a
// path, stays whole: it is there to be copied. Without a width the line stays as it is.
func Fold(line string, width, indent int) string {
	var b strings.Builder
	for width > 0 && len([]rune(line)) > width {
		r := []rune(line)
		at := width
		for at > indent && r[at] != ' ' {
			at--
		}
		if at <= indent {
			for at = width; at < len(r) && r[at] != ' '; at++ {
			}
		}
		if at == len(r) {
			break
		}
		b.WriteString(strings.TrimRight(string(r[:at]), " ") + "\n")
		line = strings.Repeat(" ", indent) + strings.TrimLeft(string(r[at:]), " ")
	}
	return b.String() + line
}

// Verdict is the report in one sentence, which names the first of what is worst: that
// a server does not run comes behind what keeps it from starting.
func (r Report) Verdict() string {
	var first *Check
	count := map[Status]int{}
	for i, c := range r.Checks {
		count[c.Status]++
		if c.Status != OK && (first == nil || c.Status > first.Status || c.Status == first.Status && c.keepsDown && !first.keepsDown) {
			first = &r.Checks[i]
		}
	}
	switch {
	case len(r.Checks) == 0:
		return "Nothing was checked."
	case first == nil:
		return fmt.Sprintf("All is well: %s passed.", checksNumber(len(r.Checks)))
	case first.Status == Warn:
		return fmt.Sprintf("It works, with %s: %s: %s.", times(count[Warn], "warning"), first.Name, first.Seen)
	}
	return fmt.Sprintf("It does not work as it is, for %s; first mend this: %s: %s.",
		times(count[Fail], "reason"), first.Name, first.Seen)
}

func checksNumber(n int) string { return times(n, "check") }

// times is a number with its noun.
func times(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// label is the sign and the word in front of a line, all equally long.
func (s Status) label(colour bool) string {
	text, code := "✓ OK  ", "32"
	switch s {
	case Warn:
		text, code = "! WARN", "33"
	case Fail:
		text, code = "✗ FAIL", "31"
	}
	if !colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
