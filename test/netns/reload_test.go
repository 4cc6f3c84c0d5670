package netns

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// An address that comes to the machine while the server runs, as that of a bridge
// or a tunnel does, or one that goes, takes a restart to count and keeps nothing
// else from being reloaded.
func TestReloadAfterTheMachineChanged(t *testing.T) {
	const text, within = "listening-port=3478\nno-tls\nrealm=test\nlog-file=stdout\nuser=u:p\n", time.Minute
	n := build(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "turnserver.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	s := servertest.Run(t, "ip", "netns", "exec", n.server, servertest.Binary(t), "serve", "-c", file, "--data-dir="+filepath.Join(dir, "data"))
	if err := s.WaitFor(regexp.MustCompile(`msg=ready`), within); err != nil {
		t.Fatal(err)
	}
	servertest.In(t, n.server, "ip address add 198.18.0.77/24 dev pub")
	servertest.In(t, n.server, "ip address del "+serverOther+"/24 dev pub")
	write(text + "user=v:q\n")
	if err := syscall.Kill(s.Pid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitFor(regexp.MustCompile(`msg=reloaded changed=\S*user`), within); err != nil {
		t.Error(err)
	}
	s.Stop(t)
}
