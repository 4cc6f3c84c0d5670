package config

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Input is what a configuration is made of, lightest first. Lists add up over
// the three; of everything else the heaviest wins.
type Input struct {
	File    string    // the name of the file, for messages
	Text    io.Reader // what the file holds; nil for no file
	Environ []string  // NAME=value, as from os.Environ; others than ICESERVER_ are left alone
	Flags   []Flag    // from ParseArgs
}

// Load makes a Config, and tells every mistake it meets at once: file first,
// then environment, then command line. The Config must not be used when Failed
// says so of the problems. It is never nil.
func Load(in Input) (*Config, []Problem) {
	l := &loader{table: newTable(), parsers: parsers(), cfg: &Config{}, given: map[string][]entry{}}
	l.defaults()
	if in.Text != nil {
		entries, problems := readFile(in.File, in.Text)
		l.add(problems...)
		l.apply(entries)
	}
	l.apply(l.environment(in.Environ))
	l.apply(flagEntries(in.Flags))
	l.check()
	l.finish()
	return l.cfg, l.sorted(in.File)
}

// loader is the work of one Load.
type loader struct {
	table    *table
	parsers  map[Kind]parser
	cfg      *Config
	problems []Problem
	failed   bool               // one of the problems is an error
	given    map[string][]entry // what was applied, by canonical key
}

// add notes problems. Of what is no configuration at all not everything is
// noted, but never is the first error left out behind any number of warnings.
func (l *loader) add(problems ...Problem) {
	for _, p := range problems {
		if len(l.problems) < 20*maxProblems || !p.Warning && !l.failed {
			l.problems = append(l.problems, p)
			l.failed = l.failed || !p.Warning
		}
	}
}

// fail reports a mistake in the entry's value, at the value. The message begins
// with the key, for places that have no lines.
func (l *loader) fail(e *entry, f *fault) {
	p := e.valueProblem(f)
	p.Message = p.Key + ": " + p.Message
	l.add(p)
}

// warn reports something worth knowing about an entry, at its key.
func (l *loader) warn(e *entry, f *fault) {
	p := e.problem(f)
	p.Message, p.Warning = p.Key+" "+p.Message, true
	l.add(p)
}

// defaults fills the fields from the table. A default that does not fit its own
// row shows up as a zero, which the table's test looks for.
func (l *loader) defaults() {
	for i := range l.table.keys {
		k := &l.table.keys[i]
		if k.at == nil || k.Default == "" {
			continue
		}
		if v, f := l.parsers[k.Kind](k, k.Default); f == nil {
			store(k.at(l.cfg), v)
		}
	}
}

// store puts v where p points, or at the end of the list there.
func store(p, v any) {
	dst := reflect.ValueOf(p).Elem()
	if dst.Kind() == reflect.Slice {
		dst.Set(reflect.Append(dst, reflect.ValueOf(v)))
		return
	}
	dst.Set(reflect.ValueOf(v))
}

// apply takes entries in order, so that later ones and heavier places win by
// coming last.
func (l *loader) apply(entries []entry) {
	for i := range entries {
		l.applyOne(&entries[i])
	}
}

// applyOne takes one entry through all steps: name, text, type, verdict. Every
// entry is looked at, also one that another will outweigh, since a mistake that
// has no effect today has one when the other goes away.
func (l *loader) applyOne(e *entry) {
	k := l.table.byName[canonical(l.table, e)]
	if k == nil {
		l.unknown(e)
		return
	}
	if e.warning != nil {
		l.warn(e, e.warning)
	}
	l.comments(k, e)
	if f := badText(e.value); f != nil {
		l.fail(e, f)
		return
	}
	if e.bare || e.value == "" && k.Implied != "" {
		if k.Implied == "" && k.Verdict != Obsolete {
			l.fail(e, faultf("write "+k.Name+"="+strings.ToUpper(string(k.Kind)), "the value is missing"))
			return
		}
		e.value = k.Implied
	}
	if l.off(k, e) {
		return
	}
	v, f := l.parsers[k.Kind](k, e.value)
	f = l.singleQuotes(k, e, f)
	switch {
	case f != nil && k.Verdict == Obsolete && k.Means == "":
		// What has no effect cannot be wrong: templates leave cli-password= empty.
		l.obsolete(k, e, nil)
		return
	case f != nil:
		l.fail(e, f)
		return
	}
	if l.judge(k, e, v) {
		l.set(k, e, v)
	}
}

// canonical returns the name of the key that an entry is about: its own, or the
// one that it is another name of.
func canonical(t *table, e *entry) string {
	name := e.name
	if e.key != "" {
		name = e.key
	}
	if k := t.byName[name]; k != nil && k.Means != "" && !strings.Contains(k.Means, "=") {
		return k.Means
	}
	return name
}

// comments looks at what stands behind a value. A password may well have a # in
// it, and one that is cut off would be found out about by its user alone.
func (l *loader) comments(k *Key, e *entry) {
	switch {
	case !k.Secret:
		l.semicolons(e)
	case e.cut && e.value != "":
		l.warn(e, faultf("write the value in quotation marks if that is part of it",
			"ends before the #: what stands behind white space and # is a comment"))
	}
}

// semicolons takes away what other file formats end lines with. Secrets keep
// theirs: coturn took it for part of the secret, and so did its clients.
func (l *loader) semicolons(e *entry) {
	if s := strings.TrimRight(e.value, "; \t"); s != e.value && strings.HasSuffix(e.value, ";") {
		e.value = s
		l.warn(e, semicolonFault())
	}
}

// singleQuotes looks for the marks of a shell, which belong to the value here, as
// in coturn. It returns the fault of the value, which they may explain.
func (l *loader) singleQuotes(k *Key, e *entry, f *fault) *fault {
	v := e.value
	if name, password, ok := strings.Cut(v, ":"); ok && k.Kind == kindUser && !strings.HasPrefix(name, "'") {
		v = password
	}
	switch {
	case len(v) < 2 || v[0] != '\'' || v[len(v)-1] != '\'':
	case f != nil:
		return &fault{f.message, "leave the single quotation marks out, which are part of the value"}
	default:
		l.warn(e, faultf("leave them out, or write double ones", "has single quotation marks, which are part of the value"))
	}
	return f
}

// badText refuses what would break lines of logs and files.
//
// A-L01: no control character gets from the configuration into a log line.
func badText(s string) *fault {
	if !utf8.ValidString(s) {
		return faultf("save the file as UTF-8", "the value is not UTF-8")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		return faultf("take it out", "the value has a control character in it")
	}
	return nil
}

// keyLike returns the part of a name that a key could be made of, and dots when
// that is not all.
//
// A-L02: behind it may stand a secret, as in static-auth-secret:abc, so no more
// than that is shown.
func keyLike(name string) (shown, dots string) {
	const longest = 48
	for i, r := range name {
		ok := r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
		if !ok || i == longest {
			return name[:i], "..."
		}
	}
	return name, ""
}

// unknown reports a key that is not in the table.
func (l *loader) unknown(e *entry) {
	name, dots := keyLike(e.name)
	if len(l.problems) >= maxProblems { // not a configuration file: no need to guess
		l.add(Problem{File: e.file, Line: e.line, Column: e.column, Key: name, Message: fmt.Sprintf("unknown key %q", name+dots)})
		return
	}
	suggestion := "iceserver config explain lists all keys"
	switch near := nearest(name, l.names()); {
	case strings.Contains(e.name, "\u00a0"): // comes along when copied from web pages
		suggestion = "replace the non-breaking space by a plain one"
	case name == "" && dots != "":
		suggestion = "comments begin with #"
	case near == name && dots != "":
		suggestion = "write " + near + "=VALUE"
	case near != "":
		suggestion = fmt.Sprintf("did you mean %q?", near)
	}
	l.add(Problem{File: e.file, Line: e.line, Column: e.column, Key: name, Suggestion: suggestion,
		Message: fmt.Sprintf("unknown key %q", name+dots)})
}

// names lists what can be meant.
func (l *loader) names() []string {
	names := make([]string, len(l.table.keys))
	for i, k := range l.table.keys {
		names[i] = k.Name
	}
	return names
}

// judge acts on the key's verdict; it says whether the value is to be set.
func (l *loader) judge(k *Key, e *entry, v any) bool {
	switch k.Verdict {
	case Supported:
		return true
	case Refused:
		if v != false {
			l.add(e.problem(faultf("leave it out", "%s is refused: %s", e.name, k.Note)))
		}
		return false
	case Settled:
		if v != true {
			l.warn(e, faultf("", "has no effect: %s", k.Note))
		}
	case Pending:
		if !l.isDefault(k, e, v) {
			l.warn(e, faultf(k.Note, "is not implemented yet and has no effect; it means: %s", strings.TrimSuffix(k.Doc, ".")))
		}
	case Obsolete:
		l.obsolete(k, e, v)
	}
	l.given[k.Name] = append(l.given[k.Name], *e)
	return false
}

// isDefault says whether a value asks for what is so without the key.
func (l *loader) isDefault(k *Key, e *entry, v any) bool {
	if k.Default == "" {
		return e.value == ""
	}
	d, f := l.parsers[k.Kind](k, k.Default)
	return f == nil && d == v
}

// obsolete warns, and reads the key as what it means today.
func (l *loader) obsolete(k *Key, e *entry, v any) {
	name, value, means := strings.Cut(k.Means, "=")
	if !means {
		l.warn(e, faultf("", "has no effect any more: %s", k.Note))
		return
	}
	if v != true {
		l.warn(e, faultf("", "has no effect; %s replaces it", name))
		return
	}
	l.warn(e, faultf("write that instead", "is an old form and read as %s", k.Means))
	l.translate(e, name, value)
}

// off reads the port 0 as the switch that it means, of the keys that have one.
func (l *loader) off(k *Key, e *entry) bool {
	if k.Off == "" || e.value != "0" {
		return false
	}
	l.warn(e, faultf("write that instead", "0 is read as %s", k.Off))
	l.translate(e, k.Off, "true")
	return true
}

// translate takes an entry as another key.
func (l *loader) translate(e *entry, name, value string) {
	translated := *e
	translated.key, translated.value, translated.bare, translated.warning = name, value, false, nil
	l.applyOne(&translated)
}

// set stores a value and remembers where it came from.
func (l *loader) set(k *Key, e *entry, v any) {
	before := l.given[k.Name]
	if n := len(before); n > 0 && k.Instead && before[n-1].weight() < e.weight() {
		reflect.ValueOf(k.at(l.cfg)).Elem().SetZero()
		before, l.given[k.Name] = nil, nil
	}
	if n := len(before); n > 0 && !k.Repeat && e.line > 0 && before[n-1].line > 0 {
		l.warn(e, faultf("remove one of them", "sets what line %d has set already; line %d wins", before[n-1].line, e.line))
	}
	switch t := v.(type) {
	case PeerRange:
		t.File, t.Line = e.file, e.line
		v = t
		if f := mappedFault(t); f != nil {
			l.warn(e, f)
		}
	case User:
		l.forgetUser(e, t.Name)
	case Secret:
		l.weak(k, e, t)
	}
	store(k.at(l.cfg), v)
	l.given[k.Name] = append(l.given[k.Name], *e)
}

// weak warns of a shared secret that can be found by trying: whoever has a single
// credential made with it, which every user of a page has, can do so at home.
func (l *loader) weak(k *Key, e *entry, s Secret) {
	if (k.Name == "static-auth-secret" || k.Name == "stateless-nonce-secret") && len(s) < shortestSecret {
		l.warn(e, faultf("take a longer one: iceserver secret add makes one up",
			"has %d bytes, and with fewer than %d it can be guessed", len(s), shortestSecret))
	}
}

// forgetUser makes room for a later account of the same name, which wins.
func (l *loader) forgetUser(e *entry, name string) {
	i := slices.IndexFunc(l.cfg.Users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return
	}
	l.cfg.Users = slices.Delete(l.cfg.Users, i, i+1)
	l.given["user"] = slices.Delete(l.given["user"], i, i+1)
	l.warn(e, faultf("remove one of them", "names %s again; this one wins", quote(name)))
}

// sorted puts the problems in the order in which the operator reads: the file
// by lines, then the environment, then the command line.
func (l *loader) sorted(file string) []Problem {
	rank := func(p Problem) int {
		switch {
		case p.File == file && p.Line > 0:
			return 0
		case p.File == fromEnvironment:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return a.Line - b.Line
	})
	if len(l.problems) <= maxProblems {
		return l.problems
	}
	// Errors are what stops the start, so they stay when there is no room.
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		switch {
		case a.Warning == b.Warning:
			return 0
		case a.Warning:
			return 1
		}
		return -1
	})
	return l.problems[:maxProblems]
}
