package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// blocks are the pieces of the guide in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile(inRoot(t, "docs", "containers.md"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if m[1] == language {
			lines = append(lines, strings.Split(strings.TrimSpace(m[2]), "\n")...)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("the guide has nothing in %s", language)
	}
	return lines
}

// What the guide tells people to type names files, targets, commands, variables
// and ports that there are. What Docker itself does with it is not tried here.
func TestGuide(t *testing.T) {
	tried := map[string]bool{}
	for _, line := range blocks(t, "sh") {
		words := strings.Fields(line)
		what := strings.Join(words[:min(2, len(words))], " ")
		tried[what] = true
		t.Run(what, func(t *testing.T) { follow(t, line, what, words) })
	}
	for _, what := range []string{"make image", "docker run", "podman run", "docker exec", "docker compose", "kubectl apply"} {
		if !tried[what] {
			t.Errorf("the guide does not show %s", what)
		}
	}
	wantValid(t, blocks(t, "env"))
}

// follow looks at one line.
func follow(t *testing.T, line, what string, words []string) {
	t.Helper()
	switch {
	case words[0] == "make":
		runs(t, line, "make", append([]string{"-n", "-C", inRoot(t)}, words[1:]...)...)
	case words[1] == "run":
		wantStarts(t, line, words[2:])
	case what == "docker exec":
		wantCommand(t, line, words[3:])
	case what == "docker compose" || what == "kubectl apply":
		for i := 2; i < len(words)-1; i++ {
			if words[i] != "-f" && words[i] != "-k" {
				continue
			}
			if _, err := os.Stat(inRoot(t, words[i+1])); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

func runs(t *testing.T, line, name string, args ...string) {
	t.Helper()
	if text, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, text)
	}
}

// wantStarts looks at the words after `docker run`: the range that is published is
// the one that is served, and the server takes the variables.
func wantStarts(t *testing.T, line string, words []string) {
	t.Helper()
	_, image := imageUnderTest(t).image(t, arch)
	environment, ports := slices.Clone(image.Config.Env), []string{}
	words, mounted := ownFile(words)
	for i, w := range words[:len(words)-1] {
		next := words[i+1]
		switch w {
		case "-e":
			environment = merge(environment, []string{next})
		case "-p":
			outside, inside, _ := strings.Cut(strings.SplitN(next, "/", 2)[0], ":")
			if outside != inside {
				t.Errorf("%s: %s is another port inside", line, next)
			}
			ports = append(ports, next[len(outside)+1:])
		case "-v":
			if _, path, _ := strings.Cut(next, ":"); path != mounted && !slices.Contains(image.Config.Env, "ICESERVER_DATA_DIR="+path) {
				t.Errorf("%s: the volume is at %s", line, path)
			}
		}
	}
	served := map[string]string{}
	for _, s := range environment {
		name, value, _ := strings.Cut(s, "=")
		served[name] = value
	}
	if want := served["ICESERVER_MIN_PORT"] + "-" + served["ICESERVER_MAX_PORT"] + "/udp"; len(ports) > 0 && !slices.Contains(ports, want) {
		t.Errorf("%s: publishes %v, serves %s", line, ports, want)
	}
	wantValid(t, slices.DeleteFunc(environment, func(s string) bool { return strings.HasPrefix(s, "ICESERVER_DATA_DIR=") }))
	if last := words[len(words)-1]; last != "iceserver" {
		t.Errorf("%s: the image is %s", line, last)
	}
}

// ownFile takes the argument for a configuration off a line, and returns what has to
// be mounted for it, read-only; empty if there is none.
func ownFile(words []string) (rest []string, mounted string) {
	n := len(words) - 2
	if words[n] != "-c" {
		return words, ""
	}
	return words[:n], words[n+1] + ":ro"
}

// wantCommand asks the program in the image whether it has such a command, with
// such flags.
func wantCommand(t *testing.T, line string, words []string) {
	t.Helper()
	box := newContainer(t, newVolume(t))
	box.Args[0] = filepath.Join("/usr/bin", words[0])
	command := box.command(t, servertest.Namespace(t, "g"), append(words[1:], "--help")...)
	runs(t, line, command[0], command[1:]...)
}
