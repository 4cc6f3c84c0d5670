package main

import (
	"fmt"
	"slices"
	"strings"
)

// getoptFlag is a flag as getopt_long knows it.
type getoptFlag struct {
	names   []string // long ones, the first of which is told
	short   byte     // 0: there is none
	value   string   // what it takes, for the help; empty: nothing
	ignored bool     // a value behind = is taken, and means nothing
	doc     string
}

// flags are all that it is written as.
func (f getoptFlag) flags() []string {
	var all []string
	for _, name := range f.names {
		all = append(all, "--"+name)
	}
	if f.short != 0 {
		all = append(all, "-"+string(rune(f.short)))
	}
	return all
}

// getoptCall is a flag that was given.
type getoptCall struct{ name, value string }

// getopt reads a command line the way that the C library does: flags may stand
// behind arguments, short ones may share a hyphen and have their value at once, long
// ones may be cut short, and two hyphens alone end them.
func getopt(flags []getoptFlag, args []string) (calls []getoptCall, rest []string, err error) {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		var found []getoptCall
		switch {
		case word == "--":
			return calls, append(rest, args...), nil
		case strings.HasPrefix(word, "--"):
			found, args, err = longFlag(flags, word[2:], args)
		case strings.HasPrefix(word, "-") && word != "-":
			found, args, err = shortFlags(flags, word[1:], args)
		default:
			rest = append(rest, word)
		}
		if err != nil {
			return calls, rest, err
		}
		calls = append(calls, found...)
	}
	return calls, rest, nil
}

// longFlag reads NAME or NAME=VALUE.
func longFlag(flags []getoptFlag, word string, args []string) ([]getoptCall, []string, error) {
	name, value, given := strings.Cut(word, "=")
	f, err := longNamed(flags, name)
	switch {
	case err != nil:
		return nil, args, err
	case f.value == "" && given && !f.ignored:
		return nil, args, fmt.Errorf("option --%s takes no value", name)
	case f.value == "" || given:
		return []getoptCall{{f.names[0], value}}, args, nil
	case len(args) == 0:
		return nil, args, fmt.Errorf("option --%s requires a value", name)
	}
	return []getoptCall{{f.names[0], args[0]}}, args[1:], nil
}

// longNamed finds a flag by its name or by the beginning of one.
func longNamed(flags []getoptFlag, name string) (getoptFlag, error) {
	var possible []getoptFlag
	var names []string
	for _, f := range flags {
		if slices.Contains(f.names, name) {
			return f, nil
		}
		i := slices.IndexFunc(f.names, func(n string) bool { return strings.HasPrefix(n, name) })
		if i >= 0 {
			possible, names = append(possible, f), append(names, "--"+f.names[i])
		}
	}
	switch len(possible) {
	case 0:
		return getoptFlag{}, fmt.Errorf("unknown option --%s", name)
	case 1:
		return possible[0], nil
	}
	return getoptFlag{}, fmt.Errorf("option --%s may be any of %s", name, strings.Join(names, ", "))
}

// shortFlags reads letters that share a hyphen. The first one that takes a value
// has what is left of the word, or else the next word.
func shortFlags(flags []getoptFlag, letters string, args []string) (calls []getoptCall, left []string, err error) {
	for i := range len(letters) {
		at := slices.IndexFunc(flags, func(f getoptFlag) bool { return f.short == letters[i] })
		if at < 0 {
			return nil, args, fmt.Errorf("unknown option -%s", shown(letters[i:i+1]))
		}
		f := flags[at]
		value := letters[i+1:]
		switch {
		case f.value == "":
			calls = append(calls, getoptCall{name: f.names[0]})
			continue
		case value == "" && len(args) == 0:
			return nil, args, fmt.Errorf("option -%c requires a value", f.short)
		case value == "":
			value, args = args[0], args[1:]
		}
		return append(calls, getoptCall{f.names[0], value}), args, nil
	}
	return calls, args, nil
}
