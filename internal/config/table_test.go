package config

import (
	"bufio"
	"os"
	"reflect"
	"strings"
	"testing"
)

// readNames returns coturn's names with the verdict that each is to have.
func readNames(t *testing.T) map[string]Verdict {
	t.Helper()
	f, err := os.Open("testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[string]Verdict{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, verdict, ok := strings.Cut(s.Text(), " "); ok && name != "#" {
			names[name] = Verdict(verdict)
		}
	}
	return names
}

// load loads a file and fails the test unless it has no errors.
func load(t *testing.T, text string) (*Config, []Problem) {
	t.Helper()
	c, problems := Load(Input{File: "turnserver.conf", Text: strings.NewReader(text)})
	for _, p := range problems {
		if !p.Warning {
			t.Errorf("unexpected: %v", p)
		}
	}
	return c, problems
}

func lines(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// sampleOf is a value that is not the field's zero.
func sampleOf(k *Key) string {
	if k.Kind == kindBool {
		return "true"
	}
	return k.Example
}

// withNeeds is a file with the key and what the key is a mistake without.
func withNeeds(k *Key, value string) string {
	file := k.Name + "=" + value + "\n"
	switch k.Name {
	case "cert":
		file += "pkey=/k\n"
	case "pkey":
		file += "cert=/c\n"
	case "bps-capacity":
		file += "max-bps=1\n"
	case "max-port":
		file += "min-port=1024\n"
	case "acme-eab-kid":
		file += "acme-eab-hmac-key=" + newTable().byName["acme-eab-hmac-key"].Example + "\n"
	case "acme-eab-hmac-key":
		file += "acme-eab-kid=kid\n"
	case "tcp-proxy-source":
		file += "tcp-proxy-port=5555\n"
	case "syslog-facility":
		file += "syslog\n"
	case "secret-key-file":
		file += "mysql-userdb=host=localhost\n"
	case "proc-group":
		file += "proc-user=nobody\n"
	case "signaling-auth":
		file += "signaling-secret=another-long-secret-of-yours-and-more\n"
	case "signaling-audience":
		file += "signaling-auth=token\nsignaling-secret=another-long-secret-of-yours-and-more\n"
	case "signaling-secret":
		file += "signaling-auth=token\n"
	case "signaling-jwks":
		file += "signaling-auth=token\nsignaling-audience=rooms\n"
	}
	return file
}

// Every name that coturn ever had is in the table with the verdict of the list.
func TestEveryNameOfCoturn(t *testing.T) {
	names := readNames(t)
	if len(names) != 166 {
		t.Fatalf("the list has %d names, want 166", len(names))
	}
	table := newTable()
	for name, verdict := range names {
		k := table.byName[name]
		if k == nil {
			t.Errorf("%s is not in the table", name)
			continue
		}
		if k.Verdict != verdict {
			t.Errorf("%s is %s, want %s", name, k.Verdict, verdict)
		}
		_, problems := Load(Input{File: "f", Text: strings.NewReader(withNeeds(k, sampleOf(k)))})
		judgeProblems(t, k, problems)
	}
	for _, k := range table.keys {
		if _, ok := names[k.Name]; ok == k.Own {
			t.Errorf("%s is in the list of coturn's names: %v; Own in the table: %v", k.Name, ok, k.Own)
		}
	}
}

// judgeProblems compares what was told about one key with its verdict.
func judgeProblems(t *testing.T, k *Key, problems []Problem) {
	t.Helper()
	want := map[Verdict]string{Pending: "not implemented yet", Obsolete: "no effect any more", Refused: k.Note}[k.Verdict]
	switch k.Name {
	case "no-auth":
		want = "open relay"
	case "allow-loopback-peers":
		want = "for tests only"
	case "no-stdout-log":
		want = "no place for the log"
	case "keep-address-family":
		want = "read as allocation-default-address-family=keep"
	}
	text := lines(problems)
	if want == "" && len(problems) > 0 || want != "" && len(problems) != 1 {
		t.Errorf("%s is %s, and %d problems are told: %s", k.Name, k.Verdict, len(problems), text)
	}
	if !strings.Contains(text, want) || Failed(problems) != (k.Verdict == Refused) {
		t.Errorf("%s is %s: want %q in %s", k.Name, k.Verdict, want, text)
	}
}

// A row that could not work is found here and not by an operator.
func TestTableIsSound(t *testing.T) {
	p := parsers()
	seen, letters := map[string]bool{}, map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Name] || k.Short != "" && letters[k.Short] {
			t.Errorf("%s or its letter %q is there twice", k.Name, k.Short)
		}
		seen[k.Name], letters[k.Short] = true, true
		if k.Group == "" || !strings.HasSuffix(k.Doc, ".") || len(k.Doc) < 10 {
			t.Errorf("%s is not documented: %q", k.Name, k.Doc)
		}
		checkReasons(t, &k)
		for _, v := range []string{k.Default, k.Implied} {
			if _, f := p[k.Kind](&k, v); v != "" && f != nil {
				t.Errorf("%s: %q does not fit: %s", k.Name, v, f.message)
			}
		}
		checkField(t, p, &k)
	}
}

// checkReasons wants every row to lead somewhere or to say why not.
func checkReasons(t *testing.T, k *Key) {
	t.Helper()
	switch {
	case k.Means != "":
	case k.Verdict == Supported && k.at == nil:
		t.Errorf("%s is supported and goes nowhere", k.Name)
	case k.Verdict != Supported && k.at != nil:
		t.Errorf("%s is %s and has a field", k.Name, k.Verdict)
	case k.Verdict != Supported && k.Verdict != Pending && k.Note == "":
		t.Errorf("%s is %s and does not say why", k.Name, k.Verdict)
	}
}

// checkField stores a value by way of the row, and looks that it arrived.
func checkField(t *testing.T, p map[Kind]parser, k *Key) {
	t.Helper()
	if k.at == nil {
		return
	}
	var c Config
	v, f := p[k.Kind](k, sampleOf(k))
	if f != nil {
		t.Errorf("%s: %s", k.Name, f.message)
		return
	}
	store(k.at(&c), v)
	got := reflect.ValueOf(k.at(&c)).Elem()
	if (got.Kind() == reflect.Slice) != k.Repeat || got.IsZero() {
		t.Errorf("%s does not reach its field", k.Name)
	}
}

// The defaults that the table promises are those that an empty file has.
func TestDefaults(t *testing.T) {
	c, problems := Load(Input{})
	if len(problems) > 0 {
		t.Errorf("nothing to load is no problem: %s", lines(problems))
	}
	table := newTable()
	show := func(s Secret) string { return s.Reveal() }
	for _, k := range table.keys {
		if k.at == nil || k.Repeat || k.Default == "" {
			continue
		}
		if got := format(&k, k.at(c), show); got[0] != k.Default {
			t.Errorf("%s is %q, want %q", k.Name, got[0], k.Default)
		}
	}
	if c.Set("realm") || c.String() != "" || !c.UnauthorizedRateLimit || c.MinPort != 49152 {
		t.Errorf("unexpected defaults: %v", c)
	}
}

// A switch of the refused kind may be turned off: that asks for what is so.
func TestSwitchesOff(t *testing.T) {
	for _, k := range Keys() {
		if k.Kind != kindBool {
			continue
		}
		_, problems := Load(Input{File: "f", Text: strings.NewReader(k.Name + "=false")})
		if want := k.Verdict == Settled || k.Verdict == Obsolete; Failed(problems) || want != (len(problems) == 1) {
			t.Errorf("%s=false (%s): %s", k.Name, k.Verdict, lines(problems))
		}
	}
}

// What has no effect any more ends no start, whatever its value: templates leave
// passwords of the telnet interface empty, and coturn took host names for addresses.
func TestObsoleteValues(t *testing.T) {
	for _, text := range []string{"cli-password=", "cli-password", "cli-ip=localhost", "cli-port=", "dh-file", "multiplex-peer-port=none", "no-tlsv1=never"} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
		if len(problems) != 1 || Failed(problems) || !strings.Contains(problems[0].Message, "has no effect any more") {
			t.Errorf("%s: %s", text, lines(problems))
		}
	}
}
