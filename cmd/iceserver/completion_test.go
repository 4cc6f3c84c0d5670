package main

import (
	"strings"
	"testing"

	"iceserver/internal/config"
)

// The shell is told flags, the values of those that have few, and the names of
// keys, by the same means in bash, zsh and fish.
func TestCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"--listening-p":           "--listening-port=",
		"serve --no-t":            "--no-tcp --no-tls --no-tlsv1_2",
		"serve --stale":           "--stale-nonce",
		"serve --engine=":         "auto mmsg std",
		"serve --engine=m":        "mmsg",
		"serve --no-tcp --dtls=f": "false",
		"serve --realm=":          "",
		"serve --nonsense=":       "",
		"serve --cert=":           ":0",
		"serve -c ":               ":0",
		"serve --engine ":         "auto mmsg std",
		"serve --engine m":        "mmsg",
		"serve -m ":               ":4",
		"serve --cert ":           ":0",
		"serve --dtls --engine s": "std",
		"serve nonsense":          "",
		"config check ":           ":0",
		"turnadmin --add":         "--add --add-admin --add-origin",
		"turnadmin -a -u ":        ":4",
		"turnadmin --userdb ":     ":0",
		"turnadmin -b ":           ":0",
		"turnadmin --db=":         ":0",
		"turnadmin -k --use":      "--userdb --user --user-quota",
		"user remove ":            ":4",
		"user add --password ":    ":4",
		"user import ":            ":0",
		"user list --data-dir ":   ":16",
		"user list --config ":     ":0",
		"user list --realm ":      ":4",
		"secret add ":             ":4",
		"secret list ":            ":4",
		"probe ":                  ":4",
		"probe --password-file ":  ":0",
		"realm set ":              "max-bps total-quota user-quota",
		"realm set user-quota ":   ":4",
		"config show --userdb=":   ":0",
		"config check --min":      "--min-port=",
		"config explain no-ss":    "no-sslv2 no-sslv3",
		"config explain realm ":   "",
		"config ":                 "check explain show",
	} {
		words := strings.Split(args, " ")
		r := call(t, "", append([]string{"__complete"}, words...)...)
		var got []string
		for line := range strings.Lines(r.out) {
			if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") || word == want {
				got = append(got, word)
			}
		}
		if r.code != 0 || strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q; %+v", args, got, want, r)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if r := call(t, "", "completion", shell); r.code != 0 || !strings.Contains(r.out, "__complete") || r.err != "" {
			t.Errorf("completion %s: exit %d, %d bytes, %s", shell, r.code, len(r.out), r.err)
		}
	}
}

// By coturn's names the program completes as what it is then.
func TestCompletionUnderCoturnsNames(t *testing.T) {
	for _, test := range []struct {
		args string
		want string
	}{
		{"turnserver __complete --listening-p", "__complete serve --listening-p"},
		{"/usr/bin/turnadmin __complete --li", "__complete turnadmin --li"},
		{"turnserver --listening-port=1", "serve " + coturnFlag + " --listening-port=1"},
		{"iceserver __complete user", "__complete user"},
	} {
		if got := strings.Join(arguments(strings.Fields(test.args)), " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.args, got, test.want)
		}
	}
	for shell, line := range map[string]string{
		"bash": " -F __start_iceserver iceserver turnserver turnadmin\n", "zsh": "#compdef iceserver turnserver turnadmin\ncompdef _iceserver iceserver turnserver turnadmin\n",
		"fish": "\ncomplete -c turnadmin -n 'not __iceserver_requires_order_preservation && __iceserver_prepare_completions' -f -a '$__iceserver_comp_results'\n",
	} {
		for _, more := range [][]string{nil, {"--no-descriptions"}} {
			r := call(t, "", append([]string{"completion", shell}, more...)...)
			if !strings.Contains(r.out, line) || (more == nil) != strings.Contains(r.out, "__complete ") {
				t.Errorf("completion %s %q:\n%s", shell, more, r.out)
			}
		}
	}
}

// Every key that does something is completed, and stands in the help of serve in
// its group; none of the others.
func TestFlagsAreTheKeys(t *testing.T) {
	completed := "\n" + call(t, "", "__complete", "serve", "--").out
	help := call(t, "", "serve", "--help").out
	for _, g := range config.Groups() {
		at, after, found := strings.Cut(help, "\n"+g.Title+":\n")
		supported := 0
		for _, k := range g.Keys {
			is := k.Verdict == config.Supported
			if got := strings.Contains(completed, "\n--"+k.Name+"\t") || strings.Contains(completed, "\n--"+k.Name+"=\t"); got != is {
				t.Errorf("%s is completed: %v; it is %s", k.Name, got, k.Verdict)
			}
			if is && k.Means == "" {
				supported++
				if !strings.Contains(after, "  "+k.Flag()+"\n        "+k.Doc) || strings.Contains(at, "  "+k.Flag()+"\n") {
					t.Errorf("%s does not stand in its group in the help", k.Name)
				}
			}
		}
		if found != (supported > 0) {
			t.Errorf("the help has the group %s: %v; %d of its keys do something", g.Name, found, supported)
		}
	}
}
