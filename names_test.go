package iceserver

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The budgets of CONTRIBUTING.md for the names that a package exports.
const (
	mostExported      = 25
	mostExportedStun  = 120 // the numbers of two RFCs
	mostExportedTurn  = 45  // a pure core has a name for all that goes in and comes out
	mostExportedStore = 40  // a name for each kind of row that coturn keeps, and for those who read it
)

// exported are the names of a file that other packages can use. The values of an
// enumeration count with their type, and methods with theirs.
func exported(s source) []string {
	var all []string
	for _, d := range s.file.Decls {
		switch v := d.(type) {
		case *ast.FuncDecl:
			if v.Recv == nil && v.Name.IsExported() {
				all = append(all, v.Name.Name)
			}
		case *ast.GenDecl:
			if v.Tok == token.CONST && enumeration(v) {
				continue
			}
			for _, name := range declared(v) {
				if name.IsExported() {
					all = append(all, name.Name)
				}
			}
		}
	}
	return all
}

// enumeration says whether a group of constants has a type of its own package.
func enumeration(d *ast.GenDecl) bool {
	first, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok {
		return false
	}
	of, ok := first.Type.(*ast.Ident)
	return ok && of.IsExported()
}

func declared(d *ast.GenDecl) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range d.Specs {
		switch v := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, v.Name)
		case *ast.ValueSpec:
			names = append(names, v.Names...)
		}
	}
	return names
}

// crowded are the packages that export too much. Packages of tests and commands
// export nothing to anybody.
func crowded(all []source) []string {
	names := map[string]int{}
	for _, s := range all {
		if !s.tests() && s.file.Name.Name != "main" {
			names[s.dir()] += len(exported(s))
		}
	}
	var complaints []string
	for _, dir := range slices.Sorted(maps.Keys(names)) {
		limit := mostExported
		switch dir {
		case "internal/stun":
			limit = mostExportedStun
		case "internal/turn":
			limit = mostExportedTurn
		case "internal/store":
			limit = mostExportedStore
		}
		if names[dir] > limit {
			complaints = append(complaints, fmt.Sprintf("%s exports %d names, more than %d", dir, names[dir], limit))
		}
	}
	return complaints
}

// undocumented are the exported names without a comment, methods too. A group
// of constants or variables may have one comment for all.
func undocumented(s source) []string {
	if s.tests() {
		return nil
	}
	var all []string
	complain := func(name *ast.Ident) {
		if name.IsExported() {
			all = append(all, fmt.Sprintf("%s: %s has no comment", s.at(name.Pos()), name.Name))
		}
	}
	for _, d := range s.file.Decls {
		switch v := d.(type) {
		case *ast.FuncDecl:
			if v.Doc == nil && (v.Recv == nil || receiver(v).IsExported()) {
				complain(v.Name)
			}
		case *ast.GenDecl:
			for _, spec := range v.Specs {
				for _, name := range bare(v, spec) {
					complain(name)
				}
			}
		}
	}
	return all
}

// bare are the names of a declaration that no comment belongs to.
func bare(d *ast.GenDecl, spec ast.Spec) []*ast.Ident {
	switch v := spec.(type) {
	case *ast.TypeSpec:
		if v.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
			return []*ast.Ident{v.Name}
		}
	case *ast.ValueSpec:
		if v.Doc == nil && v.Comment == nil && d.Doc == nil {
			return v.Names
		}
	}
	return nil
}

func receiver(f *ast.FuncDecl) *ast.Ident {
	of := f.Recv.List[0].Type
	for {
		switch v := of.(type) {
		case *ast.StarExpr:
			of = v.X
		case *ast.IndexExpr:
			of = v.X
		case *ast.IndexListExpr:
			of = v.X
		case *ast.Ident:
			return v
		default:
			return ast.NewIdent("_")
		}
	}
}

// state is what a package keeps outside of values: init functions, and variables
// that are not errors, patterns, embedded files or assertions.
func state(s source) []string {
	if s.tests() {
		return nil
	}
	var all []string
	for _, f := range s.functions() {
		if f.Name.Name == "init" && f.Recv == nil {
			all = append(all, s.at(f.Pos())+": init function")
		}
	}
	for _, d := range s.file.Decls {
		v, ok := d.(*ast.GenDecl)
		if !ok || v.Tok != token.VAR {
			continue
		}
		for _, spec := range v.Specs {
			if value := spec.(*ast.ValueSpec); !harmless(v, value) && !stamped(s, value) {
				all = append(all, fmt.Sprintf("%s: package variable %s", s.at(value.Pos()), value.Names[0].Name))
			}
		}
	}
	return all
}

// stamped says whether a variable is one that the Makefile sets with -X.
func stamped(s source, v *ast.ValueSpec) bool {
	return s.file.Name.Name == "main" && len(v.Values) == 0 && !slices.ContainsFunc(v.Names,
		func(name *ast.Ident) bool { return name.Name != "version" && name.Name != "commit" })
}

func harmless(d *ast.GenDecl, v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" || embedded(d.Doc) || embedded(v.Doc) {
		return true
	}
	if len(v.Values) == 0 {
		return false
	}
	return !slices.ContainsFunc(v.Values, func(value ast.Expr) bool {
		if call, ok := value.(*ast.CallExpr); ok {
			return !slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, name(call.Fun))
		}
		_, another, _ := strings.Cut(name(value), ".")
		return !strings.HasPrefix(another, "Err") // another package's error
	})
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// name is "package.Function" for a call of such, and "" for any other.
func name(e ast.Expr) string {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	from, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return from.Name + "." + selector.Sel.Name
}

// clocks are uses of the clock in a pure package, where time is an argument.
func clocks(s source) []string {
	owner, _ := owner(module + "/" + s.dir())
	if s.tests() || !slices.Contains(pure, owner) {
		return nil
	}
	var all []string
	ast.Inspect(s.file, func(node ast.Node) bool {
		e, ok := node.(ast.Expr)
		if !ok {
			return true
		}
		switch name(e) {
		case "time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Sleep", "time.Tick", "time.NewTimer", "time.NewTicker":
			all = append(all, s.at(e.Pos())+": a pure package uses the clock")
		}
		return true
	})
	return all
}

func TestExported(t *testing.T) {
	for _, c := range crowded(sources(t)) {
		t.Error(c)
	}
	check(t, undocumented)
}

func TestState(t *testing.T) {
	check(t, state)
	check(t, clocks)
}

// left are words that say that something is not done.
func left(path, text string) []string {
	var all []string
	for _, word := range []string{"TO" + "DO", "FIX" + "ME"} {
		if n := strings.Index(text, word); n >= 0 {
			all = append(all, fmt.Sprintf("%s:%d: %s", path, 1+strings.Count(text[:n], "\n"), word))
		}
	}
	return all
}

func TestNothingLeft(t *testing.T) {
	files(t, func(path, text string) {
		for _, c := range left(path, text) {
			t.Error(c)
		}
	})
}

// The checks of names must see what they are there for.
func TestNamesGuard(t *testing.T) {
	const p = "package p\n\n"
	many := func(n int) []source {
		var text strings.Builder
		text.WriteString(p)
		for i := range n {
			fmt.Fprintf(&text, "type T%d int\n", i)
		}
		return []source{parse(t, "internal/p/p.go", text.String())}
	}
	if len(crowded(many(mostExported+1))) == 0 || len(crowded(many(mostExported))) != 0 {
		t.Error("the number of exported names is not seen")
	}
	for bad, good := range map[string]string{
		"func F() {}":            "// F does.\nfunc F() {}",
		"type T int":             "// T is.\ntype T int",
		"const C = 1":            "const c = 1",
		"var E = errors.New(``)": "// E is.\nvar E = errors.New(``)",
		"// T is.\ntype T int\nfunc (t *T) M() {}": "type t int\nfunc (t *t) M() {}",
		"type (\n\tA int\n\tB int\n)":              "type (\n\t// A is.\n\tA int\n\t// B is.\n\tB int\n)",
	} {
		wantComplaint(t, undocumented, "internal/p/p.go", p+bad, p+good)
	}
	for bad, good := range map[string]string{
		"func init() {}":              "func start() {}",
		"var cache map[string]int":    "var _ I = T{}",
		"var count = 1":               "var errX = errors.New(``)",
		"var all = []string{``}":      "var line = regexp.MustCompile(``)",
		"var files, other embed.FS":   "//go:embed x\nvar files embed.FS",
		"var a, b = errors.New(``),1": "var a, b = errors.New(``), errors.New(``)",
	} {
		wantComplaint(t, state, "internal/p/p.go", p+bad, p+good)
	}
	wantComplaint(t, clocks, "internal/turn/p.go", p+"var now = time.Now", p+"var now = time.Unix(0, 0)")
	if len(left("p.go", "// TO"+"DO: more")) == 0 || len(left("p.go", "// done")) != 0 {
		t.Error("words for what is not done are not seen")
	}
}
