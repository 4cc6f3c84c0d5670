package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// checkDatabase looks whether the database answers and has its tables, and who may
// read the files with keys in them.
func checkDatabase(ctx context.Context, t *Target) []Check {
	const name = "database"
	var out []Check
	if t.AskDatabase != nil && t.Database != "" {
		a, err := t.AskDatabase(ctx)
		switch {
		case err != nil && t.Running:
			out = append(out, fail(name, oneLine(err), "see that the database runs, and that this user may use it; the server lets in only users of the configuration meanwhile"))
		case err != nil:
			out = append(out, warn(name, oneLine(err), "see that the database is there, and that this user may use it"))
		default:
			out = append(out, ok(name, fmt.Sprintf("%s has %s and %s in realm %q", t.Database, times(a.Users, "user"), times(a.Secrets, "secret"), t.Realm)))
		}
	}
	return append(out, t.openFiles()...)
}

// openFiles are the files with keys or secrets that everybody on this machine can
// read.
//
// A-L06: what lets somebody in is for its owner.
func (t *Target) openFiles() []Check {
	if runtime.GOOS == "windows" {
		return nil
	}
	files := append([]string{}, t.KeyFiles...)
	if t.Database != "" && filepath.IsAbs(t.Database) {
		files = append(files, t.Database)
	}
	var out []Check
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm()&0o004 == 0 {
			continue
		}
		command := []string{"chmod", "o-r", file}
		out = append(out, warn("files", fmt.Sprintf("everybody on this machine can read %s, which holds keys", file), shellLine(command)).with(run(command...)))
	}
	return out
}
