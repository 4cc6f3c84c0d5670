package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// ownConfiguration is what an operator mounts: a user, and a range that is neither
// the image's nor that of a compose file.
const ownConfiguration = `realm=example.org
lt-cred-mech
user=erin:a-password
min-port=51000
max-port=51019
allowed-peer-ip=198.18.1.0/24
`

// A turnserver.conf that is mounted counts, and alone: over either compose file, with
// the variables that it sets as the second one leaves them.
func TestOwnConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turnserver.conf")
	if err := os.WriteFile(path, []byte(ownConfiguration), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"compose.yaml", "compose.published.yaml"} {
		t.Run(name, func(t *testing.T) {
			s, err := compose(t, name, map[string]string{"ICESERVER_CONFIGURATION": path, "ICESERVER_EXTERNAL_IP": "192.0.2.1"}, "compose.configuration.yaml")
			if err != nil {
				t.Fatal(err)
			}
			wantValid(t, variables(s), s.Command[0], path)
			box := newContainer(t, newVolume(t), variables(s)...)
			box.Volumes["/etc/turnserver.conf"] = mountedFile(t, s)
			n := newNetwork(t)
			server := box.start(t, n.machine, s.Command...)
			url := "turn:" + machineIP + ":3478"
			if up, down := n.relay(t, url, "--user", "erin:a-password", "--direction", "both"); up == 0 || down == 0 {
				t.Errorf("%d packets came to the peer, and %d to the client", up, down)
			}
			show := box.command(t, n.machine, "config", "show", s.Command[1])
			text, err := exec.Command(show[0], show[1:]...).CombinedOutput()
			for _, want := range []string{"\nmin-port=51000 ", "\nmax-port=51019 ", "\nrealm=example.org "} {
				if err != nil || !strings.Contains(string(text), want) {
					t.Errorf("no %q is in force: %v\n%s", want, err, text)
				}
			}
			if strings.Contains(string(text), "192.0.2.1") {
				t.Errorf("a variable of the other file is in force:\n%s", text)
			}
			server.Stop(t)
		})
	}
}

// mountedFile is the file of the machine that a service has for its configuration.
func mountedFile(t *testing.T, s types.ServiceConfig) string {
	t.Helper()
	for _, v := range s.Volumes {
		if v.Target == "/etc/turnserver.conf" && v.Type == types.VolumeTypeBind && v.ReadOnly && !bool(v.Bind.CreateHostPath) {
			return v.Source
		}
	}
	t.Fatalf("the configuration is not mounted: %+v", s.Volumes)
	return ""
}
