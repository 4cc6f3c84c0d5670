package main

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// completeEverywhere makes the shells complete coturn's names for this program too,
// and keeps them from offering files where a command takes none.
func completeEverywhere(root *cobra.Command) error {
	root.InitDefaultCompletionCmd()
	for _, group := range root.Commands() {
		if group.Name() != "completion" {
			continue
		}
		for _, shell := range group.Commands() {
			if shell.Name() != "powershell" { // which has no such names
				shell.RunE = printScript
			}
		}
	}
	return withoutFiles(root)
}

// printScript prints the script of the shell that the command is named after.
func printScript(cmd *cobra.Command, _ []string) error {
	plain, err := cmd.Flags().GetBool("no-descriptions")
	if err != nil {
		return err
	}
	script, err := shellScript(cmd.Root(), cmd.Name(), !plain)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write([]byte(script))
	return err
}

// shellScript is cobra's script, which knows one name, for coturn's names as well.
// The program is asked by the name that was typed, and so knows what is meant.
func shellScript(root *cobra.Command, shell string, descriptions bool) (string, error) {
	var b bytes.Buffer
	switch shell {
	case "bash":
		err := root.GenBashCompletionV2(&b, descriptions)
		return regexp.MustCompile(`(?m)^ +complete .* iceserver$`).ReplaceAllString(b.String(), "$0 turnserver turnadmin"), err
	case "zsh":
		write := root.GenZshCompletion
		if !descriptions {
			write = root.GenZshCompletionNoDesc
		}
		err := write(&b)
		return regexp.MustCompile(`(?m)^(#compdef|compdef _iceserver) iceserver$`).ReplaceAllString(b.String(), "$0 turnserver turnadmin"), err
	}
	err := root.GenFishCompletion(&b, descriptions)
	return regexp.MustCompile(`(?m)^complete( -k)? -c iceserver .*$`).ReplaceAllStringFunc(b.String(), func(line string) string {
		for _, name := range []string{"turnserver", "turnadmin"} {
			line += "\n" + strings.Replace(strings.SplitN(line, "\n", 2)[0], "-c iceserver", "-c "+name, 1)
		}
		return line
	}), err
}
