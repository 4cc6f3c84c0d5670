// Package container takes the image as a registry would hand it out, unpacks and
// runs it as a container runtime does, and has clients relay through it; and it
// reads the compose files and the manifests as those who use them do.
package container

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"iceserver/test/servertest"
)

// Variables of the environment. imageKey names the OCI layout to test; without it
// one is built from the program under test. workKey is set here: the directory for
// what is built once for all tests.
const (
	imageKey = "TEST_IMAGE"
	workKey  = "TEST_IMAGE_WORK"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == runtimeRole {
		fmt.Fprintln(os.Stderr, "container:", runContainer(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(inWork(m))
}

// inWork runs the tests with a directory for what they share.
func inWork(m *testing.M) int {
	dir, err := os.MkdirTemp("", "iceserver-image-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv(workKey, dir)
	// What servertest builds has to be static to be put into an image.
	os.Setenv("CGO_ENABLED", "0")
	return servertest.Main(m)
}

// buildImage calls the program that builds images, which the first call compiles.
// The licences that go into all of them are put together then too.
func buildImage(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(os.Getenv(workKey), "builder")
	if _, err := os.Stat(path); err != nil {
		command := exec.Command("go", "build", "-o", path, ".")
		command.Dir = inRoot(t, "packaging", "image")
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go build packaging/image: %v\n%s", err, text)
		}
		runs(t, "the notices", inRoot(t, "packaging", "scripts", "notices"), licenses(), "amd64", "arm64")
	}
	text, err := exec.Command(path, append([]string{"-licenses", licenses()}, args...)...).CombinedOutput()
	return string(text), err
}

// licenses is the folder of what goes into /licenses of an image.
func licenses() string { return filepath.Join(os.Getenv(workKey), "licenses") }

// imageUnderTest is the layout of the image to test.
func imageUnderTest(t *testing.T) layout {
	t.Helper()
	if dir := os.Getenv(imageKey); dir != "" {
		return layout{dir}
	}
	dir := filepath.Join(os.Getenv(workKey), "image")
	if _, err := os.Stat(dir); err == nil {
		return layout{dir}
	}
	if text, err := buildImage(t, "-binary", arch+"="+servertest.Binary(t), "-layout", dir); err != nil {
		t.Fatalf("building the image: %v\n%s", err, text)
	}
	return layout{dir}
}

// inRoot is a path of the repository.
func inRoot(t *testing.T, path ...string) string {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, path...)...)
}
