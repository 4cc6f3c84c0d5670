package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// userExportCommand writes what user import reads.
func userExportCommand() *cobra.Command {
	var s selection
	var format string
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "Write the users and their keys as CSV or JSON; whoever has a key can log in with it", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "-"
			if len(args) > 0 {
				path = args[0]
			}
			switch {
			case format == "" && s.json:
				format = "json"
			case format == "" && path == "-":
				format = "csv"
			}
			format, err := userFormat(format, path)
			if err != nil {
				return err
			}
			a, err := s.everywhere(cmd)
			if err != nil {
				return err
			}
			defer a.Close()
			list, err := a.Users(cmd.Context(), true)
			if err != nil {
				return err
			}
			return exportUsers(cmd, path, format, list)
		},
	}
	s.define(cmd)
	cmd.Flags().StringVar(&format, "format", "", "csv or json, where the name of the file does not tell; csv on standard output")
	return cmd
}

// exportUsers leaves out users whose keys cannot be used, and says so: nobody
// could read the file back otherwise.
func exportUsers(cmd *cobra.Command, path, format string, list []server.Account) error {
	usable := make([]server.Account, 0, len(list))
	for _, u := range list {
		if len(u.Key) <= len("0x") {
			fmt.Fprintf(cmd.ErrOrStderr(), "iceserver: warning: user %s of realm %s has no usable key and is left out\n", shown(u.Name), shown(u.Realm))
			continue
		}
		usable = append(usable, u)
	}
	var b bytes.Buffer
	var err error
	if format == "json" {
		err = printJSON(&b, usable)
	} else {
		err = writeCSVUsers(&b, usable)
	}
	if err != nil {
		return err
	}
	if path == "-" {
		_, err = cmd.OutOrStdout().Write(b.Bytes())
		return err
	}
	if err := writePrivate(path, b.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "exported %d users to %s\n", len(usable), path)
	return err
}

// writeCSVUsers writes names as they are, so that they come back: the file is no
// spreadsheet.
func writeCSVUsers(out io.Writer, list []server.Account) error {
	w := csv.NewWriter(out)
	if err := w.Write([]string{"name", "realm", "key"}); err != nil {
		return err
	}
	for _, u := range list {
		if err := w.Write([]string{u.Name, u.Realm, u.Key}); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// writePrivate replaces a file as a whole by one that only its owner can read,
// whatever the mode of the one that was there.
//
// A-L06: what lets somebody in is for its owner.
func writePrivate(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
