package iceserver

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// madeUp is a small tree in which everything fits together.
func madeUp() map[string]string {
	return map[string]string{
		requirementsFile: "# comment\n== RFC 1: one\nR-1-2.3-a\tMUST\tIt works.\nR-1-2.3-b\tSHOULD\tWell.\n" +
			"R-1-4-a\tMAY\tElsewhere too.\tleft out: not yet\n== Attacks\nA-C01\tattack\tNothing happens.\nW-S10\tattack\tNor here.\nH-07\tpractice\tAs usual.\n",
		"internal/a/a.go":               "package a\n\n// R-1-2.3-a (RFC 1, 2.3): works.\nfunc A() string { return \"R-9-9-z\" }\n",
		"internal/a/a_test.go":          "package a\n\nimport \"testing\"\n\n// R-1-2.3-a: works.\nfunc TestA(*testing.T) {\n\t// R-1-2.3-b\n}\n",
		"internal/a/testdata/s.txt":     "# A-C01: nothing\nline R-9-9-z\n",
		"node_modules/x/test/broken.go": "not Go, R-9-9-z",
		"test/web/call.js":              "// R-1-2.3-b\nconst x = 'R-9-9-z'\n",
		"web/src/page.ts":               "// W-99: no test\n",
		"web/src/page.test.ts":          "// H-07, W-S10: what is served\nconst x = 'R-9-9-z'\n",
	}
}

// write makes a directory of a tree, with the page that belongs to it.
func write(t *testing.T, tree map[string]string) string {
	dir := t.TempDir()
	for name, text := range tree {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := tree[conformanceFile]; !ok {
		page, _ := conformance(os.DirFS(dir), true)
		if err := os.WriteFile(filepath.Join(dir, conformanceFile), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The guard lets a tree pass in which everything fits, and sees each fault.
func TestConformanceGuard(t *testing.T) {
	faults := []struct{ name, file, old, text, want string }{
		{"nothing", "test/web/call.js", "const", "const", ""},
		{"stale page", conformanceFile, "", "# Conformance\n", "stale"},
		{"unknown in code", "internal/a/a.go", "R-1-2.3-a", "R-1-2.3-a, R-1-2.3-c", "internal/a/a.go names R-1-2.3-c"},
		{"unknown in a test", "internal/a/a_test.go", "// R-1-2.3-b", "// R-1-2.3-b A-C99", "names A-C99"},
		{"unknown in a script", "internal/a/testdata/s.txt", "A-C01", "A-C01 R-7-7-a", "s.txt names R-7-7-a"},
		{"unknown in a test of a page", "web/src/page.test.ts", "H-07", "H-07 H-08 W-01", "page.test.ts names W-01"},
		{"incomplete number", "internal/a/a.go", "R-1-2.3-a", "R-1-2.3-a, R-1-2.3", "names R-1-2.3,"},
		{"cut short", "internal/a/a.go", "R-1-2.3-a", "R-1-2.3-a, -b", "cuts a number short"},
		{"named nowhere", requirementsFile, "A-C01", "A-C02\tattack\tMore.\nA-C01", "A-C02 is named nowhere"},
		{"left out but claimed", "internal/a/a.go", "R-1-2.3-a", "R-1-2.3-a R-1-4-a", "R-1-4-a is left out, but internal/a/a.go"},
		{"twice", requirementsFile, "A-C01", "R-1-2.3-a\tMUST\tAgain.\nA-C01", "twice"},
		{"no such level", requirementsFile, "SHOULD", "OUGHT", "no such level"},
		{"no tabs", requirementsFile, "A-C01\tattack", "A-C01 attack", "tabs"},
		{"no reason", requirementsFile, "left out: not yet", "later", "left out"},
		{"no heading", requirementsFile, "== RFC 1: one\n", "", "above the first heading"},
		{"no number", requirementsFile, "A-C01\t", "C01\t", "not a number"},
		{"broken Go", "internal/a/a.go", "package", "pack age", "a.go"},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			tree := maps.Clone(madeUp())
			if f.old == "" {
				tree[f.file] = f.text
			} else {
				tree[f.file] = strings.Replace(tree[f.file], f.old, f.text, 1)
			}
			_, problems := conformance(os.DirFS(write(t, tree)), false)
			got := strings.Join(problems, "\n")
			if f.want == "" && got != "" || !strings.Contains(got, f.want) {
				t.Errorf("found %q, want %q", got, f.want)
			}
		})
	}
}

// The page says of each requirement what is true of it.
func TestConformancePage(t *testing.T) {
	page, _ := conformance(os.DirFS(write(t, madeUp())), false)
	for _, want := range []string{
		"| RFC 1: one | 2 | 0 | 1 | 3 |\n",
		"| Attacks | 3 | 0 | 0 | 3 |\n",
		"| **All** | 5 | 0 | 1 | 6 |\n",
		"| R-1-2.3-a | MUST | It works. | met and tested | `internal/a/a.go` | `internal/a/a_test.go: TestA` |\n",
		"| R-1-2.3-b | SHOULD | Well. | met and tested |  | `internal/a/a_test.go: TestA`<br>`test/web/call.js` |\n",
		"| R-1-4-a | MAY | Elsewhere too. | left out: not yet |  |  |\n",
		"| A-C01 | attack | Nothing happens. | met and tested |  | `internal/a/testdata/s.txt` |\n",
		"| W-S10 | attack | Nor here. | met and tested |  | `web/src/page.test.ts` |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	tree := madeUp()
	delete(tree, "internal/a/a_test.go")
	delete(tree, "test/web/call.js")
	page, _ = conformance(os.DirFS(write(t, tree)), false)
	if want := "| R-1-2.3-a | MUST | It works. | met, no test of its own | `internal/a/a.go` |  |\n"; !strings.Contains(page, want) {
		t.Errorf("the page has no %q:\n%s", want, page)
	}
}
