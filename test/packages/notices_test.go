//go:build linux

package packages_test

import (
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// packed are files of a package, which is a deb or an rpm.
func packed(t *testing.T, archive, name string) []byte {
	t.Helper()
	unpack := `dpkg-deb --fsys-tarfile "$0" | tar xOf - ".$1"`
	if strings.HasSuffix(archive, ".rpm") {
		unpack = `rpm2archive -n - <"$0" | tar xOf - ".$1"`
	}
	command := exec.Command("bash", "-o", "pipefail", "-c", unpack, archive, name)
	var told bytes.Buffer
	command.Stderr = &told
	content, err := command.Output()
	if err != nil {
		t.Fatalf("%s of %s: %v: %s", name, archive, err, told.String())
	}
	if !strings.HasSuffix(name, ".gz") {
		return content
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err == nil {
		content, err = io.ReadAll(r)
	}
	if err != nil {
		t.Fatalf("%s of %s: %v", name, archive, err)
	}
	return content
}

// The packages name every module that is in their program, with its licence.
func TestNotices(t *testing.T) {
	const notices = "/usr/share/doc/iceserver/third-party-notices"
	for pattern, name := range map[string]string{"*.deb": notices + ".gz", "*.rpm": notices} {
		file := built(t, older, pattern)
		lines := strings.Split(string(packed(t, file, name)), "\n")
		info, err := buildinfo.Read(bytes.NewReader(packed(t, file, "/usr/bin/iceserver")))
		if err != nil || len(info.Deps) < 20 {
			t.Fatalf("%s: the program has %v, %v", pattern, info, err)
		}
		for _, m := range info.Deps {
			if !slices.Contains(lines, m.Path+" "+m.Version) {
				t.Errorf("%s: nothing is said of %s %s", pattern, m.Path, m.Version)
			}
		}
	}
}

// A linked module without a licence ends the build.
func TestNoticesMissing(t *testing.T) {
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// What go would say of a program with one module, in whose folder there is nothing.
	script := "#!/bin/sh\ncase $* in *GOROOT*) echo " + dir + ";; *-deps*) echo example.org/bare v1.0.0 " + dir + "/bare " + dir + "/bare/part;; *) echo;; esac\n"
	for name, text := range map[string]string{"go": script, "LICENSE": "a licence\n", "PATENTS": "none\n", "bare/part/part.go": "package part\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	notices := func() (string, error) {
		command := exec.Command(filepath.Join(root, "packaging", "scripts", "notices"), filepath.Join(dir, "out"), "amd64")
		command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := command.CombinedOutput()
		return string(out), err
	}
	if out, err := notices(); err == nil || !strings.Contains(out, "example.org/bare v1.0.0 has no licence") {
		t.Errorf("without a licence: %v, %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "bare", "LICENSE.txt"), []byte("another licence\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := notices(); err != nil {
		t.Errorf("with one: %v, %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out", "third-party-notices"))
	if err != nil || !strings.Contains(string(text), "another licence") {
		t.Errorf("%v: %s", err, text)
	}
}

// lintian reports what Debian would not accept of a package.
func lintian(t *testing.T, file string) string {
	t.Helper()
	out, _ := exec.Command("lintian", "--tag-display-limit", "0", "--no-cfg", "--allow-root", file).CombinedOutput()
	var found []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "N:") {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

// Debian's own judge of packages finds nothing but what the package gives a reason
// for.
func TestLintian(t *testing.T) {
	file := built(t, older, "*.deb")
	if found := lintian(t, file); found != "" {
		t.Errorf("lintian:\n%s", found)
	}
	// The counter-test: without the reasons it would.
	dir := t.TempDir()
	bare := filepath.Join(dir, "iceserver_"+older+"_bare.deb")
	change := `dpkg-deb -R "$0" "$1/tree"; rm "$1/tree/usr/share/lintian/overrides/iceserver" "$1/tree/usr/share/doc/iceserver/copyright"; dpkg-deb -Znone -b "$1/tree" "$2"`
	if out, err := exec.Command("sh", "-ec", change, file, dir, bare).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := lintian(t, bare)
	for _, want := range []string{"E: iceserver: no-copyright-file", "E: iceserver: statically-linked-binary"} {
		if !strings.Contains(found, want) {
			t.Errorf("there is no %q in:\n%s", want, found)
		}
	}
}
