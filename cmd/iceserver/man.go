package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iceserver/internal/config"
)

// manCommand writes the manual pages that packages install. It is hidden: who has
// a package has the pages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write the manual pages", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return writeManual(cmd.Root(), args[0]) },
	}
}

// writeManual writes a page for every command, one for the configuration file, and
// under coturn's names those that tell of what stands there.
func writeManual(root *cobra.Command, dir string) error {
	pages := map[string]string{
		"turnserver.conf.5": configurationPage(),
		"turnserver.1":      ".so man1/iceserver-serve.1\n",
		"turnadmin.1":       ".so man1/iceserver-turnadmin.1\n",
	}
	for _, cmd := range documented(root) {
		pages[pageName(cmd)+".1"] = commandPage(cmd)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range pages {
		// Everybody may read a manual, whatever the umask of a build is.
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), fs.FileMode(0o644)); err != nil {
			return err
		}
	}
	return nil
}

// documented are a command and all below it that are not hidden.
func documented(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, documented(sub)...)
		}
	}
	return all
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// commandPage is the page of one command, in section 1.
func commandPage(cmd *cobra.Command) string {
	p := newPage(pageName(cmd), "1", "User Commands", lower(cmd.Short))
	p.section("SYNOPSIS")
	p.text(cmd.UseLine())
	p.section("DESCRIPTION")
	p.paragraphs(sentence(cmd))
	p.commands(cmd)
	p.options(cmd)
	if cmd.Example != "" {
		p.section("EXAMPLES")
		p.verbatim(cmd.Example + "\n")
	}
	switch cmd.CommandPath() {
	case "iceserver":
		p.files()
	case "iceserver turnadmin":
		p.section("OPTIONS")
		p.verbatim(turnadminUsage())
	}
	// Some say it themselves, since they have exit codes of their own.
	if !strings.Contains(cmd.Long, "The exit code is") {
		p.section("EXIT STATUS")
		p.paragraphs("0 if it did what it was asked for, 1 if it could not, 2 if it was called in a wrong way. Under the name turnadmin: 0, or 255.")
	}
	p.section("SEE ALSO")
	p.related(cmd)
	return p.String()
}

// sentence is what a command says of itself. What turnadmin says is a table, which
// its page has among the options.
func sentence(cmd *cobra.Command) string {
	if cmd.Long != "" && cmd.Name() != "turnadmin" {
		return cmd.Long
	}
	return cmd.Short + "."
}

// lower makes a sentence the end of one. Names keep their capitals.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// commands lists those below a command.
func (p *page) commands(cmd *cobra.Command) {
	subs := slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool { return !c.IsAvailableCommand() })
	if len(subs) == 0 {
		return
	}
	p.section("COMMANDS")
	for _, sub := range subs {
		p.item(strings.TrimPrefix(sub.UseLine(), cmd.Root().Name()+" "), sub.Short+".")
	}
}

// options lists the flags that a command takes beside --help.
func (p *page) options(cmd *cobra.Command) {
	first := true
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if first {
			p.section("OPTIONS")
			first = false
		}
		placeholder, doc := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		p.item(strings.TrimSpace(name+" "+strings.ToUpper(placeholder)), doc)
	})
}

// files tells where things are.
func (p *page) files() {
	p.section("FILES")
	p.item("/etc/turnserver.conf", "The configuration of the service that a package has installed.")
	p.item("/var/lib/iceserver", "What the service makes and keeps: its secret, account, certificate, links, usage.")
	p.item("/var/lib/turn/turndb", "Its users, in coturn's schema.")
	p.section("SIGNALS")
	p.item("SIGHUP", "Read the configuration anew, without losing a call, and open the log again.")
	p.item("SIGUSR1", "Refuse new calls, and end with the last one.")
	p.item("SIGUSR2", "Read the certificates anew.")
	p.item("SIGTERM, SIGINT", "End; the second one at once.")
}

// related names the pages above and below, and that of the file.
func (p *page) related(cmd *cobra.Command) {
	names := []string{"turnserver.conf(5)"}
	if cmd.HasParent() {
		names = append(names, pageName(cmd.Parent())+"(1)")
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, pageName(sub)+"(1)")
		}
	}
	slices.Sort(names)
	p.text(strings.Join(names, ", "))
}

// configurationPage is the table of keys, as the page of the configuration file.
func configurationPage() string {
	p := newPage("turnserver.conf", "5", "File Formats", "configuration of iceserver")
	p.section("DESCRIPTION")
	p.paragraphs("A line of the file is a key, or key=value. What stands behind # is a comment. Every key is a flag of iceserver-serve(1) too, " +
		"and a variable of the environment (ICESERVER_MIN_PORT for min-port): flags go before variables, variables before the file.\n\n" +
		"A mistake is an error with its line and what to write instead; iceserver config check FILE tells all of them.")
	p.section("KEYS")
	for _, g := range config.Groups() {
		p.subsection(g.Title)
		for _, k := range g.Keys {
			p.key(k)
		}
	}
	p.section("FILES")
	p.text("/etc/turnserver.conf")
	p.section("SEE ALSO")
	p.text("iceserver(1), iceserver-config-check(1), iceserver-config-explain(1), iceserver-serve(1)")
	return p.String()
}

// key is one row of the table.
func (p *page) key(k config.Key) {
	e, _, _ := config.Explain(k.Name)
	about := k.Doc
	if k.Range() != "" && k.Kind != "bool" {
		about += " Values: " + k.Range() + "."
	}
	if k.Default != "" {
		about += " Default: " + k.Default + "."
	}
	if k.Repeat {
		about += " Every mention adds one."
	}
	if k.Verdict != config.Supported || k.Means != "" {
		about += " " + e.Becomes
	}
	if e.Coturn != "" {
		about += fmt.Sprintf(" In coturn: %s", e.Coturn)
	}
	p.item(strings.TrimPrefix(e.Example, "# "), about)
}
