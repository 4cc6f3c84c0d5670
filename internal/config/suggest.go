package config

import "strings"

// nearest returns the name that is the fewest edits away from word, or "" when
// none is near enough to be meant.
func nearest(word string, names []string) string {
	word = strings.ToLower(strings.TrimLeft(word, "-"))
	best, fewest := "", max(2, len(word)/3)+1
	if len(word) < 3 || len(word) > 64 {
		return ""
	}
	for _, n := range names {
		if len(n)-len(word) >= fewest || len(word)-len(n) >= fewest {
			continue // the difference in length alone takes that many edits
		}
		if d := edits(word, strings.ToLower(n)); d < fewest {
			best, fewest = n, d
		}
	}
	return best
}

// suggestOne is nearest as the end of a sentence that lists the choices.
func suggestOne(word string, choices []string) string {
	if n := nearest(word, choices); n != "" {
		return ` (did you mean "` + n + `"?)`
	}
	return ""
}

// edits counts the insertions, deletions, substitutions and swaps of
// neighbours that make b out of a.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
