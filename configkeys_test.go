package iceserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/config"
)

// compiled is what `go list -export` says of a package.
type compiled struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// compiledPackages are the packages of the program and all that they need.
func compiledPackages(t *testing.T) map[string]compiled {
	t.Helper()
	command := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./cmd/...")
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]compiled{}
	for d := json.NewDecoder(strings.NewReader(string(text))); ; {
		var p compiled
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// readFields are the fields of config.Config that a package reads. Types tell
// them from fields of the same name in options of others.
func readFields(t *testing.T, path string, files []*ast.File, set *token.FileSet, all map[string]compiled) map[string]bool {
	t.Helper()
	open := func(path string) (io.ReadCloser, error) { return os.Open(all[path].Export) }
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	check := types.Config{Importer: importer.ForCompiler(set, "gc", open)}
	if _, err := check.Check(path, set, files, info); err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, s := range info.Selections {
		of := s.Recv()
		if p, ok := of.(*types.Pointer); ok {
			of = p.Elem()
		}
		if s.Kind() == types.FieldVal && of.String() == module+"/internal/config.Config" {
			read[s.Obj().Name()] = true
		}
	}
	return read
}

// parsed reads the files of a package.
func (p compiled) parsed(t *testing.T, set *token.FileSet) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// changed are the fields that a line of a file changes.
func changed(line string) ([]string, error) {
	with, problems := config.Load(config.Input{File: "f", Text: strings.NewReader(line)})
	without, _ := config.Load(config.Input{})
	var names []string
	a, b := reflect.ValueOf(with).Elem(), reflect.ValueOf(without).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if f.IsExported() && f.Name != "Sources" && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			names = append(names, f.Name)
		}
	}
	for _, p := range problems {
		if strings.Contains(p.Message, "unknown key") {
			return nil, errors.New(p.String())
		}
	}
	return names, nil
}

// unread are the keys that are said to do something, and whose value nobody
// reads.
func unread(keys []config.Key, read map[string]bool) (complaints []string) {
	for _, k := range keys {
		if k.Verdict != config.Supported {
			continue
		}
		e, _, _ := config.Explain(k.Name)
		names, err := changed(e.Example)
		switch {
		case err != nil:
			complaints = append(complaints, fmt.Sprintf("%s: %v", k.Name, err))
		case len(names) == 0:
			complaints = append(complaints, fmt.Sprintf("%s is supported, and its example %s changes nothing", k.Name, e.Example))
		case !slices.ContainsFunc(names, func(n string) bool { return read[n] }):
			complaints = append(complaints, fmt.Sprintf("%s is supported, and nothing outside config reads %s", k.Name, strings.Join(names, ", ")))
		}
	}
	return complaints
}

// No key is supported in name only: its value is read by who acts on it.
func TestKeysAreRead(t *testing.T) {
	all, set := compiledPackages(t), token.NewFileSet()
	read := map[string]bool{}
	for _, path := range []string{module + "/cmd/iceserver", module + "/internal/server", module + "/internal/doctor"} {
		p, ok := all[path]
		if !ok {
			continue
		}
		for name := range readFields(t, path, p.parsed(t, set), set, all) {
			read[name] = true
		}
	}
	for _, c := range unread(config.Keys(), read) {
		t.Error(c)
	}
	// A key whose one reader goes away, and one without effect, are seen.
	for key, without := range map[string]string{"min-port": "MinPort", "cpus": "Workers", "verbose": "LogLevel"} {
		fewer := map[string]bool{}
		for name := range read {
			fewer[name] = name != without && name != "Verbose"
		}
		if !slices.ContainsFunc(unread(config.Keys(), fewer), func(c string) bool { return strings.HasPrefix(c, key+" is supported") }) {
			t.Errorf("%s is not missed when nobody reads %s", key, without)
		}
	}
	idle := []config.Key{{Name: "no-sslv2", Verdict: config.Supported}}
	if len(unread(idle, read)) == 0 {
		t.Error("a key without effect is not missed")
	}
}

// A field that only bears the name of one of the configuration does not count.
func TestKeysAreReadGuard(t *testing.T) {
	all, set := compiledPackages(t), token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", `package p

import "iceserver/internal/config"

type options struct{ MinPort uint16 }

func f(c *config.Config, o options) (uint16, uint16) { return c.MaxPort, o.MinPort }
`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	read := readFields(t, "p", []*ast.File{file}, set, all)
	if !read["MaxPort"] || read["MinPort"] || len(read) != 1 {
		t.Errorf("read are %v, want MaxPort alone", read)
	}
}
