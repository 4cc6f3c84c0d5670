package doctor

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the result for people: the verdict, a row for each way, what to do,
// then the evidence.
func (r *ProbeResult) Print(w io.Writer, colour bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", r.Status.label(colour), r.Verdict)
	r.printWays(&b, colour)
	r.printAdvice(&b)
	r.printCandidates(&b)
	r.printServers(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// name tells ways apart: a URL may have several addresses.
func (w *Way) name() string {
	if w.Server == "" {
		return w.URL + " (" + w.Transport + ")"
	}
	return fmt.Sprintf("%s (%s %s)", w.URL, w.Transport, w.Server)
}

func (r *ProbeResult) printWays(b *strings.Builder, colour bool) {
	widest := 0
	for i := range r.Ways {
		widest = max(widest, len(r.Ways[i].name()))
	}
	for i := range r.Ways {
		w := &r.Ways[i]
		fmt.Fprintf(b, "%s  %-*s  %s\n", w.Status.label(colour), widest, w.name(), w.figures())
	}
}

// figures are what was measured, or why nothing was.
func (w *Way) figures() string {
	var parts []string
	if w.Status != OK {
		parts = append(parts, w.Seen)
	}
	switch {
	case w.Relayed != "":
		parts = append(parts, "relay "+w.Relayed)
	case w.Mapped != "":
		parts = append(parts, "you are "+w.Mapped)
	}
	if len(parts) > 0 && w.Gathered > 0 {
		parts = append(parts, fmt.Sprintf("gathered %.0f ms", w.Gathered))
	}
	if q := w.Quality; q != nil {
		parts = append(parts,
			fmt.Sprintf("RTT %s ms (95 %%: %s)", short(q.RTTMedian), short(q.RTTP95)),
			fmt.Sprintf("jitter %s ms", short(q.Jitter)), fmt.Sprintf("loss %s %%", short(q.LossPercent)))
	}
	return strings.Join(parts, "  ")
}

// short has two digits that count, and no more than one behind the point from 1 up.
func short(v float64) string {
	switch {
	case v == 0, v >= 10:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// printAdvice says once for each advice which ways it is for.
func (r *ProbeResult) printAdvice(b *strings.Builder) {
	var said []string
	for i := range r.Ways {
		w := &r.Ways[i]
		for _, text := range append([]string{w.Advice}, w.Notes...) {
			if text == "" || slices.Contains(said, text) {
				continue
			}
			if len(said) == 0 {
				b.WriteString("\nWhat it means\n")
			}
			said = append(said, text)
			fmt.Fprintf(b, "  %s: %s\n", w.name(), text)
		}
	}
}

func (r *ProbeResult) printCandidates(b *strings.Builder) {
	if len(r.Candidates) == 0 {
		return
	}
	b.WriteString("\nCandidates\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  TYPE\tTRANSPORT\tADDRESS\tBASE\tGATHERED\tPRIORITY\tFROM")
	for _, c := range r.Candidates {
		fmt.Fprintf(t, "  %s\t%s/%s\t%s\t%s\t%.0f ms\t%d\t%s\n",
			c.Type, c.Transport, c.Family, c.Address, c.Base, c.Gathered, c.Priority, c.Server)
	}
	t.Flush()
}

// printServers says what each server told of itself.
func (r *ProbeResult) printServers(b *strings.Builder) {
	first := true
	for i := range r.Ways {
		w := &r.Ways[i]
		var lines []string
		if w.Software != "" {
			lines = append(lines, "software "+w.Software)
		}
		if w.Realm != "" {
			lines = append(lines, "realm "+w.Realm)
		}
		if w.Path != "" && w.Quality != nil {
			lines = append(lines, fmt.Sprintf("measured %s, %d packets", w.Path, w.Quality.Sent))
		}
		if w.Certificate != nil {
			lines = append(lines, "certificate "+w.Certificate.line())
		}
		if len(lines) == 0 {
			continue
		}
		if first {
			b.WriteString("\nServers\n")
			first = false
		}
		fmt.Fprintf(b, "  %s: %s\n", w.name(), strings.Join(lines, "; "))
	}
}

// line is the certificate in one.
func (s *ShownCertificate) line() string {
	parts := []string{s.Subject, "for " + s.forWhom(), "by " + s.Issuer}
	if s.DaysLeft < 0 {
		parts = append(parts, "ended on "+s.NotAfter.UTC().Format(time.DateOnly))
	} else {
		parts = append(parts, fmt.Sprintf("%s left, until %s", times(s.DaysLeft, "day"), s.NotAfter.UTC().Format(time.DateOnly)))
	}
	chain := "incomplete"
	if s.Complete {
		chain = "complete"
	}
	parts = append(parts, fmt.Sprintf("chain of %d %s", s.Chain, chain))
	if s.Trusted {
		return strings.Join(append(parts, "trusted"), ", ")
	}
	return strings.Join(append(parts, "not trusted: "+s.Problem), ", ")
}
