package config

import (
	"slices"
	"strings"
	"testing"
)

// Every key is documented as far as documentation goes, and its example is a line
// that is taken as its verdict says.
func TestExplainEveryKey(t *testing.T) {
	for _, k := range Keys() {
		e, near, ok := Explain(k.Name)
		if !ok || near != "" || e.Key != k.Name || e.What != k.Doc || e.Group == "" || e.Becomes == "" || e.Variable == "" {
			t.Errorf("%s: %+v", k.Name, e)
		}
		if strings.HasSuffix(k.Note, ".") || strings.HasSuffix(k.Coturn, ".") || strings.Contains(e.Becomes+e.Coturn, "..") {
			t.Errorf("%s: clauses end without a full stop: %s %s", k.Name, e.Becomes, e.Coturn)
		}
		if k.Own && (k.Coturn != "" || e.Coturn != "coturn has no such key.") {
			t.Errorf("%s: coturn has no such key and means %q by it", k.Name, e.Coturn)
		}
		if k.Example == k.Default && k.Verdict != Settled {
			t.Errorf("%s: the example %q is the default", k.Name, k.Example)
		}
		name, _, _ := strings.Cut(e.Example, "=")
		_, problems := Load(Input{File: "f", Text: strings.NewReader(withNeeds(&k, k.Example))})
		judgeProblems(t, &k, problems)
		if name != k.Name {
			t.Errorf("%s: the example is of %s", k.Name, name)
		}
	}
}

// What one key says of another, the other says too; and all of them exist.
func TestRelated(t *testing.T) {
	table := newTable()
	for i := range table.keys {
		k := &table.keys[i]
		for _, name := range append(slices.Clone(k.Related), k.Follows...) {
			if table.byName[name] == nil || name == k.Name {
				t.Errorf("%s is related to %s", k.Name, name)
			}
		}
		for _, name := range table.related(k) {
			if !slices.Contains(table.related(table.byName[name]), k.Name) {
				t.Errorf("%s names %s, and not the other way round", k.Name, name)
			}
		}
	}
	for key, want := range map[string]string{"max-port": "min-port", "bps-capacity": "max-bps", "no-tlsv1": "tlsv1", "db": "userdb"} {
		if got := strings.Join(table.related(table.byName[key]), " "); got != want && !strings.Contains(" "+got+" ", " "+want+" ") {
			t.Errorf("%s is related to %q, want %q", key, got, want)
		}
	}
}

// A key is found by its name, flag, letter or variable, and by nothing else.
func TestExplainNames(t *testing.T) {
	for name, want := range map[string]string{
		"realm": "realm", "--realm": "realm", "-r": "realm", "ICESERVER_REALM": "realm", "ICESERVER_VERBOSE": "verbose", "Verbose": "Verbose",
		"-V": "Verbose", "no-tlsv1_2": "no-tlsv1_2", "ICESERVER_NO_TLSV1_2": "no-tlsv1_2",
	} {
		if e, _, ok := Explain(name); !ok || e.Key != want {
			t.Errorf("%s is %q, want %q", name, e.Key, want)
		}
	}
	for name, want := range map[string]string{
		"relm": "realm", "REALM": "realm", "ICESERVER_RELM": "realm", "no_tls": "no-tls", "-": "", "": "", "-y": "", "--": "", "quite-different": "",
	} {
		if e, near, ok := Explain(name); ok || near != want {
			t.Errorf("%q: %q, %s, want %q", name, near, e.Key, want)
		}
	}
}

// of picks the setting of a key.
func of(t *testing.T, c *Config, key string) Setting {
	t.Helper()
	for _, s := range c.Settings() {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("there is no setting of %s", key)
	return Setting{}
}

// Each value of a list has its own place, also where a later one took the place
// of an earlier, and scalars have the place that won.
func TestSettings(t *testing.T) {
	c, _ := Load(Input{
		File: "f", Text: strings.NewReader("user=a:CANARY\nuser=b:CANARY\nlistening-ip=::1\nlistening-ip=127.0.0.1\nlistening-ip=::1\n" +
			"realm=x\ncpus=3\nno-sslv3\ncipher-list=ECDHE+AESGCM\nuser=a:0x00112233445566778899aabbccddeeff\n"),
		Environ: []string{"ICESERVER_LISTENING_IP=192.0.2.1,192.0.2.2", "ICESERVER_REALM=y"},
		Flags:   []Flag{{Key: "realm", Name: "-r", Value: "z"}},
	})
	for key, want := range map[string]string{
		"user":           "b:[redacted] a:[redacted] from f:2 f:10",
		"listening-ip":   "::1 127.0.0.1 192.0.2.1 192.0.2.2 from f:3 f:4 environment ICESERVER_LISTENING_IP environment ICESERVER_LISTENING_IP",
		"realm":          "z from command line -r",
		"relay-threads":  "3 from follows from cpus, f:7",
		"log-min-level":  "info from default",
		"external-ip":    " from default",
		"no-tcp":         "false from default",
		"no-sslv3":       " from f:8",
		"min-port":       "49152 from default",
		"sock-buf-size":  "2097152 from default",
		"denied-peer-ip": " from default",
	} {
		s := of(t, c, key)
		if got := strings.Join(s.Values, " ") + " from " + strings.Join(s.From, " "); got != want {
			t.Errorf("%s is %s\nwant %s", key, got, want)
		}
		if idle := key == "no-sslv3"; s.Idle != idle || (s.Why != "") != idle {
			t.Errorf("%s: %+v", key, s)
		}
	}
	if s := of(t, c, "user"); strings.Contains(strings.Join(s.Lines(), " "), "CANARY") || len(s.Lines()) != 2 {
		t.Errorf("%v", s.Lines())
	}
}
