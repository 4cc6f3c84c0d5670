//go:build linux

package packages_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// other is the newer package with another configuration than the older one has, in
// the /tmp of the machine.
func (m *machine) other() string {
	m.t.Helper()
	file := m.add(built(m.t, newer, "*.deb"))
	m.run("sh", "-ec", "dpkg-deb -R "+file+" /tmp/other; echo '# of the newer package' >>/tmp/other/etc/turnserver.conf; "+
		"dpkg-deb -Znone -b /tmp/other "+file+"; rm -r /tmp/other")
	return file
}

// The edited configuration survives a package that brings another one, in the two
// ways of the guide: an upgrade that asks nothing, and one that has asked nobody and
// is taken up again.
func TestDebUpgradeOfEdited(t *testing.T) {
	first := built(t, older, "*.deb")
	upgrade := guide(t)[2]
	for _, stops := range []bool{false, true} {
		m := newMachine(t)
		m.run("dpkg", "-P", "coturn")
		m.run("dpkg", "-i", m.add(first))
		m.write(configuration, string(m.read(configuration))+"realm=edited.example.org\n")
		before := map[string][]byte{configuration: m.read(configuration)}
		m.run("rm", filepath.Join("/tmp", filepath.Base(first)))
		file := m.other()
		if stops {
			if out, err := m.try("dpkg", "-i", file); err == nil || !strings.Contains(out, "conffile prompt") {
				t.Fatalf("dpkg did not ask: %v, %s", err, out)
			}
			m.run("sh", "-ec", upgrade[1])
		} else {
			m.run("sh", "-ec", "cd /tmp; "+upgrade[0])
		}
		m.same("upgraded", before)
		if s := m.state("iceserver"); s != "installed" || !strings.Contains(m.run("dpkg", "-s", "iceserver"), "Version: "+newer) {
			t.Errorf("the package is %s", s)
		}
		if !strings.Contains(string(m.read(configuration+".dpkg-dist")), "# of the newer package") {
			t.Error("the configuration of the newer package is not beside it")
		}
	}
}
