package iceserver

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// source is a Go file as the checks of the house see it.
type source struct {
	path string
	text string
	set  *token.FileSet
	file *ast.File
}

// tests says whether it is a test: those have fewer budgets to keep.
func (s source) tests() bool { return strings.HasSuffix(s.path, "_test.go") }

// dir is the folder, which is the package.
func (s source) dir() string { return filepath.ToSlash(filepath.Dir(s.path)) }

func (s source) line(p token.Pos) int { return s.set.Position(p).Line }

// at names a place for a complaint.
func (s source) at(p token.Pos) string { return s.set.Position(p).String() }

// skipped are the folders that hold nothing of ours.
var skipped = []string{".git", "bin", "node_modules", "dist"}

// files walks the tree, nested modules too.
func files(t *testing.T, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skipped, d.Name()):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sources are all Go files of the tree.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	files(t, func(path, text string) {
		if strings.HasSuffix(path, ".go") {
			all = append(all, parse(t, path, text))
		}
	})
	if len(all) < 10 {
		t.Fatalf("only %d Go files: not the tree", len(all))
	}
	return all
}

func parse(t *testing.T, path, text string) source {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{path, text, set, file}
}

// functions are the declared ones; a literal counts as part of its function.
func (s source) functions() []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			all = append(all, f)
		}
	}
	return all
}

// check runs a check over the tree and reports what it says.
func check(t *testing.T, complaints func(source) []string) {
	t.Helper()
	for _, s := range sources(t) {
		for _, c := range complaints(s) {
			t.Error(c)
		}
	}
}

// wantComplaint requires that a check sees the fault in a file, and none in a
// file without it.
func wantComplaint(t *testing.T, complaints func(source) []string, path, bad, good string) {
	t.Helper()
	if len(complaints(parse(t, path, bad))) == 0 {
		t.Errorf("no complaint about\n%.300s", bad)
	}
	if c := complaints(parse(t, path, good)); len(c) > 0 {
		t.Errorf("complaint %q about\n%.300s", c, good)
	}
}
