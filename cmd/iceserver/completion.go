package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
)

// completeKeys completes the words of commands whose flags are the keys of the
// configuration. Behind = it offers values; the shell keeps what is before it.
func completeKeys(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if name, value, ok := strings.Cut(word, "="); ok {
		return completeValue(strings.TrimPrefix(name, "--"), value)
	}
	if n := len(args); n > 0 && (args[n-1] == "-c" || args[n-1] == "--config") || !strings.HasPrefix(word, "-") {
		return nil, cobra.ShellCompDirectiveDefault
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
