package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// block is a fenced piece of a document: its language, and what is in it.
type block struct{ language, text string }

func blocks(t *testing.T, name string) []block {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2]})
	}
	if len(all) == 0 {
		t.Fatalf("%s has no examples", name)
	}
	return all
}

// Both languages show the same commands and configurations.
func TestReadmesShowTheSame(t *testing.T) {
	if !slices.Equal(blocks(t, "README.md"), blocks(t, "README.zh-CN.md")) {
		t.Error("README.md and README.zh-CN.md have different examples")
	}
}

// Every command and configuration in the readme works as it stands there.
func TestReadme(t *testing.T) {
	d := documents{dir: t.TempDir(), tried: map[string]bool{}}
	t.Setenv("XDG_DATA_HOME", filepath.Join(d.dir, "data"))
	for _, b := range blocks(t, "README.md") {
		switch b.language {
		case "conf":
			d.conf(t, b.text)
		case "sh":
			for line := range strings.Lines(b.text) {
				d.run(t, strings.Fields(line))
			}
		default:
			t.Errorf("nobody tries out examples in %q", b.language)
		}
	}
	for _, what := range []string{"make", "serve", "user", "secret", "credentials", "config", "status", "reload", "usage", "link", "doctor", "probe"} {
		if !d.tried[what] {
			t.Errorf("the readme does not show %s", what)
		}
	}
}

// documents is a reader who does what the readme says, in a folder of their own.
type documents struct {
	dir   string
	port  string // of the server that the readme has started
	tried map[string]bool
}

// conf writes a configuration down, with a certificate that is really there in
// the place of the reader's own.
func (d *documents) conf(t *testing.T, text string) {
	t.Helper()
	c, err := servertest.NewCertificate(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("/etc/ssl/turn.pem", c.CertFile, "/etc/ssl/turn.key", c.KeyFile).Replace(text)
	if err := os.WriteFile(filepath.Join(d.dir, "turnserver.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *documents) run(t *testing.T, words []string) {
	t.Helper()
	switch {
	case len(words) == 0:
	case words[0] == "make":
		d.tried["make"] = true
		d.make(t, words[1:])
	case words[0] != "bin/iceserver":
		t.Errorf("nobody tries out %q", words)
	case words[1] == "serve":
		d.tried["serve"] = true
		d.serve(t, words[1:])
	default:
		d.tried[words[1]] = true
		for i, w := range words {
			switch w {
			case "turnserver.conf":
				words[i] = filepath.Join(d.dir, w)
			case "turn:turn.example.org":
				words[i] = "turn:127.0.0.1:" + d.port
			}
		}
		r := command(t, "", words[1:]...)
		// The doctor finds what the reader's machine would have and this one has not:
		// the address and the name.
		if r.code != 0 && (words[1] != "doctor" || r.code > 2) {
			t.Errorf("%s: exit %d: %s", strings.Join(words, " "), r.code, r.err)
		}
		d.try(t, words[1:], r.out)
	}
}

// make asks whether there are such targets: this test is part of one of them.
func (d *documents) make(t *testing.T, targets []string) {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("make", append([]string{"-n", "-C", root}, targets...)...).CombinedOutput(); err != nil {
		t.Errorf("make %s: %v\n%s", targets, err, out)
	}
}

// serve starts the server that the readme configures, on ports that harm nobody,
// and its user gets an allocation.
func (d *documents) serve(t *testing.T, words []string) {
	t.Helper()
	for i, w := range words {
		if w == "turnserver.conf" {
			words[i] = filepath.Join(d.dir, w)
		}
	}
	// The data directory is the one that commands take by themselves.
	p := server(t, filepath.Join(d.dir, "data", "iceserver"), words[1:]...)
	_, d.port, _ = strings.Cut(udpOf(t, p), ":")
	d.allocates(t, "alice", "wonderland")
}

// try uses what a command has printed with the server that was started before it.
func (d *documents) try(t *testing.T, words []string, out string) {
	t.Helper()
	switch {
	case words[0] == "user" && words[1] == "add":
		_, password, _ := strings.Cut(out, "password: ")
		d.allocates(t, words[2], strings.TrimSpace(password))
	case words[0] == "credentials":
		var servers []struct {
			URLs                 []string
			Username, Credential string
		}
		if err := json.Unmarshal([]byte(out), &servers); err != nil {
			t.Fatal(err)
		}
		if want := "turn:198.51.100.7:" + d.port + "?transport=udp"; servers[0].URLs[0] != want {
			t.Errorf("credentials for %s, want %s", servers[0].URLs[0], want)
		}
		d.allocates(t, servers[0].Username, servers[0].Credential)
	}
}

func (d *documents) allocates(t *testing.T, username, password string) {
	t.Helper()
	relayed, code := dial(t, "turn:127.0.0.1:"+d.port+"?transport=udp", username, password, "").allocate()
	if code != 0 || relayed.Addr().String() != "198.51.100.7" {
		t.Errorf("%s of the readme got %d and %s", username, code, relayed)
	}
}
