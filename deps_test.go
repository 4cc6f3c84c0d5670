package iceserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "iceserver"

// table says which of our packages a package may import. What is not listed is
// forbidden, and a package that is not listed may not exist. ARCHITECTURE.md
// has the same as a picture.
type table map[string][]string

func imports() table {
	return table{
		"cmd": {"server", "doctor", "load", "config"},
		// server wires: the options that it fills in have values of turn, auth
		// and netio, and it tests its own relay with turn's client.
		"server":    {"admin", "acme", "signaling", "web", "config", "store", "listener", "xdp", "relay", "doctor", "turn", "auth", "netio", "stun"},
		"admin":     {"auth"},
		"signaling": {"auth"},
		"store":     {"auth"},
		"listener":  {"stun", "relay"},
		"relay":     {"turn", "auth", "netio"},
		"xdp":       {"turn"},
		"doctor":    {"stun", "turn", "auth", "xdp", "config"},
		"load":      {"stun", "auth"},
		"turn":      {"stun", "auth"},
		"stun":      {},
		"auth":      {},
		"netio":     {},
		// acme is beside listener, not in it: who listens needs no library for
		// accounts and orders, and who shows a certificate not whence it came.
		"acme":   {},
		"config": {},
		"web":    {},
		"test":   {},
		"bench":  {},
	}
}

// pure packages take packets, time and randomness as arguments and hand effects
// out as values.
var pure = []string{"stun", "auth", "turn"}

// impure are the standard packages that a pure package must do without.
var impure = []string{"net", "os", "sync", "sync/atomic", "context", "log", "log/slog", "crypto/rand", "math/rand", "math/rand/v2"}

// configured may know the configuration; all others have options of their own.
var configured = []string{"server", "doctor", "cmd", "config"}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string // not those of its tests, which may import what they test with
}

// listed asks the go command for the packages of this module as they are built
// for an operating system.
func listed(t *testing.T, system string) []pkg {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	command.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	for {
		var p pkg
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs
		case err != nil:
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// owner is the entry of the table that a package of ours falls under: "stun" for
// internal/stun and all below it, "cmd" for every command.
func owner(importPath string) (name string, ours bool) {
	rest, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return "", false
	}
	rest = strings.TrimPrefix(rest, "internal/")
	name, _, _ = strings.Cut(rest, "/")
	return name, true
}

// complaints are the violations of the table by some packages.
func (t table) complaints(pkgs []pkg) []string {
	var all []string
	for _, p := range pkgs {
		name, ours := owner(p.ImportPath)
		if !ours {
			continue // the root, which holds these tests alone
		}
		allowed, known := t[name]
		if !known {
			all = append(all, p.ImportPath+": not in the table of packages")
		}
		for _, imported := range p.Imports {
			all = append(all, complain(p.ImportPath, name, imported, allowed)...)
		}
	}
	return all
}

func complain(from, name, imported string, allowed []string) []string {
	var all []string
	if slices.Contains(pure, name) && slices.Contains(impure, imported) {
		all = append(all, fmt.Sprintf("%s is pure and imports %s", from, imported))
	}
	target, ours := owner(imported)
	if !ours {
		return all
	}
	if target != name && !slices.Contains(allowed, target) {
		all = append(all, fmt.Sprintf("%s imports %s: no arrow from %s to %s", from, imported, name, target))
	}
	if target == "config" && !slices.Contains(configured, name) {
		all = append(all, fmt.Sprintf("%s imports %s: only %v may know it", from, imported, configured))
	}
	// storetest, turntest and their like help tests and are not built into the
	// program.
	if strings.HasSuffix(imported, "test") && !strings.HasSuffix(from, "test") {
		all = append(all, fmt.Sprintf("%s imports %s, which is for tests", from, imported))
	}
	return all
}

func TestImports(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, c := range imports().complaints(listed(t, system)) {
			t.Errorf("%s: %s", system, c)
		}
	}
}

// The guard must see what it is there for: a table that lacks an arrow of the
// real tree, and packages that break the real table.
func TestImportsGuard(t *testing.T) {
	real := listed(t, "linux")
	for name, allowed := range imports() {
		wrong := maps.Clone(imports())
		delete(wrong, name)
		if has(real, name) && len(wrong.complaints(real)) == 0 {
			t.Errorf("no complaint when the table lacks %s", name)
		}
		if len(allowed) == 0 || !uses(real, name) {
			continue
		}
		wrong[name] = nil
		if len(wrong.complaints(real)) == 0 {
			t.Errorf("no complaint when %s may import nothing", name)
		}
	}
	for from, imported := range map[string]string{
		"internal/stun":         "net",
		"internal/auth":         "crypto/rand",
		"internal/turn":         "context",
		"internal/turn/x":       "log/slog",
		"internal/store":        module + "/internal/config",
		"internal/netio":        module + "/internal/stun",
		"internal/relay":        module + "/internal/listener",
		"internal/unheard":      "fmt",
		"internal/server":       module + "/internal/store/storetest",
		"cmd/iceserver":         module + "/internal/turn",
		"test/servertest":       module + "/internal/stun",
		"internal/load/pattern": module + "/internal/relay",
	} {
		bad := []pkg{{ImportPath: path.Join(module, from), Imports: []string{imported}}}
		if len(imports().complaints(bad)) == 0 {
			t.Errorf("no complaint when %s imports %s", from, imported)
		}
	}
}

func has(pkgs []pkg, name string) bool {
	return slices.ContainsFunc(pkgs, func(p pkg) bool {
		n, ours := owner(p.ImportPath)
		return ours && n == name
	})
}

// uses says whether a package imports another one of ours.
func uses(pkgs []pkg, name string) bool {
	return slices.ContainsFunc(pkgs, func(p pkg) bool {
		n, ours := owner(p.ImportPath)
		return ours && n == name && slices.ContainsFunc(p.Imports, func(i string) bool {
			target, ours := owner(i)
			return ours && target != name
		})
	})
}
