package container

import (
	"archive/tar"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// What the image holds and says of itself.
func TestImage(t *testing.T) {
	l := imageUnderTest(t)
	m, c := l.image(t, arch)
	root := t.TempDir()
	l.unpack(t, m, c, root)
	if c.Architecture != arch || c.OS != "linux" {
		t.Errorf("the image is for %s/%s", c.OS, c.Architecture)
	}
	for _, label := range []string{"title", "description", "version", "revision", "created", "licenses"} {
		if c.Config.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("there is no label org.opencontainers.image.%s", label)
		}
	}
	if at, err := time.Parse(time.RFC3339, c.Created); err != nil || time.Since(at) < 0 {
		t.Errorf("the image was made at %q: %v", c.Created, err)
	}
	for _, port := range []string{"3478/udp", "3478/tcp", "5349/tcp", "49160/udp", "49200/udp"} {
		if _, ok := c.Config.ExposedPorts[port]; !ok {
			t.Errorf("the image does not expose %s", port)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(text) {
		t.Error("the authorities cannot be read")
	}
	for _, name := range []string{"turnserver", "turnadmin"} {
		if got, err := os.Readlink(filepath.Join(root, "usr/bin", name)); err != nil || got != "iceserver" {
			t.Errorf("%s leads to %q: %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "var/lib/iceserver")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory: %v, %v", info, err)
	}
	wantNotices(t, root)
}

// wantNotices looks for every module that is in the program.
func wantNotices(t *testing.T, root string) {
	t.Helper()
	info, err := buildinfo.ReadFile(filepath.Join(root, "usr/bin/iceserver"))
	if err != nil || len(info.Deps) < 20 {
		t.Fatalf("the program has %v, %v", info, err)
	}
	text, err := os.ReadFile(filepath.Join(root, "licenses/third-party-notices"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, m := range info.Deps {
		if !slices.Contains(lines, m.Path+" "+m.Version) {
			t.Errorf("nothing is said of %s %s", m.Path, m.Version)
		}
	}
	if text, err := os.ReadFile(filepath.Join(root, "licenses/LICENSE")); err != nil || !strings.Contains(string(text), "Apache License") {
		t.Errorf("the licence of the program: %v, %s", err, text)
	}
}

// Building twice gives the same image to the last bit, one index for both
// architectures, and an archive for each with the same configuration in it.
func TestReproducible(t *testing.T) {
	small := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		small[arch] = compile(t, arch)
	}
	build := func() (layout, string) {
		dir := t.TempDir()
		l, archive := layout{filepath.Join(dir, "image")}, filepath.Join(dir, "iceserver")
		// The second call replaces what the first has written.
		for range 2 {
			text, err := buildImage(t, "-binary", "arm64="+small["arm64"], "-binary", "amd64="+small["amd64"],
				"-version", "v1.2.3", "-revision", "abc", "-created", "1700000000", "-layout", l.dir, "-archive", archive)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
		}
		return l, archive
	}
	one, archive := build()
	two, _ := build()
	top := one.top(t)
	if other := two.top(t); top.Digest != other.Digest {
		t.Errorf("the same image twice: %s and %s", top.Digest, other.Digest)
	}
	if name := top.Annotations["org.opencontainers.image.ref.name"]; name != "v1.2.3" {
		t.Errorf("the image is called %q", name)
	}
	for arch := range small {
		m, c := one.image(t, arch)
		if c.Created != "2023-11-14T22:13:20Z" || c.Config.Labels["org.opencontainers.image.revision"] != "abc" {
			t.Errorf("%s: created %s, labels %v", arch, c.Created, c.Config.Labels)
		}
		wantArchive(t, archive+"-"+arch+".tar", m)
	}
}

// wantArchive reads what docker load reads.
func wantArchive(t *testing.T, path string, m manifest) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	sizes := map[string]int64{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		sizes[h.Name] = h.Size
		if h.Name == "manifest.json" {
			text, _ := io.ReadAll(r)
			if err := json.Unmarshal(text, &entries); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(entries) != 1 || entries[0].Config != m.Config.Digest || len(entries[0].Layers) != len(m.Layers) {
		t.Fatalf("%s has %+v, and the layout %+v", path, entries, m)
	}
	slices.Sort(entries[0].RepoTags)
	if got := fmt.Sprint(entries[0].RepoTags); got != "[iceserver:latest iceserver:v1.2.3]" {
		t.Errorf("%s has the tags %s", path, got)
	}
	for i, name := range entries[0].Layers {
		if sizes[name] != m.Layers[i].Size {
			t.Errorf("%s: layer %s has %d bytes, want %d", path, name, sizes[name], m.Layers[i].Size)
		}
	}
}

// What cannot run in an empty image, or is none, is refused with a reason.
func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	static := compile(t, "amd64")
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "precious"), 0o700); err != nil {
		t.Fatal(err)
	}
	layoutDir, bare := filepath.Join(dir, "image"), filepath.Join(dir, "bare")
	if err := os.Mkdir(bare, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		args []string
		want string
	}{
		{"a binary for another machine", []string{"-binary", "arm64=" + static, "-layout", layoutDir}, "is for EM_X86_64"},
		{"a dynamic binary", []string{"-binary", "amd64=/bin/sh", "-layout", layoutDir}, "dynamic linker"},
		{"no program", []string{"-binary", "amd64=/etc/passwd", "-layout", layoutDir}, "is no program for Linux"},
		{"an unknown architecture", []string{"-binary", "vax=" + static, "-layout", layoutDir}, "not known"},
		{"somebody's directory", []string{"-binary", "amd64=" + static, "-layout", full}, "something else"},
		{"no licences", []string{"-binary", "amd64=" + static, "-layout", layoutDir, "-licenses", bare}, "no licences"},
		{"no layout", []string{"-binary", "amd64=" + static}, "needed"},
	} {
		if text, err := buildImage(t, test.args...); err == nil || !strings.Contains(text, test.want) {
			t.Errorf("%s: %v, %q, want %q", test.what, err, text, test.want)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "precious")); err != nil {
		t.Error(err)
	}
}

// The layout of the real program is built by `make image`, so here the least one
// that there is will do.
func compile(t *testing.T, arch string) string {
	t.Helper()
	dir := t.TempDir()
	source, path := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", "build", "-trimpath", "-o", path, source)
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, text)
	}
	return path
}

// The image runs the program that is tested, and no other.
func TestHoldsTheProgram(t *testing.T) {
	box := newContainer(t, newVolume(t))
	n := servertest.Namespace(t, "v")
	inside := servertest.Do(t, strings.Join(box.command(t, n, "version"), " "))
	if outside := servertest.Do(t, servertest.Binary(t)+" version"); inside != outside {
		t.Errorf("the image has %s, the test is of %s", inside, outside)
	}
}
