package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iceserver/internal/config"
)

// completeKeys completes the words of commands whose flags are the keys of the
// configuration. Behind = it offers values; the shell keeps what is before it.
func completeKeys(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if name, value, ok := strings.Cut(word, "="); ok {
		return completeValue(strings.TrimPrefix(name, "--"), value)
	}
	if n := len(args); n > 0 && wantsValue(args[n-1]) {
		return completeValue(longName(args[n-1]), word)
	}
	if !strings.HasPrefix(word, "-") && cmd.Name() != "serve" {
		return nil, cobra.ShellCompDirectiveDefault // what is checked or shown
	}
	out := []cobra.Completion{
		cobra.CompletionWithDesc("--config=", "The configuration file to read"),
		cobra.CompletionWithDesc("--no-config", "Read no configuration file"),
		cobra.CompletionWithDesc("--json", "Print JSON"),
		cobra.CompletionWithDesc("--help", "Tell all flags"),
	}
	for _, k := range config.Keys() {
		if k.Verdict != config.Supported {
			continue
		}
		flag := "--" + k.Name
		if k.Implied == "" {
			flag += "="
		}
		out = append(out, cobra.CompletionWithDesc(flag, k.Doc))
	}
	out = slices.DeleteFunc(out, func(c cobra.Completion) bool { return !strings.HasPrefix(c, word) })
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// longName is the key, or config, that a flag without a value names, or empty.
func longName(flag string) string {
	if name, ok := strings.CutPrefix(flag, "--"); ok {
		return name
	}
	if flag == "-c" {
		return "config"
	}
	for _, k := range config.Keys() {
		if k.Short != "" && flag == "-"+k.Short {
			return k.Name
		}
	}
	return ""
}

// wantsValue says whether the word after a flag is its value.
func wantsValue(flag string) bool {
	name := longName(flag)
	return name == "config" || slices.ContainsFunc(config.Keys(), func(k config.Key) bool {
		return k.Name == name && k.Kind != "bool" && k.Implied == ""
	})
}

// completeValue offers the values of a key where they can be told, and files
// where it takes a path.
func completeValue(name, value string) ([]cobra.Completion, cobra.ShellCompDirective) {
	e, _, ok := config.Explain(name)
	switch {
	case name == "config" || ok && e.Type == "path":
		return nil, cobra.ShellCompDirectiveDefault
	case !ok:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var values []cobra.Completion
	switch e.Type {
	case "bool":
		values = []cobra.Completion{"true", "false"}
	case "choice":
		values = strings.Split(e.Range, ", ")
	}
	values = slices.DeleteFunc(values, func(v cobra.Completion) bool { return !strings.HasPrefix(v, value) })
	return values, cobra.ShellCompDirectiveNoFileComp
}

// completeNames completes the name of a key.
func completeNames(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, k := range config.Keys() {
		if len(args) == 0 && strings.HasPrefix(k.Name, word) {
			out = append(out, cobra.CompletionWithDesc(k.Name, k.Doc))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// withoutFiles keeps the shell from offering files for the arguments and the flags
// of commands that take none: those that do say FILE in their help. A directory is
// called so.
func withoutFiles(cmd *cobra.Command) error {
	if cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, "FILE") && !strings.Contains(cmd.Use, "DIRECTORY") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	var all []error
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		complete := cobra.NoFileCompletions
		switch what, _ := pflag.UnquoteUsage(f); what {
		case "FILE":
			return
		case "DIRECTORY":
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
		}
		if f.Value.Type() != "bool" {
			all = append(all, cmd.RegisterFlagCompletionFunc(f.Name, complete))
		}
	})
	for _, sub := range cmd.Commands() {
		all = append(all, withoutFiles(sub))
	}
	return errors.Join(all...)
}
