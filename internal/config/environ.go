package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// environPrefix begins the variables that are ours.
const environPrefix = "ICESERVER_"

// kubernetesVariable matches what Kubernetes sets in every container for a
// service that is called iceserver. Nobody wrote those, so they are no mistake.
var kubernetesVariable = regexp.MustCompile(`^ICESERVER_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_.*)?)$`)

// variable returns the environment's name of a key.
func variable(key string) string {
	return environPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// environment turns ICESERVER_KEY=value into entries, in the order of the
// names. Empty variables count as not set, as compose files produce them. Lists
// are separated by commas. A variable of ours that is no key is warned about
// only: the environment is not the operator's alone.
func (l *loader) environment(environ []string) []entry {
	keys := make(map[string]*Key, len(l.table.keys))
	for i := range l.table.keys {
		k := &l.table.keys[i]
		if v := variable(k.Name); keys[v] == nil {
			keys[v] = k // verbose before Verbose
		}
	}
	var entries []entry
	environ = slices.Clone(environ)
	slices.Sort(environ)
	for _, s := range environ {
		name, value, _ := strings.Cut(s, "=")
		if !strings.HasPrefix(name, environPrefix) || value == "" {
			continue
		}
		k := keys[name]
		if k == nil {
			l.strangeVariable(name)
			continue
		}
		for _, v := range listed(k, value) {
			entries = append(entries, entry{file: fromEnvironment, name: name, key: k.Name, value: v})
		}
	}
	return entries
}

// listed splits the value of a list.
func listed(k *Key, value string) []string {
	if !k.Repeat {
		return []string{strings.TrimSpace(value)}
	}
	var out []string
	for v := range strings.SplitSeq(value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// strangeVariable warns of a variable that looks like ours.
func (l *loader) strangeVariable(name string) {
	if kubernetesVariable.MatchString(name) {
		return
	}
	names := l.names()
	for i := range names {
		names[i] = variable(names[i])
	}
	suggestion := ""
	if near := nearest(name, names); near != "" {
		suggestion = fmt.Sprintf("did you mean %q?", near)
	}
	l.add(Problem{File: fromEnvironment, Key: name, Warning: true, Suggestion: suggestion,
		Message: fmt.Sprintf("%s is no key and has no effect", name)})
}
