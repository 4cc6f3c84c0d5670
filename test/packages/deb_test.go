//go:build linux

package packages_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

const (
	configuration = "/etc/turnserver.conf"
	database      = "/var/lib/turn/turndb"
)

// coturnConfiguration is an operator's own, edited, with coturn's spelling.
const coturnConfiguration = `# kept byte for byte
listening-ip=` + address + `
relay-ip=` + address + `
allowed-peer-ip=` + address + `
lt-cred-mech
realm=example.org  # a comment
no-cli
`

// Debian's coturn with an edited configuration and users in its database becomes
// iceserver in one step, without a question, and is iceserver from then on: through
// an upgrade, the purge of what was left of coturn, and its own removal.
func TestDebInPlaceOfCoturn(t *testing.T) {
	first, second := built(t, older, "*.deb"), built(t, newer, "*.deb")
	m := newMachine(t)
	if m.state("coturn") != "installed" {
		t.Fatal("coturn is not installed here: make packages does that")
	}
	m.write(configuration, coturnConfiguration)
	m.run("turnadmin", "-a", "-u", "dave", "-r", "example.org", "-p", "a password")
	before := map[string][]byte{configuration: m.read(configuration), database: m.read(database)}
	owners := m.owner(configuration) + m.owner(database)

	m.run("dpkg", "-i", m.add(first))
	m.same("installed", before)
	if now := m.owner(configuration) + m.owner(database); now != owners {
		t.Errorf("the files belong to %s, and did to %s", now, owners)
	}
	if s := m.state("coturn") + " " + m.state("iceserver"); s != "config-files installed" {
		t.Errorf("coturn and iceserver are %s", s)
	}
	if to := m.run("readlink", "-f", "/usr/bin/turnserver", "/usr/bin/turnadmin"); to != "/usr/bin/iceserver\n/usr/bin/iceserver\n" {
		t.Errorf("coturn's names lead to %s", to)
	}
	if to := m.run("readlink", "-f", "/etc/systemd/system/coturn.service"); !strings.HasSuffix(to, "/systemd/system/iceserver.service\n") {
		t.Errorf("systemctl restart coturn would restart %s", to)
	}
	m.serves()

	if out := m.run("dpkg", "-P", "coturn"); strings.Contains(out, "rror") {
		t.Error(out)
	}
	m.same("coturn purged", before)
	m.run("id", "turnserver")
	if out := m.run("sh", "-ec", "find /etc/systemd/system /etc/rc?.d -name '*coturn*' -xtype l"); out != "" {
		t.Errorf("links that lead nowhere:\n%s", out)
	}

	m.write(configuration, coturnConfiguration+"# edited again\n")
	before = map[string][]byte{configuration: m.read(configuration), database: m.read(database)}
	m.run("dpkg", "-i", m.add(second))
	m.same("upgraded", before)
	if out := m.run("iceserver", "version"); !strings.Contains(out, "iceserver ") || !strings.Contains(m.run("dpkg", "-s", "iceserver"), "Version: "+newer) {
		t.Errorf("after the upgrade: %s", out)
	}
	m.serves()

	before[database] = m.read(database)
	m.run("dpkg", "-r", "iceserver")
	m.same("removed", before)
	m.gone("removed", "/usr/bin/iceserver", "/usr/bin/turnserver", "/usr/bin/turnadmin", "/usr/lib/systemd/system/iceserver.service")
	m.run("dpkg", "-P", "iceserver")
	m.gone("purged", configuration, database, "/var/lib/iceserver", "/etc/logrotate.d/iceserver", "/etc/systemd/system/coturn.service")
}

// serves starts the service, whose users are those of the database that coturn's
// tool has written, and which root can manage.
func (m *machine) serves() {
	m.t.Helper()
	end := m.serve()
	defer end()
	m.relays("dave", "a password", true)
	m.relays("dave", "guessed", false)
	if out := m.run("turnadmin", "-l"); out != "dave[example.org]\n" {
		m.t.Errorf("turnadmin lists %q", out)
	}
	if out := m.run("iceserver", "user", "list"); !strings.Contains(out, "dave") {
		m.t.Errorf("the command lists %q", out)
	}
	if out := m.run("iceserver", "reload"); !strings.Contains(out, "reloaded") {
		m.t.Errorf("reload says %q", out)
	}
}

// The way back may stop halfway: dpkg asks about the edited configuration, and
// coturn is unpacked until somebody answers. What is left of iceserver can be purged
// then, and the users stay.
func TestDebPurgeLeavesDatabaseToCoturn(t *testing.T) {
	first := built(t, older, "*.deb")
	m := newMachine(t)
	m.run("turnadmin", "-a", "-u", "dave", "-r", "example.org", "-p", "a password")
	before := map[string][]byte{database: m.read(database)}
	m.run("dpkg", "-i", m.add(first))
	m.run("dpkg", "-r", "iceserver")
	status := regexp.MustCompile(`(?m)^(Package: coturn\nStatus: ).*$`)
	m.write("/var/lib/dpkg/status", status.ReplaceAllString(string(m.read("/var/lib/dpkg/status")), "${1}install ok unpacked"))
	if s := m.state("coturn"); s != "unpacked" {
		t.Fatalf("coturn is %s", s)
	}
	m.run("dpkg", "-P", "iceserver")
	m.same("purged", before)
}

// An unedited configuration of Debian's coturn stays too: dpkg by itself would
// take it for one that nobody minds.
func TestDebKeepsUnedited(t *testing.T) {
	first := built(t, older, "*.deb")
	m := newMachine(t)
	before := map[string][]byte{configuration: m.read(configuration)}
	m.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "--allow-downgrades", m.add(first))
	m.same("installed", before)
	if m.state("coturn") == "installed" || m.state("iceserver") != "installed" {
		t.Errorf("coturn is %s, iceserver %s", m.state("coturn"), m.state("iceserver"))
	}
}

// A configuration that is a link stays one, and the file that it leads to, which
// other machines may have too, is not written to.
func TestDebKeepsLinkedConfiguration(t *testing.T) {
	const master = "/srv/turnserver.conf"
	first, second := built(t, older, "*.deb"), built(t, newer, "*.deb")
	m := newMachine(t)
	m.write(master, coturnConfiguration)
	m.run("ln", "-sf", master, configuration)
	before, owner := map[string][]byte{master: m.read(master)}, m.owner(master)
	for _, file := range []string{first, second} {
		m.run("dpkg", "-i", m.add(file))
		m.same("installed", before)
		if to := strings.TrimSpace(m.run("readlink", "-f", configuration)); to != master || m.owner(master) != owner {
			t.Errorf("the configuration is %s of %s, and was %s of %s", to, m.owner(master), master, owner)
		}
		m.gone("installed", configuration+".dpkg-new", configuration+".iceserver-kept")
	}
}

// A disk that is full while the configuration is put aside costs the installation,
// and nothing of the configuration.
func TestDebFullDisk(t *testing.T) {
	m := newMachine(t)
	m.write(configuration, strings.Repeat("# kept\n", 1000))
	before := map[string][]byte{configuration: m.read(configuration)}
	m.run("dpkg-deb", "-e", m.add(built(t, older, "*.deb")), "/tmp/scripts")
	// The limit on the length of files cuts the copy as a full disk does.
	if out, err := m.try("sh", "-c", `trap "" XFSZ; ulimit -f 4; sh /tmp/scripts/preinst install`); err == nil {
		t.Fatalf("there was room for the copy: %s", out)
	}
	m.run("sh", "/tmp/scripts/postrm", "abort-install")
	m.same("given up", before)
	m.gone("given up", configuration+".iceserver-kept", configuration+".iceserver-kept.part")
}

// guide are the commands of docs/install.md, by block.
func guide(t *testing.T) [][]string {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][]string
	for _, found := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, strings.Split(found[1], "\n"))
	}
	if len(blocks) != 3 || len(blocks[2]) != 2 {
		t.Fatalf("the guide has not a block to install, one for afterwards, and one to upgrade: %q", blocks)
	}
	return blocks
}

// On a machine that never had coturn the service starts with what the package
// brings, as the guide says, root gets credentials by a command, and turnadmin adds
// users to it.
func TestDebAlone(t *testing.T) {
	first, second := built(t, older, "*.deb"), built(t, newer, "*.deb")
	m := newMachine(t)
	m.run("dpkg", "-P", "coturn")
	if _, err := m.try("id", "turnserver"); err == nil {
		t.Fatal("there is a user turnserver before anybody made it")
	}
	// The guide is followed where the packages for both architectures lie.
	m.run("sh", "-ec", "dpkg-deb -R "+m.add(first)+" /tmp/other; sed -i s/^Architecture:.*/Architecture:\\ arm64/ /tmp/other/DEBIAN/control; "+
		"dpkg-deb -Znone -b /tmp/other /tmp/iceserver_"+older+"_arm64.deb; rm -r /tmp/other")
	steps := guide(t)
	for _, line := range steps[0] {
		m.run("sh", "-ec", "cd /tmp; "+line)
	}
	for name, want := range map[string]string{
		configuration: "root:turnserver 640", database: "turnserver:turnserver 640",
		"/var/lib/turn": "turnserver:turnserver 770", "/var/lib/iceserver": "turnserver:turnserver 700",
	} {
		if got := m.owner(name); got != want {
			t.Errorf("%s is of %s, want %s", name, got, want)
		}
	}
	m.write(configuration, string(m.read(configuration))+"allowed-peer-ip="+address+"\n")
	m.run("turnadmin", "-a", "-u", "erin", "-r", "iceserver", "-p", "pw")
	for _, mode := range []string{"755", "770"} { // as Debian's coturn has it, and as the package
		m.run("chmod", mode, "/var/lib/turn")
		if out, err := m.try("runuser", "-u", "nobody", "--", "turnadmin", "-l"); err == nil || !strings.Contains(out, "sudo") || strings.Contains(out, "correct userdb") {
			t.Errorf("to who may not read the users, turnadmin says %q", out)
		}
	}
	end := m.serve()
	m.relays("erin", "pw", true)
	var servers []struct{ Username, Credential string }
	if err := json.Unmarshal([]byte(m.run("iceserver", "credentials", "--user", "frank")), &servers); err != nil || len(servers) == 0 {
		t.Fatalf("credentials: %v, %v", servers, err)
	}
	m.relays(servers[0].Username, servers[0].Credential, true)
	m.relays("erin", "guessed", false)
	for _, line := range steps[1] {
		m.run("sh", "-ec", line)
	}
	m.relays("alice", "wonderland", true)
	end()

	before := map[string][]byte{configuration: m.read(configuration), "/var/lib/iceserver/state.json": m.read("/var/lib/iceserver/state.json")}
	m.run("dpkg", "-r", "iceserver")
	m.run("dpkg", "-i", m.add(second))
	m.same("removed and installed again", before)
	if got := m.owner(configuration); got != "root:turnserver 640" {
		t.Errorf("%s is of %s", configuration, got)
	}
	m.run("dpkg", "-P", "iceserver")
	m.gone("purged", configuration, "/var/lib/turn", "/var/lib/iceserver", "/var/log/turnserver", "/usr/bin/iceserver")
}
