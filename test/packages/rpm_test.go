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
	m.beforeTheStart()
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

// beforeTheStart has root make a user while the service was never started, which no
// rpm does by itself: the user is one of the service, and of its realm.
func (m *machine) beforeTheStart() {
	m.t.Helper()
	out := m.run("iceserver", "user", "add", "bob", "--password", "of bob")
	if strings.Contains(out, "warning") || !strings.Contains(m.run("turnadmin", "-l"), "bob[example.org]\n") {
		m.t.Errorf("user add says %q", out)
	}
	if got := m.owner(database); got != "turnserver:turnserver 640" {
		m.t.Errorf("%s is of %s", database, got)
	}
	end := m.serve()
	defer end()
	m.relays("bob", "of bob", true)
	if out := m.run("iceserver", "user", "list"); !strings.Contains(out, "bob") {
		m.t.Errorf("the command lists %q", out)
	}
	m.run("iceserver", "user", "remove", "bob")
}

// The script that comes first makes no fuss where the programs to make a user with
// are still to come, since the one that comes after it makes the user then.
func TestRPMScripts(t *testing.T) {
	file := built(t, older, "*.rpm")
	m := newMachine(t)
	scripts := m.run("rpm", "-qp", "--scripts", m.add(file))
	_, pre, _ := strings.Cut(scripts, "preinstall scriptlet (using /bin/sh):\n")
	pre, post, ok := strings.Cut(pre, "postinstall scriptlet (using /bin/sh):\n")
	post, _, _ = strings.Cut(post, " scriptlet (using /bin/sh):\n")
	if !ok || !strings.Contains(post, "\nmake_account\n") {
		t.Fatalf("the scripts:\n%s", scripts)
	}
	m.write("/tmp/pre", pre)
	m.run("env", "PATH=/nowhere", "/bin/sh", "/tmp/pre", "1")
	if _, err := m.try("env", "PATH=/nowhere", "/bin/sh", "-ec", "groupadd"); err == nil {
		t.Fatal("the programs were there")
	}
}
