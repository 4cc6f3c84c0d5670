package iceserver

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"iceserver/internal/config"
)

const configureFile = "docs/configure.md"

// TestConfigure holds docs/configure.md against the table of keys. With -rewrite
// the page is written anew.
func TestConfigure(t *testing.T) {
	page := configurePage(config.Groups())
	if *rewrite {
		if err := os.WriteFile(configureFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(configureFile)
	if err != nil || string(old) != page {
		t.Errorf("%s is stale: run make docs (%v)", configureFile, err)
	}
}

// The page has every key, in the part where its verdict belongs, and changes
// with every word of a row.
func TestConfigurePage(t *testing.T) {
	page := configurePage(config.Groups())
	working, old, _ := strings.Cut(page, "\n"+oldKeys)
	for _, k := range config.Keys() {
		part, where := working, "the first part"
		if k.Verdict != config.Supported || k.Means != "" {
			part, where = old, "the second part"
		}
		if strings.Count(part, "\n| `"+k.Name+"` |") != 1 {
			t.Errorf("%s does not stand in %s once", k.Name, where)
		}
	}
	groups := config.Groups()
	k := &groups[0].Keys[0]
	for _, change := range []func(){
		func() { k.Doc += " Really." }, func() { k.Default = "1" }, func() { k.Coturn = "not at all" }, func() { k.Live = !k.Live }, func() { k.Verdict = config.Pending },
	} {
		before := configurePage(groups)
		if change(); configurePage(groups) == before {
			t.Errorf("the page does not change with %s of %+v", k.Name, k)
		}
	}
}

const (
	oldKeys      = "## Keys of old files"
	configureTop = "# Configuration\n\n" +
		"Made by `make docs` from the table of keys in `internal/config`; a test fails when this page is stale.\n" +
		"`iceserver config explain KEY` tells the same of one key, and its range, flag and variable.\n\n" +
		"iceserver needs no configuration. What it takes, it takes from three places, the first of which wins; of a key that\n" +
		"may be given more than once the values of all three add up:\n\n" +
		"1. flags: `iceserver --min-port=50000`, or `--min-port 50000`; some have a letter, as in coturn\n" +
		"2. the environment: `ICESERVER_MIN_PORT=50000`; values of a list have commas between them\n" +
		"3. a file in coturn's format: `iceserver -c turnserver.conf`\n\n" +
		"A line of the file is `key=value`, `key value`, or the bare key for a switch. `#` begins a comment, at the beginning of\n" +
		"a line or behind white space. A value with `#` or white space at its ends stands in quotation marks. Switches take\n" +
		"`true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`. Sizes and rates are in bytes, times in seconds.\n\n" +
		"| Command | |\n|---|---|\n" +
		"| `iceserver config check FILE` | tells every mistake with file, line and column; exit code 1 if there is one |\n" +
		"| `iceserver config show FILE` | what is in force and where it was set; secrets are hidden |\n" +
		"| `iceserver config explain KEY` | what a key means, here and in coturn |\n" +
		"| `iceserver completion bash` | a script with which the shell completes flags and their values; `zsh` and `fish` too |\n\n" +
		"`check` and `show` take the flags of `serve` too, and print JSON with `--json`.\n\n" +
		"`iceserver reload`, or SIGHUP, puts new values of the keys marked (R) in force; the others take a restart, and it says\n" +
		"which. Files that keys name, certificates above all, are read again when they change.\n"
)

// configurePage writes the page from the table.
func configurePage(groups []config.Group) string {
	var b strings.Builder
	b.WriteString(configureTop)
	for _, g := range groups {
		title := "\n## " + g.Title + "\n\n| Key | Value | Default | Meaning | In coturn |\n|---|---|---|---|---|\n"
		for _, k := range g.Keys {
			if k.Verdict != config.Supported || k.Means != "" {
				continue
			}
			b.WriteString(title)
			title = ""
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Name, cell(valuesOf(k)), cell(code(k.Default)), cell(k.Doc+reloaded(k)), cell(inCoturn(k)))
		}
	}
	b.WriteString("\n" + oldKeys + "\n\n" +
		"Every key that coturn has or had is accepted. These do nothing by themselves here; where a file would expect otherwise,\n" +
		"the start says so in one line.\n\n| Key | It meant | Verdict | Today |\n|---|---|---|---|\n")
	for _, g := range groups {
		for _, k := range g.Keys {
			if k.Verdict != config.Supported || k.Means != "" {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, cell(k.Doc), k.Verdict, cell(k.Becomes()))
			}
		}
	}
	return b.String()
}

// reloaded marks what a reload puts in force.
func reloaded(k config.Key) string {
	if k.Live {
		return " (R)"
	}
	return ""
}

// valuesOf says what a key takes.
func valuesOf(k config.Key) string {
	text := string(k.Kind)
	if r := k.Range(); r != "" && k.Kind != "bool" {
		text += ": " + r
	}
	if k.Repeat {
		text += "; may be repeated"
	}
	return text
}

func inCoturn(k config.Key) string {
	switch {
	case k.Own:
		return "no such key"
	case k.Coturn == "":
		return "the same"
	}
	return k.Coturn
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
