package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	r := Report{Checks: []Check{
		ok("one", "fine"), warn("second", "hm", "do this"), fail("third", "bad", "do that"), {Name: "fourth", Status: OK, Seen: "fine", Advice: "not shown"},
	}}
	var b strings.Builder
	if err := r.Print(&b, 0, false); err != nil {
		t.Fatal(err)
	}
	const plain = "✓ OK    one     fine\n" +
		"! WARN  second  hm\n        -> do this\n" +
		"✗ FAIL  third   bad\n        -> do that\n" +
		"✓ OK    fourth  fine\n" +
		"\nIt does not work as it is, for 1 reason; first mend this: third: bad.\n"
	if b.String() != plain {
		t.Errorf("got\n%s", b.String())
	}
	// Colour adds nothing but itself.
	b.Reset()
	_ = r.Print(&b, 0, true)
	text := b.String()
	for _, code := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"} {
		if !strings.Contains(text, code) {
			t.Errorf("%q is missing", code)
		}
		text = strings.ReplaceAll(text, code, "")
	}
	if text != plain {
		t.Errorf("without colour it is\n%s", text)
	}
}

// A terminal gets lines that fit, each below the text of its check; a path stays
// whole however long it is, and colour takes no room.
func TestPrintFolded(t *testing.T) {
	r := Report{Checks: []Check{
		ok("name", "what was seen of it is a sentence"), warn("x", "/a/path/that/is/longer/than/any/line/here is long", "do this and that and then something else"),
	}}
	var b strings.Builder
	_ = r.Print(&b, 40, true)
	const want = "\x1b[32m✓ OK  \x1b[0m  name  what was seen of it is a\n              sentence\n" +
		"\x1b[33m! WARN\x1b[0m  x     /a/path/that/is/longer/than/any/line/here\n              is long\n" +
		"        -> do this and that and then\n           something else\n" +
		"\nIt works, with 1 warning: x:\n/a/path/that/is/longer/than/any/line/here\nis long.\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestVerdict(t *testing.T) {
	for want, r := range map[string]Report{
		"Nothing was checked.":                                               {},
		"All is well: 1 check passed.":                                       {Checks: []Check{ok("a", "")}},
		"All is well: 2 checks passed.":                                      {Checks: []Check{ok("a", ""), ok("b", "")}},
		"It works, with 2 warnings: b: seen.":                                {Checks: []Check{ok("a", ""), warn("b", "seen", ""), warn("c", "", "")}},
		"It does not work as it is, for 1 reason; first mend this: c: bad.":  {Checks: []Check{warn("b", "seen", ""), fail("c", "bad", "")}},
		"It does not work as it is, for 3 reasons; first mend this: c: bad.": {Checks: []Check{fail("b", "not running", ""), fail("c", "bad", "").down(), fail("d", "", "").down()}},
	} {
		if got := r.Verdict(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Fix does each step once, tells of one that fails and goes on, and leaves alone
// what is OK.
func TestFix(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a b")
	good := ok("fine", "")
	r := Report{Checks: []Check{
		good.with(run("touch", filepath.Join(dir, "never"))),
		warn("x", "", "").with(run("touch", file), run("touch", file)),
		fail("y", "", "").with(remedy{command: []string{"iceserver", "breaks"}, do: func(context.Context) (string, error) { return "", errors.New("two\nlines") }}),
		fail("z", "", "").with(remedy{command: []string{"iceserver", "makes"}, do: func(context.Context) (string, error) { return "password: p", nil }}),
		fail("w", "", "").with(run("false")),
	}}
	var out strings.Builder
	if done, failed := r.Fix(t.Context(), &out); done != 2 || failed != 2 {
		t.Errorf("%d done, %d failed", done, failed)
	}
	want := "+ touch '" + file + "'\n+ iceserver breaks\n  failed: two lines\n+ iceserver makes\n  password: p\n+ false\n  failed: exit status 1:\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}
