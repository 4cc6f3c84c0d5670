package container

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"iceserver/test/servertest"
)

// foreign is the architecture whose image an emulator has to run here, and what
// its programs say that they are for.
func foreign() (name, emulator string, machine elf.Machine) {
	if arch == "arm64" {
		return "amd64", "qemu-x86_64-static", elf.EM_X86_64
	}
	return "arm64", "qemu-aarch64-static", elf.EM_AARCH64
}

// foreignImage is the layout that has it: that of make, or one that is built here.
func foreignImage(t *testing.T, name string) layout {
	t.Helper()
	if dir := os.Getenv(imageKey); dir != "" {
		return layout{dir}
	}
	l, program := layout{filepath.Join(t.TempDir(), "image")}, filepath.Join(t.TempDir(), "iceserver")
	build := exec.Command("go", "build", "-trimpath", "-o", program, "./cmd/iceserver")
	build.Dir, build.Env = inRoot(t), append(os.Environ(), "GOOS=linux", "GOARCH="+name, "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building for %s: %v\n%s", name, err, text)
	}
	if text, err := buildImage(t, "-binary", name+"="+program, "-layout", l.dir); err != nil {
		t.Fatalf("building the image: %v\n%s", err, text)
	}
	return l
}

// The image for the other architecture starts, confined as the own one is, relays
// over every transport, and ends when it is asked to. An emulator does not have all
// that a kernel has: what is missing the server does without, by itself.
func TestForeignArchitecture(t *testing.T) {
	name, emulator, machine := foreign()
	path, err := exec.LookPath(emulator)
	if err != nil {
		t.Fatal(err)
	}
	n, data := newNetwork(t), newVolume(t)
	box := newContainerOf(t, foreignImage(t, name), name, data)
	program, err := elf.Open(filepath.Join(box.Root, box.Args[0]))
	if err != nil || program.Machine != machine {
		t.Fatalf("%s in the image for %s: %v, %+v", box.Args[0], name, err, program)
	}
	_ = program.Close()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(box.Root, "emulator"), text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	box.Args = append([]string{"/emulator"}, box.Args...)
	s := box.start(t, n.machine)
	if said := servertest.In(t, n.client, servertest.Binary(t)+" probe stun:"+machineIP+":3478"); !regexp.MustCompile(regexp.QuoteMeta(clientIP)).MatchString(said) {
		t.Errorf("no answer with the client's address:\n%s", said)
	}
	for _, url := range []string{"turn:" + machineIP + ":3478?transport=udp", "turn:" + machineIP + ":3478?transport=tcp", "turns:" + machineIP + ":5349"} {
		up, down := n.relay(t, url, "--user", account(t, s), "--direction", "both", "--insecure")
		if up == 0 || down == 0 {
			t.Errorf("%s: %d packets came to the peer, and %d to the client", url, up, down)
		}
	}
	wantConfined(t, s.Pid())
	s.Stop(t)
	if err := s.WaitFor(stoppedLine, limit); err != nil {
		t.Error(err)
	}
}
