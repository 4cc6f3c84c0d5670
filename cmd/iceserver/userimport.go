package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// mostImported bounds a file of users, in bytes: it is held in memory.
const mostImported = 256 << 20

// userImport is a call of user import.
type userImport struct {
	selection
	format       string
	replace, dry bool
}

// importResult is what an import did, as JSON.
type importResult struct {
	Users    int    `json:"users"`
	DryRun   bool   `json:"dry_run,omitempty"`
	Database string `json:"database"`
}

// userImportCommand adds the users of a file, all of them or none.
func userImportCommand() *cobra.Command {
	var c userImport
	cmd := &cobra.Command{
		Use: "import FILE|-", Short: "Add the users of a CSV or JSON file, all of them or none", Args: cobra.ExactArgs(1),
		Long: "Adds the users of a file, or of standard input, all of them or none. CSV has a line of titles, some of name, realm,\n" +
			"password and key, with commas, semicolons or tabs between; JSON is an array of objects with the same names. Each user\n" +
			"has a password or a key, as user export writes it: 0x and 32 hexadecimal digits. A user without a realm is of the realm\n" +
			"of the server.",
		Example: "  printf 'name,password\\nalice,secret\\n' | iceserver user import - --format csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args[0])
		},
	}
	c.define(cmd)
	f := cmd.Flags()
	f.StringVar(&c.format, "format", "", "csv or json, where the name of the file does not tell")
	f.BoolVar(&c.replace, "replace", false, "change the passwords of users who are there already")
	f.BoolVar(&c.dry, "dry-run", false, "check everything, change nothing")
	return cmd
}

// run reads the file before anything is opened, and finds all mistakes before
// anything is written.
func (c *userImport) run(cmd *cobra.Command, path string) error {
	format, err := userFormat(c.format, path)
	if err != nil {
		return err
	}
	text, err := readAll(cmd.InOrStdin(), path)
	if err != nil {
		return err
	}
	entries, wrong := readUsers(text, format)
	a, err := c.accounts(cmd)
	if err != nil {
		return err
	}
	defer a.Close()
	list, err := c.check(cmd, a, entries, &wrong)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return tellLines(cmd.ErrOrStderr(), path, wrong)
	}
	r, done := importResult{len(list), c.dry, a.Database()}, "could import"
	if !c.dry {
		done = "imported"
		if i, err := a.Import(cmd.Context(), list, c.replace); err != nil {
			if i < len(entries) {
				err = fmt.Errorf("%s:%d: %w; nothing was imported", path, entries[i].line, err)
			}
			return err
		}
	}
	return c.print(cmd.OutOrStdout(), r, fmt.Sprintf("%s %d users into %s\n", done, r.Users, r.Database))
}

// check makes accounts of the entries, and adds to what is wrong.
func (c *userImport) check(cmd *cobra.Command, a *server.Accounts, entries []userEntry, wrong *[]lineError) ([]server.Account, error) {
	var list []server.Account
	var lines []int
	for _, e := range entries {
		account, err := e.account(a.Realm())
		if err != nil {
			*wrong = append(*wrong, lineError{e.line, err})
			continue
		}
		list, lines = append(list, account), append(lines, e.line)
	}
	more, err := a.CheckImport(cmd.Context(), list, c.replace)
	for i, err := range more {
		*wrong = append(*wrong, lineError{lines[i], err})
	}
	return list, err
}

// tellLines writes a line for each mistake but the last, which is the error.
func tellLines(stderr io.Writer, path string, wrong []lineError) error {
	slices.SortStableFunc(wrong, func(a, b lineError) int { return cmp.Compare(a.line, b.line) })
	var last error
	for _, w := range wrong {
		if last != nil {
			fmt.Fprintln(stderr, "iceserver: "+oneLine(last))
		}
		last = fmt.Errorf("%s:%d: %w", path, w.line, w.error)
	}
	return last
}

// readAll reads a file, or standard input for a hyphen.
func readAll(stdin io.Reader, path string) ([]byte, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, mostImported+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	case len(text) > mostImported:
		return nil, errors.New(path + " is too long: import it in parts")
	}
	return text, nil
}
