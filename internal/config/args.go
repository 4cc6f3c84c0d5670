package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Flag is one setting of the command line.
type Flag struct {
	Key   string // the key's name
	Name  string // as written: --min-port, -u
	Value string
	Bare  bool // no value was given
}

// flagEntries puts flags in the form that files are read into.
func flagEntries(flags []Flag) []entry {
	entries := make([]entry, len(flags))
	for i, f := range flags {
		entries[i] = entry{file: fromCommandLine, name: f.Name, key: f.Key, value: f.Value, bare: f.Bare}
		if f.Name == "" {
			entries[i].name = "--" + f.Key
		}
	}
	return entries
}

// ParseArgs reads a command line as coturn's server takes it: every key is a
// long flag, some have a letter, letters can be joined, and --key=value and
// --key value are the same. What is not about a key (-c FILE, -n, -h, --help,
// --version, --json, other words) comes back in rest, in order, with -c FILE as
// "--config=FILE", -n as "--no-config" and -h as "--help". Everything after --
// is rest.
func ParseArgs(args []string) (flags []Flag, rest []string, problems []Problem) {
	p := &argParser{table: newTable(), args: args}
	p.short = make(map[byte]*Key)
	for i := range p.table.keys {
		if k := &p.table.keys[i]; k.Short != "" {
			p.short[k.Short[0]] = k
		}
	}
	for len(p.args) > 0 {
		arg := p.args[0]
		p.args = p.args[1:]
		switch {
		case arg == "--":
			p.rest = append(p.rest, p.args...)
			p.args = nil
		case strings.HasPrefix(arg, "--"):
			p.long(arg)
		case len(arg) > 1 && arg[0] == '-':
			p.letters(arg)
		default:
			p.rest = append(p.rest, arg)
		}
	}
	return p.flags, p.rest, p.problems
}

// argParser is the work of one ParseArgs.
type argParser struct {
	table    *table
	short    map[byte]*Key
	args     []string // what is still to be read
	flags    []Flag
	rest     []string
	problems []Problem
}

// fail reports a mistake. Flags have no lines, so the message names the flag.
func (p *argParser) fail(name, suggestion, format string, args ...any) {
	p.problems = append(p.problems, Problem{File: fromCommandLine, Key: name,
		Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// long reads --key, --key=value or --key value.
func (p *argParser) long(arg string) {
	name, value, hasValue := strings.Cut(arg, "=")
	switch name {
	case "--config":
		p.config(name, value, hasValue)
		return
	case "--help", "--version", "--json", "--no-config":
		p.rest = append(p.rest, arg)
		return
	}
	k := p.table.byName[name[2:]]
	if k == nil {
		p.unknown(name)
		return
	}
	if hasValue {
		p.flags = append(p.flags, Flag{Key: k.Name, Name: name, Value: value})
		return
	}
	p.following(k, name)
}

// following takes the value from the next argument where the key has one.
func (p *argParser) following(k *Key, name string) {
	f := Flag{Key: k.Name, Name: name}
	switch {
	case k.Kind == kindBool:
		// coturn leaves the word alone, and so switches on with "--dtls false".
		f.Bare = !p.nextIsBool()
		if !f.Bare {
			f.Value = p.next()
		}
	case k.Implied != "":
		// coturn takes a value that is optional only behind "=", and so ignores
		// the 600 of "--stale-nonce 600". A number can be meant for nothing else.
		f.Bare = !p.nextIsNumber()
		if !f.Bare {
			f.Value = p.next()
		}
	case len(p.args) == 0 || p.nextIsFlag():
		p.fail(name, fmt.Sprintf("write %s=%s", "--"+k.Name, strings.ToUpper(string(k.Kind))), "%s has no value", name)
		return
	default:
		f.Value = p.next()
	}
	p.flags = append(p.flags, f)
}

// next takes the next argument as a value.
func (p *argParser) next() string {
	v := p.args[0]
	p.args = p.args[1:]
	return v
}

// nextIsBool says whether the next argument is a word that only a switch can mean.
// A digit may be meant for something else.
func (p *argParser) nextIsBool() bool {
	return len(p.args) > 0 && slices.Contains([]string{"true", "false", "yes", "no", "on", "off"}, strings.ToLower(p.args[0]))
}

// nextIsNumber looks at the next argument without taking it.
func (p *argParser) nextIsNumber() bool {
	if len(p.args) == 0 {
		return false
	}
	_, err := strconv.ParseUint(p.args[0], 10, 63)
	return err == nil
}

// nextIsFlag says whether the next argument is a flag of ours, so that a
// forgotten value does not swallow it.
func (p *argParser) nextIsFlag() bool {
	name, _, _ := strings.Cut(p.args[0], "=")
	return strings.HasPrefix(name, "--") && p.table.byName[name[2:]] != nil
}

// letters reads -v, -va, -p 3478, -p3478 or -p=3478.
func (p *argParser) letters(arg string) {
	if name, _, _ := strings.Cut(arg[1:], "="); len(name) > 1 && p.table.byName[name] != nil {
		p.fail(arg, "write --"+name, "-%s begins with one dash", name)
		return
	}
	for i := 1; i < len(arg); i++ {
		name, behind := "-"+arg[i:i+1], arg[i+1:]
		if p.program(name, behind) {
			if name == "-c" {
				return
			}
			continue
		}
		k := p.short[arg[i]]
		if k == nil {
			p.fail(name, "see --help", "unknown flag %q", name)
			return
		}
		if k.Kind == kindBool {
			p.flags = append(p.flags, Flag{Key: k.Name, Name: name, Bare: true})
			continue
		}
		if behind != "" {
			p.flags = append(p.flags, Flag{Key: k.Name, Name: name, Value: strings.TrimPrefix(behind, "=")})
			return
		}
		p.following(k, name)
	}
}

// program passes the letters on that are about the program and not a key.
func (p *argParser) program(name, behind string) bool {
	switch name {
	case "-h":
		p.rest = append(p.rest, "--help")
	case "-n":
		p.rest = append(p.rest, "--no-config")
	case "-c":
		p.config(name, strings.TrimPrefix(behind, "="), behind != "")
	default:
		return false
	}
	return true
}

// config passes on which file to read.
func (p *argParser) config(name, value string, hasValue bool) {
	if !hasValue {
		if len(p.args) == 0 {
			p.fail(name, "write "+name+" FILE", "%s has no value", name)
			return
		}
		value = p.next()
	}
	p.rest = append(p.rest, "--config="+value)
}

// unknown explains a long flag that does not exist. coturn completes beginnings
// of flags; that turned --no-tlsv1 into --no-tlsv1_2 when the former went away,
// so here the full names are told instead.
func (p *argParser) unknown(name string) {
	// The words behind a flag may be a secret, and so may what is glued to it.
	shown, dots := keyLike(name)
	name = shown
	shown += dots
	var full, names []string
	for _, k := range p.table.keys {
		names = append(names, k.Name)
		if strings.HasPrefix(k.Name, name[2:]) {
			full = append(full, "--"+k.Name)
		}
	}
	slices.Sort(full)
	switch near := nearest(name, names); {
	case dots != "" && slices.Contains(names, name[2:]):
		p.fail(name, "write "+name+"=VALUE", "unknown flag %q", shown)
	case len(full) > 0 && len(full) <= 8:
		p.fail(name, "write "+strings.Join(full, " or "), "unknown flag %q: flags cannot be abbreviated", shown)
	case near != "":
		p.fail(name, fmt.Sprintf("did you mean %q?", "--"+near), "unknown flag %q", shown)
	default:
		p.fail(name, "see --help", "unknown flag %q", shown)
	}
}
