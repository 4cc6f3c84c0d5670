package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
			out = append(out, DatabaseDown(oneLine(err)))
		case err != nil:
			out = append(out, warn(name, oneLine(err), "see that the database is there, and that this user may use it"))
		default:
			out = append(out, ok(name, fmt.Sprintf("%s has %s and %s in realm %q", t.Database, times(a.Users, "user"), times(a.Secrets, "secret"), t.Realm)))
		}
	}
	return append(out, t.openFiles()...)
}

// DatabaseDown is what a doctor says of a running server whose database does not
// answer, with the reason in one line.
func DatabaseDown(reason string) Check {
	return fail("database", reason, "see that the database runs, and that this user may use it; the server lets in only users of the configuration meanwhile")
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
		seen := fmt.Sprintf("everybody on this machine can read %s, which holds keys", file)
		command := []string{"chmod", "o-r", file}
		if !t.readsWithoutOthers(info) {
			// The server may be one of the others: it would not start again.
			out = append(out, warn("files", seen, "let the user of the server alone read it: chgrp GROUP-OF-THE-SERVER "+shellLine([]string{file})+" && chmod g+r,o-r "+shellLine([]string{file})))
			continue
		}
		out = append(out, warn("files", seen, shellLine(command)).with(run(command...)))
	}
	return out
}

// readsWithoutOthers says whether the running server is sure to be able to read a
// file after all others may not: it is root's, or the file's owner's. Of one that
// does not run nobody knows whose it will be.
func (t *Target) readsWithoutOthers(file fs.FileInfo) bool {
	if t.PID == 0 {
		return false
	}
	for line := range strings.Lines(t.read(fmt.Sprintf("/proc/%d/status", t.PID))) {
		ids, found := strings.CutPrefix(line, "Uid:")
		if words := strings.Fields(ids); found && len(words) > 1 {
			const effective = 1
			uid, owner := words[effective], ownerOf(file)
			return uid == "0" || owner != "" && uid == owner
		}
	}
	return false
}
