package iceserver

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// guessable lists the files outside of tests that import a random source whose
// numbers can be foretold.
func guessable(tree fs.FS) (files []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "node_modules" {
			return skip(err)
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || isTest(name) {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			if strings.HasPrefix(i.Path.Value, `"math/rand`) {
				files = append(files, fmt.Sprintf("%s imports %s", name, i.Path.Value))
			}
		}
		return nil
	})
	return files, err
}

func skip(err error) error {
	if err == nil {
		return fs.SkipDir
	}
	return err
}

// A-C07: nonces, ports and tokens come from the system's secure random source,
// since there is no other in the tree.
func TestNothingIsGuessable(t *testing.T) {
	files, err := guessable(os.DirFS("."))
	if err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// The guard sees the import.
func TestNothingIsGuessableGuard(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	files, err := guessable(fstest.MapFS{
		"a/a.go":            file("package a\n\nimport \"math/rand/v2\"\n"),
		"a/b.go":            file("package a\n\nimport r \"math/rand\"\n"),
		"a/c.go":            file("package a\n\nimport \"crypto/rand\"\n"),
		"a/a_test.go":       file("package a\n\nimport \"math/rand\"\n"),
		"node_modules/x.go": file("not Go"),
	})
	want := []string{`a/a.go imports "math/rand/v2"`, `a/b.go imports "math/rand"`}
	if err != nil || !slices.Equal(files, want) {
		t.Errorf("%v, %v", files, err)
	}
}
