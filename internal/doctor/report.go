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
// below those that are not OK, and the verdict as the last line. Colour only ever
// repeats what a word says.
func (r Report) Print(w io.Writer, colour bool) error {
	width := 0
	for _, c := range r.Checks {
		width = max(width, len(c.Name))
	}
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%s  %-*s  %s\n", c.Status.label(colour), width, c.Name, c.Seen)
		if c.Status != OK && c.Advice != "" {
			fmt.Fprintf(&b, "        -> %s\n", c.Advice)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.Verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

// Verdict is the report in one sentence, which names the first of what is worst.
func (r Report) Verdict() string {
	var first *Check
	count := map[Status]int{}
	for i, c := range r.Checks {
		count[c.Status]++
		if c.Status != OK && (first == nil || c.Status > first.Status) {
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
