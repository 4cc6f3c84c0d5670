package doctor

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// remedy is one step that mends something on this machine. It is a command that a
// person could type, and shown as that before it is done.
type remedy struct {
	command []string
	// do carries it out where it is no program, and says what somebody has to know
	// of it; nil: command is run.
	do func(context.Context) (said string, err error)
	// after is what is left to a person once command was run; empty: nothing.
	after string
}

// run is a remedy that runs a program.
func run(command ...string) remedy { return remedy{command: command} }

// Fix does what the checks of a report know to do by themselves, and writes each
// command before it is done. A step that fails is told of, and does not keep
// the others from being done. It returns how many were done and how many failed.
func (r Report) Fix(ctx context.Context, w io.Writer) (done, failed int) {
	seen := map[string]bool{}
	for _, c := range r.Checks {
		if c.Status == OK {
			continue
		}
		for _, step := range c.remedies {
			line := shellLine(step.command)
			// Two checks may be mended by the same step.
			if seen[line] {
				continue
			}
			seen[line] = true
			fmt.Fprintf(w, "+ %s\n", line)
			said, err := step.carryOut(ctx)
			if err != nil {
				fmt.Fprintf(w, "  failed: %s\n", oneLine(err))
				failed++
				continue
			}
			if said != "" {
				fmt.Fprintf(w, "  %s\n", said)
			}
			done++
		}
	}
	return done, failed
}

// carryOut does it.
func (s remedy) carryOut(ctx context.Context) (said string, err error) {
	if s.do != nil {
		return s.do(ctx)
	}
	out, err := exec.CommandContext(ctx, s.command[0], s.command[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	if s.after != "" {
		return "until the machine restarts; for longer: " + s.after, nil
	}
	return "", nil
}

// shellLine is a command as one types it.
func shellLine(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = word
		if word == "" || strings.ContainsFunc(word, needsQuotes) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// needsQuotes says whether a shell takes a character for something else than
// itself, as far as it matters in a name, a path or a rule.
func needsQuotes(r rune) bool {
	return r <= ' ' || strings.ContainsRune("'\"\\$&|;<>()*?#~`!{}[]", r)
}
