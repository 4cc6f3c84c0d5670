package iceserver

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write docs/conformance.md and docs/configure.md anew")

const (
	requirementsFile = "docs/requirements.txt"
	conformanceFile  = "docs/conformance.md"
)

// TestConformance holds docs/requirements.txt against what comments in code and
// tests claim, and docs/conformance.md against both. With -rewrite the page is
// written anew.
func TestConformance(t *testing.T) {
	page, problems := conformance(os.DirFS("."), *rewrite)
	for _, p := range problems {
		t.Error(p)
	}
	if *rewrite && len(problems) == 0 {
		if err := os.WriteFile(conformanceFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// conformance makes the page for a tree and lists what is wrong in it, a stale
// page too unless it is about to be written.
func conformance(tree fs.FS, rewriting bool) (page string, problems []string) {
	text, err := fs.ReadFile(tree, requirementsFile)
	if err != nil {
		return "", []string{err.Error()}
	}
	sections, problems := readRequirements(string(text))
	c := claims{code: map[string][]string{}, tests: map[string][]string{}}
	if err := c.collect(tree); err != nil {
		return "", append(problems, err.Error())
	}
	problems = append(problems, c.judge(sections)...)
	page = render(sections, &c)
	if old, err := fs.ReadFile(tree, conformanceFile); !rewriting && (err != nil || string(old) != page) {
		problems = append(problems, conformanceFile+" is stale: run make docs")
	}
	return page, problems
}

// requirement is one line of requirements.txt.
type requirement struct{ id, level, words, leftOut string }

// section is a heading of requirements.txt and the lines below it.
type section struct {
	title        string
	requirements []requirement
}

var levels = []string{"MUST", "SHOULD", "MAY", "derived", "attack", "decision", "figure", "practice"}

func readRequirements(text string) (sections []section, problems []string) {
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		if title, ok := strings.CutPrefix(line, "== "); ok {
			sections = append(sections, section{title: title})
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		r, err := readRequirement(line)
		switch {
		case err != nil:
		case len(sections) == 0:
			err = fmt.Errorf("%s stands above the first heading", r.id)
		case seen[r.id]:
			err = fmt.Errorf("%s is there twice", r.id)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: line %d: %v", requirementsFile, i+1, err))
			continue
		}
		seen[r.id] = true
		s := &sections[len(sections)-1]
		s.requirements = append(s.requirements, r)
	}
	return sections, problems
}

func readRequirement(line string) (r requirement, err error) {
	f := strings.Split(line, "\t")
	if len(f) < 3 || len(f) > 4 || slices.Contains(f, "") {
		return r, fmt.Errorf("want number, level, words and perhaps a reason, with tabs between them")
	}
	r = requirement{id: f[0], level: f[1], words: f[2]}
	if !slices.Contains(levels, r.level) {
		return r, fmt.Errorf("%s: no such level: %s", r.id, r.level)
	}
	if ids := named(r.id); len(ids) != 1 || ids[0] != r.id {
		return r, fmt.Errorf("%s is not a number that comments could name", r.id)
	}
	if len(f) == 4 {
		reason, ok := strings.CutPrefix(f[3], "left out: ")
		if !ok || reason == "" {
			return r, fmt.Errorf("%s: the fourth field is \"left out: \" and a reason", r.id)
		}
		r.leftOut = reason
	}
	return r, nil
}

var (
	number = regexp.MustCompile(`\bR-[0-9A-Z]+(?:-[0-9A-Za-z.]*[0-9A-Za-z])+|\bA-[A-Z][0-9]{2}\b|\bF-[0-9]{2}\b|\bH-[0-9]{2}\b|\bW-(?:[0-9]{2}|S[0-9]{1,2})\b|\bX1?[0-9]\b`)
	// Of two numbers of one section the second is easily cut to its last
	// letter, and would be overlooked.
	cutShort = regexp.MustCompile(`R-[^\s,]+,\s+-[a-z]\b`)
)

func named(comment string) []string { return number.FindAllString(comment, -1) }

// claims says where the numbers are named: in files of code, and in tests.
type claims struct {
	code, tests map[string][]string
	cut         []string // places of numbers that are cut short
}

func (c *claims) collect(tree fs.FS) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name != "." && name[0] == '.' || slices.Contains([]string{"node_modules", "bin", "docs", "dist"}, d.Name())):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		switch path.Ext(name) {
		case ".go":
			return c.goFile(tree, name)
		case ".txt", ".js", ".mjs", ".sh", ".ts", ".tsx":
			if isTest(name) {
				return c.script(tree, name)
			}
		}
		return nil
	})
}

// isTest says whether a file shows something instead of doing it: tests, what
// they read, and packages that only tests import.
func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "test/") ||
		strings.Contains(name, "testdata/") || strings.Contains(path.Base(name), ".test.") || strings.HasSuffix(path.Dir(name), "test")
}

// goFile takes what the comments of a Go file name; strings do not count.
func (c *claims) goFile(tree fs.FS, name string) error {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, group := range file.Comments {
		place := name
		if f := enclosing(file, group); f != "" && isTest(name) {
			place += ": " + f
		}
		c.take(name, place, group.Text())
	}
	return nil
}

// enclosing returns the name of the function that a comment lies in or above.
func enclosing(file *ast.File, group *ast.CommentGroup) string {
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		from := f.Pos()
		if f.Doc != nil {
			from = f.Doc.Pos()
		}
		if from <= group.Pos() && group.Pos() < f.End() {
			return f.Name.Name
		}
	}
	return ""
}

// script takes what the comment lines of another file name.
func (c *claims) script(tree fs.FS, name string) error {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "*") || strings.HasPrefix(line, "/*") {
			c.take(name, name, line)
		}
	}
	return nil
}

func (c *claims) take(name, place, comment string) {
	to := c.code
	if isTest(name) {
		to = c.tests
	}
	for _, id := range named(comment) {
		if !slices.Contains(to[id], place) {
			to[id] = append(to[id], place)
		}
	}
	if cutShort.MatchString(comment) {
		c.cut = append(c.cut, place)
	}
}

// judge lists what does not fit together.
func (c *claims) judge(sections []section) (problems []string) {
	known := map[string]bool{}
	for _, s := range sections {
		for _, r := range s.requirements {
			known[r.id] = true
			places := slices.Concat(c.code[r.id], c.tests[r.id])
			if r.leftOut == "" && len(places) == 0 {
				problems = append(problems, r.id+" is named nowhere and not left out")
			}
			if r.leftOut != "" && len(places) > 0 {
				problems = append(problems, fmt.Sprintf("%s is left out, but %s names it", r.id, places[0]))
			}
		}
	}
	for _, m := range []map[string][]string{c.code, c.tests} {
		for id, places := range m {
			if !known[id] {
				problems = append(problems, fmt.Sprintf("%s names %s, which is not in %s", places[0], id, requirementsFile))
			}
		}
	}
	for _, place := range c.cut {
		problems = append(problems, place+" cuts a number short: write each in full")
	}
	slices.Sort(problems)
	return problems
}
