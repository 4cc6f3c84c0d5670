package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
)

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain [KEY] [--json]", Short: "Tell what a key means; without one, list all keys",
		Long: "Tells of a key what it means, its type, range and default, what became of it here, and what coturn means\n" +
			"by it. KEY is the key's name, its flag or its variable.",
		// A flag of serve is a way to name its key.
		DisableFlagParsing: true, ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			asJSON := slices.Contains(args, "--json")
			args = slices.DeleteFunc(args, func(a string) bool { return a == "--json" || a == "--" })
			switch {
			case slices.Contains(args, "--help") || slices.Contains(args, "-h"):
				return cmd.Help()
			case len(args) == 0:
				return listKeys(cmd.OutOrStdout(), asJSON)
			case len(args) > 1:
				return usage{fmt.Errorf("%s: unexpected argument %q; there is one KEY at most", cmd.CommandPath(), args[1])}
			}
			return explain(cmd.OutOrStdout(), args[0], asJSON)
		},
	}
}

func explain(w io.Writer, name string, asJSON bool) error {
	e, near, ok := config.Explain(name)
	switch {
	case !ok && near != "":
		return fmt.Errorf("there is no key %q; did you mean %q?", name, near)
	case !ok:
		return fmt.Errorf("there is no key %q; iceserver config explain lists all keys", name)
	case asJSON:
		return printJSON(w, e)
	}
	return printExplanation(w, e)
}

// printExplanation writes the documentation of one key.
func printExplanation(w io.Writer, e config.Explanation) error {
	kind := e.Type
	if e.Range != "" {
		kind += ": " + e.Range
	}
	if e.List {
		kind += "; every mention adds one"
	}
	if e.Bare != "" && e.Type != "bool" {
		kind += "; bare means " + e.Bare
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", e.Key, e.What)
	for _, row := range [][2]string{
		{"group", e.Group},
		{"type", kind},
		{"default", e.Default},
		{"verdict", string(e.Verdict) + ". " + e.Becomes},
		{"new value", takes(e)},
		{"in coturn", e.Coturn},
		{"in a file", e.Example},
		{"as a flag", e.Flag},
		{"variable", e.Variable},
		{"related", strings.Join(e.Related, ", ")},
	} {
		if row[1] != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", row[0], row[1])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// takes says when a new value is in force.
func takes(e config.Explanation) string {
	switch {
	case e.Verdict != config.Supported:
		return ""
	case e.Live:
		return "in force after a reload"
	}
	return "in force after a restart"
}

// listKeys writes a line for each key, or with JSON everything of each.
func listKeys(w io.Writer, asJSON bool) error {
	var b strings.Builder
	var all []config.Explanation
	for _, g := range config.Groups() {
		fmt.Fprintf(&b, "\n%s\n", g.Title)
		for _, k := range g.Keys {
			verdict := ""
			if k.Verdict != config.Supported {
				verdict = " [" + string(k.Verdict) + "]"
			}
			fmt.Fprintf(&b, "  %-34s %s%s\n", k.Name, k.Doc, verdict)
			if asJSON {
				e, _, _ := config.Explain(k.Name)
				all = append(all, e)
			}
		}
	}
	if asJSON {
		return printJSON(w, all)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}
