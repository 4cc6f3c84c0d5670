package iceserver

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// The budgets of CONTRIBUTING.md.
const (
	longestFunction = 80 // lines
	longFunction    = 35 // lines; one function in ten may have more
	longestFile     = 500
	mostComplex     = 15   // cyclomatic
	leastComments   = 0.15 // of the lines that are not blank
	mostComments    = 0.25
)

func (s source) length(f *ast.FuncDecl) int { return s.line(f.End()) - s.line(f.Pos()) + 1 }

func longFunctions(s source) []string {
	var all []string
	for _, f := range s.functions() {
		if n := s.length(f); n > longestFunction {
			all = append(all, fmt.Sprintf("%s: %s has %d lines, more than %d", s.at(f.Pos()), f.Name.Name, n, longestFunction))
		}
	}
	return all
}

func longFiles(s source) []string {
	if n := strings.Count(s.text, "\n"); n > longestFile {
		return []string{fmt.Sprintf("%s has %d lines, more than %d", s.path, n, longestFile)}
	}
	return nil
}

// complexity is the number of ways through a function: one, and one more for
// each branch.
func complexity(f *ast.FuncDecl) int {
	n := 1
	ast.Inspect(f, func(node ast.Node) bool {
		switch v := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if v.List != nil {
				n++
			}
		case *ast.CommClause:
			if v.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if v.Op == token.LAND || v.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

func complexFunctions(s source) []string {
	var all []string
	for _, f := range s.functions() {
		if n := complexity(f); n > mostComplex && !s.tests() {
			all = append(all, fmt.Sprintf("%s: %s has complexity %d, more than %d", s.at(f.Pos()), f.Name.Name, n, mostComplex))
		}
	}
	return all
}

// tooManyLong says whether more than one function in ten is long.
func tooManyLong(all []source) (long, functions int, tooMany bool) {
	for _, s := range all {
		if s.tests() {
			continue
		}
		for _, f := range s.functions() {
			functions++
			if s.length(f) > longFunction {
				long++
			}
		}
	}
	return long, functions, long*10 > functions
}

// comments is the share of the lines with a comment among those not blank.
func comments(all []source) float64 {
	commented, lines := 0, 0
	for _, s := range all {
		if s.tests() {
			continue
		}
		for line := range strings.Lines(s.text) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		seen := map[int]bool{}
		for _, group := range s.file.Comments {
			for n := s.line(group.Pos()); n <= s.line(group.End()-1); n++ {
				seen[n] = true
			}
		}
		commented += len(seen)
	}
	return float64(commented) / float64(lines)
}

func TestLengths(t *testing.T) {
	check(t, longFunctions)
	check(t, longFiles)
	if long, functions, tooMany := tooManyLong(sources(t)); tooMany {
		t.Errorf("%d of %d functions have more than %d lines, more than one in ten", long, functions, longFunction)
	}
}

func TestComplexity(t *testing.T) { check(t, complexFunctions) }

func TestComments(t *testing.T) {
	share := comments(sources(t))
	t.Logf("%.1f %% of the lines have a comment", 100*share)
	if share < leastComments {
		t.Errorf("%.1f %% of the lines have a comment, less than %.0f %%", 100*share, 100*leastComments)
	}
	if share > mostComments {
		t.Logf("that is more than %.0f %%: do they all say why?", 100*mostComments)
	}
}

// The budgets must see a function, a file and a tree that break them.
func TestBudgetsGuard(t *testing.T) {
	function := func(lines int) string {
		return "package p\n\nfunc f() {\n" + strings.Repeat("\tf()\n", lines-2) + "}\n"
	}
	wantComplaint(t, longFunctions, "p.go", function(longestFunction+1), function(longestFunction))
	file := func(lines int) string { return "package p\n" + strings.Repeat("\n", lines-1) }
	wantComplaint(t, longFiles, "p.go", file(longestFile+1), file(longestFile))
	branches := func(n int) string {
		return "package p\n\nfunc f(a bool) {\n" + strings.Repeat("\tif a && a {\n\t}\n", n/2) + strings.Repeat("\tfor {\n\t}\n", n%2) + "}\n"
	}
	wantComplaint(t, complexFunctions, "p.go", branches(mostComplex), branches(mostComplex-1))
	tree := func(long int) []source {
		all := make([]source, 0, 10)
		for i := range 10 {
			n := longFunction
			if i < long {
				n++
			}
			all = append(all, parse(t, "p.go", function(n)))
		}
		return all
	}
	if _, _, tooMany := tooManyLong(tree(2)); !tooMany {
		t.Error("two long functions in ten are not too many")
	}
	if _, _, tooMany := tooManyLong(tree(1)); tooMany {
		t.Error("one long function in ten is too many")
	}
	bare, said := parse(t, "p.go", function(20)), parse(t, "p.go", "// Package p is.\n"+function(3))
	if comments([]source{bare}) >= leastComments || comments([]source{said}) < leastComments {
		t.Errorf("shares of comments: %v without any, %v with one line in five",
			comments([]source{bare}), comments([]source{said}))
	}
}
