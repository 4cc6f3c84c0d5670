package iceserver

import (
	"fmt"
	"slices"
	"strings"
)

// What can be said of a requirement.
const (
	tested   = "met and tested"
	untested = "met, no test of its own"
	leftOut  = "left out"
)

func (c *claims) status(r requirement) string {
	switch {
	case r.leftOut != "":
		return leftOut
	case len(c.tests[r.id]) > 0:
		return tested
	}
	return untested
}

// render writes the page. It has no line numbers, which change with every edit.
func render(sections []section, c *claims) string {
	var b strings.Builder
	b.WriteString("# Conformance\n\n" +
		"Made by `make docs` from [requirements.txt](requirements.txt) and from the comments in code and tests that name\n" +
		"these numbers; a test fails when this page is stale. The words are ours; for the standard's own read the section\n" +
		"that the number names: `R-8656-7.2-b` is the second point of RFC 8656, section 7.2.\n\n")
	total := map[string]int{}
	var rows strings.Builder
	for _, s := range sections {
		count := map[string]int{}
		for _, r := range s.requirements {
			count[c.status(r)]++
			total[c.status(r)]++
		}
		fmt.Fprintf(&rows, "| %s |%s\n", s.title, counts(count))
	}
	fmt.Fprintf(&b, "| | %s | %s | %s | all |\n|---|---|---|---|---|\n", tested, untested, leftOut)
	fmt.Fprintf(&b, "%s| **All** |%s\n", rows.String(), counts(total))
	for _, s := range sections {
		renderSection(&b, s, c)
	}
	return b.String()
}

func counts(n map[string]int) string {
	return fmt.Sprintf(" %d | %d | %d | %d |", n[tested], n[untested], n[leftOut], n[tested]+n[untested]+n[leftOut])
}

func renderSection(b *strings.Builder, s section, c *claims) {
	fmt.Fprintf(b, "\n## %s\n\n| Number | Level | Requirement | Status | Code | Tests |\n|---|---|---|---|---|---|\n", s.title)
	for _, r := range s.requirements {
		status := c.status(r)
		if r.leftOut != "" {
			status += ": " + r.leftOut
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", r.id, r.level,
			strings.ReplaceAll(r.words, "|", `\|`), status, placeList(c.code[r.id]), placeList(c.tests[r.id]))
	}
}

func placeList(places []string) string {
	sorted := slices.Sorted(slices.Values(places))
	for i, p := range sorted {
		sorted[i] = "`" + p + "`"
	}
	return strings.Join(sorted, "<br>")
}
