package container

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"iceserver/test/servertest"
)

// compose reads a file as docker compose does, its schema and variables included,
// with more files over it.
func compose(t *testing.T, name string, variables map[string]string, more ...string) (types.ServiceConfig, error) {
	t.Helper()
	dir := inRoot(t, "packaging", "container")
	var files []types.ConfigFile
	for _, n := range append([]string{name}, more...) {
		files = append(files, types.ConfigFile{Filename: filepath.Join(dir, n)})
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: files, Environment: variables,
	}, loader.WithProfiles([]string{"*"}))
	if err != nil {
		return types.ServiceConfig{}, err
	}
	return project.GetService("iceserver")
}

// variables of a service, as NAME=value.
func variables(s types.ServiceConfig) []string {
	var all []string
	for name, value := range s.Environment {
		if value != nil {
			all = append(all, name+"="+*value)
		}
	}
	slices.Sort(all)
	return all
}

// Both compose files are what compose reads, give the container no right that it
// does not need, and set no key that the server does not know.
func TestComposeFiles(t *testing.T) {
	_, image := imageUnderTest(t).image(t, arch)
	for _, name := range []string{"compose.yaml", "compose.published.yaml"} {
		t.Run(name, func(t *testing.T) {
			s, err := compose(t, name, map[string]string{"ICESERVER_EXTERNAL_IP": "198.18.1.1"})
			if err != nil {
				t.Fatal(err)
			}
			if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged ||
				!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || s.User != "" {
				t.Errorf("the container has more rights than it needs: %+v", s)
			}
			for _, v := range s.Volumes {
				if _, ok := image.Config.Volumes[v.Target]; !ok || v.Type != types.VolumeTypeVolume {
					t.Errorf("the volume %+v is none of the image", v)
				}
			}
			if len(s.Volumes) != 1 {
				t.Errorf("%d volumes", len(s.Volumes))
			}
			wantValid(t, variables(s))
		})
	}
}

// wantValid has the program itself judge variables, beside those of the image.
func wantValid(t *testing.T, environment []string, args ...string) {
	t.Helper()
	command := exec.Command(servertest.Binary(t), append([]string{"config", "check"}, args...)...)
	command.Env = append([]string{"ICESERVER_DATA_DIR=" + t.TempDir()}, environment...)
	if text, err := command.CombinedOutput(); err != nil || strings.Contains(string(text), "warning") {
		t.Errorf("the server says of %v: %v\n%s", environment, err, text)
	}
}

// Who forgets the address is told, by compose already.
func TestComposeAsksForTheAddress(t *testing.T) {
	if _, err := compose(t, "compose.published.yaml", nil); err == nil || !strings.Contains(err.Error(), "the address that clients use") {
		t.Errorf("without ICESERVER_EXTERNAL_IP: %v", err)
	}
}

// published are the ports of a service, in the words of nft.
func published(t *testing.T, s types.ServiceConfig) []port {
	t.Helper()
	var all []port
	for _, p := range s.Ports {
		if p.Published != fmt.Sprint(p.Target) {
			t.Errorf("the port %d is %s outside: clients would be told the one inside", p.Target, p.Published)
		}
		all = append(all, port{p.Protocol, p.Published})
	}
	return all
}

// testPeers opens the network of the test, which the server keeps shut by itself
// for one that is set aside for tests.
const testPeers = "ICESERVER_ALLOWED_PEER_IP=198.18.1.0/24"

// Behind the translation that the second compose file asks for, with the variables
// and the ports of that file: clients get the machine's address and media flows
// both ways, that of a peer that speaks first too.
func TestPublished(t *testing.T) {
	s, err := compose(t, "compose.published.yaml", map[string]string{"ICESERVER_EXTERNAL_IP": machineIP})
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(t).contain(t)
	n.publish(t, published(t, s)...)
	box := newContainer(t, newVolume(t), append(variables(s), testPeers)...)
	server := box.start(t, n.container)
	wantHealth(t, box, n.container, s, true)
	user := account(t, server)
	for _, transport := range []string{"udp", "tcp"} {
		url := "turn:" + machineIP + ":3478?transport=" + transport
		if up, down := n.relay(t, url, "--user", user, "--direction", "both"); up == 0 || down == 0 {
			t.Errorf("over %s %d packets came to the peer, and %d to the client", transport, up, down)
		}
		if _, down := n.relay(t, url, "--user", user, "--direction", "down"); down == 0 {
			t.Errorf("over %s nothing came from a peer that speaks first", transport)
		}
	}
	server.Stop(t)
	wantHealth(t, box, n.container, s, false)
}

// wantHealth runs the check of a compose file in the container.
func wantHealth(t *testing.T, box *container, namespace string, s types.ServiceConfig, well bool) {
	t.Helper()
	if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Test[0] != "CMD" {
		t.Fatalf("the check of health is %+v: the image has no shell for it", s.HealthCheck)
	}
	check := *box
	check.Args = s.HealthCheck.Test[1:]
	words := check.command(t, namespace)
	if text, err := exec.Command(words[0], words[1:]...).CombinedOutput(); (err == nil) != well {
		t.Errorf("healthy is %v, want %v:\n%s", err == nil, well, text)
	}
}

// Without the range of ports a peer that speaks first is not heard: so the test
// above does see whether they are published.
func TestUnpublishedRange(t *testing.T) {
	s, err := compose(t, "compose.published.yaml", map[string]string{"ICESERVER_EXTERNAL_IP": machineIP})
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(t).contain(t)
	n.publish(t, port{"udp", "3478"})
	server := newContainer(t, newVolume(t), append(variables(s), testPeers)...).start(t, n.container)
	if _, down := n.relay(t, "turn:"+machineIP+":3478", "--user", account(t, server), "--direction", "down"); down != 0 {
		t.Errorf("%d packets came through ports that are not published", down)
	}
	server.Stop(t)
}

// A range of one's own is published and served alike.
func TestOtherRange(t *testing.T) {
	s, err := compose(t, "compose.published.yaml", map[string]string{
		"ICESERVER_EXTERNAL_IP": machineIP, "ICESERVER_MIN_PORT": "50000", "ICESERVER_MAX_PORT": "50099",
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(published(t, s)); n != 3+100 {
		t.Errorf("%d ports are published", n)
	}
	for _, want := range []string{"ICESERVER_MIN_PORT=50000", "ICESERVER_MAX_PORT=50099"} {
		if !slices.Contains(variables(s), want) {
			t.Errorf("no %s in %v", want, variables(s))
		}
	}
}

// A file of settings beside the compose file is optional, and read when it is there.
func TestComposeSettingsFile(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(inRoot(t, "packaging", "container", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "iceserver.env"), []byte("ICESERVER_REALM=example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml"), Content: text}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := project.Services["iceserver"].Environment["ICESERVER_REALM"]; got == nil || *got != "example.org" {
		t.Errorf("ICESERVER_REALM is %v", got)
	}
}
