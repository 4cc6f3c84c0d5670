package turn

import (
	"testing"

	"pgregory.net/rapid"
)

// A-D16: the heap gives the earliest first, whatever is pushed, changed and removed.
func TestDeadlines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h deadlines
		var all []*allocation
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 2).Draw(t, "op"); {
			case op == 0 || len(all) == 0:
				a := &allocation{due: Now(rapid.IntRange(0, 20).Draw(t, "due"))}
				all = append(all, a)
				h.push(a)
			case op == 1:
				a := rapid.SampledFrom(all).Draw(t, "which")
				a.due = Now(rapid.IntRange(0, 20).Draw(t, "due"))
				h.fix(a)
			default:
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				h.remove(all[i])
				all = append(all[:i], all[i+1:]...)
			}
			first := Never
			for _, a := range all {
				first = min(first, a.due)
			}
			if h.next() != first || len(h) != len(all) {
				t.Fatalf("next is %v of %d, want %v of %d", h.next(), len(h), first, len(all))
			}
		}
	})
}
