//go:build linux

package packages_test

import (
	"slices"
	"strings"
	"testing"
)

// The rpm holds what the deb holds, takes coturn's place, makes the user, and leaves
// a configuration that is there alone.
func TestRPM(t *testing.T) {
	file := built(t, older, "*.rpm")
	m := newMachine(t)
	inside := m.add(file)
	list := strings.Fields(m.run("rpm", "-qpl", inside))
	for _, name := range []string{"/usr/bin/iceserver", "/usr/bin/turnserver", "/usr/bin/turnadmin", configuration, "/usr/lib/systemd/system/iceserver.service"} {
		if !slices.Contains(list, name) {
			t.Errorf("the package lacks %s", name)
		}
	}
	for _, question := range []string{"--provides", "--conflicts", "--obsoletes"} {
		if out := m.run("rpm", "-qp", question, inside); !strings.Contains(out, "coturn") {
			t.Errorf("%s: %q", question, out)
		}
	}

	m.run("dpkg", "-P", "coturn")
	m.write(configuration, coturnConfiguration)
	before := map[string][]byte{configuration: []byte(coturnConfiguration)}
	// The programs that it depends on are there, but not as packages of rpm.
	m.run("rpm", "-i", "--nodeps", inside)
	m.same("installed", before)
	for name, want := range map[string]string{configuration: "root:turnserver 640", database: "turnserver:turnserver 640"} {
		if got := m.owner(name); got != want {
			t.Errorf("%s is of %s, want %s", name, got, want)
		}
	}
	m.run("turnadmin", "-a", "-u", "dave", "-r", "example.org", "-p", "a password")
	m.serves()

	before[database] = m.read(database)
	m.run("rpm", "-e", "iceserver")
	m.same("erased", map[string][]byte{database: before[database]})
	// rpm puts an edited configuration aside instead of leaving it in its place.
	if !m.is(configuration) && !m.is(configuration+".rpmsave") {
		t.Error("the configuration is lost")
	}
	m.gone("erased", "/usr/bin/iceserver", "/usr/bin/turnserver", "/usr/lib/systemd/system/iceserver.service")
}
