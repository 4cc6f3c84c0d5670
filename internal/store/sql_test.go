package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// queryArg says which argument of database/sql's methods is the statement.
func queryArg(method string) int {
	switch method {
	case "Exec", "Query", "QueryRow", "Prepare":
		return 0
	case "ExecContext", "QueryContext", "QueryRowContext", "PrepareContext":
		return 1
	}
	return -1
}

// formattedSQL returns the positions in a file where a statement is anything
// but a constant: a literal, a name that the constants hold, or what the method
// text makes of a value of the type statement. Such a value is a constant
// itself, unless somebody converts a string to that type: that is found too.
func formattedSQL(fset *token.FileSet, f *ast.File, constants map[string]bool) []string {
	var found []string
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if to, ok := call.Fun.(*ast.Ident); ok && to.Name == "statement" {
			found = append(found, fset.Position(call.Pos()).String())
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		i := queryArg(sel.Sel.Name)
		if i < 0 || i >= len(call.Args) {
			return true
		}
		switch arg := call.Args[i].(type) {
		case *ast.BasicLit:
		case *ast.CallExpr:
			if text, ok := arg.Fun.(*ast.SelectorExpr); !ok || text.Sel.Name != "text" {
				found = append(found, fset.Position(arg.Pos()).String())
			}
		case *ast.Ident:
			if !constants[arg.Name] {
				found = append(found, fset.Position(arg.Pos()).String())
			}
		default:
			found = append(found, fset.Position(arg.Pos()).String())
		}
		return true
	})
	return found
}

// constantNames adds the names of a file's constants.
func constantNames(f *ast.File, names map[string]bool) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			for _, n := range s.(*ast.ValueSpec).Names {
				names[n.Name] = true
			}
		}
	}
}

// A-C01: in the whole tree, every statement handed to a database is a constant;
// values reach it as parameters only.
func TestNoFormattedSQL(t *testing.T) {
	fset, constants := token.NewFileSet(), map[string]bool{}
	var files []*ast.File
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if filepath.Base(filepath.Dir(path)) == "store" {
			constantNames(f, constants)
			files = append(files, f)
			return nil
		}
		for _, imp := range f.Imports {
			if imp.Path.Value == `"database/sql"` {
				files = append(files, f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no file with SQL was found: the test looks in the wrong place")
	}
	for _, f := range files {
		for _, pos := range formattedSQL(fset, f, constants) {
			t.Errorf("%s: a statement that is no constant", pos)
		}
	}
}

// The guard sees what it is there for.
func TestNoFormattedSQLFails(t *testing.T) {
	const bad = `package p
func f() {
	db.Query("SELECT 1 WHERE a = '" + name + "'")
	db.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s", table))
	db.QueryRow(query)
	db.Exec(s.other(fixed))
	s.query(ctx, statement(name))
	db.Exec(s.text(q))
	db.QueryRow(fixed, name)
	db.Exec("SELECT 1")
}`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "bad.go", bad, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found := formattedSQL(fset, f, map[string]bool{"fixed": true}); len(found) != 5 {
		t.Errorf("found %v, want 5 places", found)
	}
}
