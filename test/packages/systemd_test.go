//go:build linux

package packages_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// boot makes systemd the first process of the machine, in namespaces and a control
// group of their own. Nothing of the kernel's can be written to by it, and it
// starts none of the services of the machine.
const boot = `set -e
root=$1 group=$2
echo $$ >"$group/cgroup.procs"
exec unshare --pid --mount --uts --ipc --cgroup --fork --kill-child sh -ec '
root=$1
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s null "$root/dev/kmsg"
ln -s null "$root/dev/console"
ln -s /proc/self/fd "$root/dev/fd"
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /lib/systemd/systemd --system --unit=sysinit.target
' sh "$root"
`

// manager is systemd on a machine.
type manager struct {
	*machine
	enter []string // what a command in its namespaces begins with
}

// boots starts systemd and waits until it answers.
func (m *machine) boots() manager {
	m.t.Helper()
	m.write("/etc/fstab", "")
	s := servertest.Run(m.t, "sh", "-c", boot, "sh", m.dir, m.group())
	first := fmt.Sprintf("/proc/%d/task/%[1]d/children", s.Pid())
	b := manager{machine: m}
	text, err := "", errors.ErrUnsupported
	// Until then the shell has not come so far, or its root is not that of the machine.
	for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); {
		pid, _ := os.ReadFile(m.path(first))
		b.enter = []string{"nsenter", "--target", strings.TrimSpace(string(pid)), "--mount", "--pid", "--cgroup", "--root", "--wd"}
		text, err = m.try(append(b.enter, "systemctl", "is-active", "sysinit.target")...)
	}
	if err != nil {
		m.t.Fatalf("systemd does not answer: %v\n%s\n%s", err, text, s.Log())
	}
	m.t.Cleanup(func() {
		if m.t.Failed() {
			text, _ := b.try(append(b.enter, "journalctl", "--no-pager", "-n", "200")...)
			m.t.Logf("the journal:\n%s", text)
		}
	})
	return b
}

// group makes a control group below that of this process, as the unified hierarchy
// has it.
func (m *machine) group() string {
	m.t.Helper()
	at := m.t.TempDir()
	if err := syscall.Mount("cgroup2", at, "cgroup2", 0, ""); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
	text, err := os.ReadFile("/proc/self/cgroup")
	own := regexp.MustCompile(`(?m)^0::(.*)$`).FindSubmatch(text)
	if err != nil || own == nil {
		m.t.Fatalf("this process has no place in the unified hierarchy: %v\n%s", err, text)
	}
	group, err := os.MkdirTemp(filepath.Join(at, string(own[1])), "iceserver-test-")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { removeGroup(m.t, group) })
	return group
}

// removeGroup removes a control group and those in it, whose processes have been
// killed and may still be about to end.
func removeGroup(t *testing.T, group string) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		_ = filepath.WalkDir(group, func(path string, entry os.DirEntry, _ error) error {
			if entry != nil && entry.IsDir() {
				defer func() { _ = syscall.Rmdir(path) }()
			}
			return nil
		})
		if _, err = os.Stat(group); os.IsNotExist(err) {
			return
		}
	}
	t.Errorf("the control group %s is there still: %v", group, err)
}

// at runs a line of a shell where systemd is.
func (b manager) at(line string) string {
	b.t.Helper()
	return strings.TrimSpace(b.run(append(b.enter, "sh", "-c", line)...))
}

// until waits for a line of a shell to succeed.
func (b manager) until(line string) {
	b.t.Helper()
	b.at("for try in $(seq 600); do { " + line + "; } >/dev/null 2>&1 && exit; sleep 0.1; done; " + line)
}

// property is what systemd says of the service.
func (b manager) property(name string) string {
	b.t.Helper()
	return b.at("systemctl show --value --property=" + name + " iceserver")
}

// The packaged unit under systemd itself: it is started when the server says so,
// confined, reloaded, watched, started again when it hangs, and stopped.
func TestSystemd(t *testing.T) {
	m := newMachine(t)
	m.run("dpkg", "-i", m.add(built(t, older, "*.deb")))
	conf := strings.Replace(coturnConfiguration, "lt-cred-mech\n", "lt-cred-mech\nuser=erin:a password\n", 1)
	m.write(configuration, conf)
	b := m.boots()

	b.at("systemctl start iceserver")
	m.relays("erin", "a password", true)
	pid := b.property("MainPID")
	if got := b.property("ActiveState") + " " + b.property("Type") + " " + b.property("NRestarts"); got != "active notify 0" {
		t.Errorf("started, it is %s", got)
	}
	b.confined(pid)

	m.write(configuration, strings.Replace(conf, "erin:", "frank:", 1))
	b.at("systemctl reload iceserver")
	b.until("journalctl -u iceserver | grep -q msg=reloaded")
	m.relays("frank", "a password", true)
	m.relays("erin", "a password", false)
	if now := b.property("MainPID"); now != pid {
		t.Errorf("the reload has started it anew: process %s, was %s", now, pid)
	}

	b.watched()

	b.at("systemctl restart coturn.service")
	m.relays("frank", "a password", true)
	b.at("systemctl stop iceserver")
	if got := b.property("ActiveState") + " " + b.property("Result") + " " + b.property("ExecMainStatus"); got != "inactive success 0" {
		t.Errorf("stopped, it is %s", got)
	}
	m.relays("frank", "a password", false)
}

// confined requires that what the unit says of the process is in force.
func (b manager) confined(pid string) {
	b.t.Helper()
	status := b.at("cat /proc/" + pid + "/status")
	user := b.at("id -u turnserver")
	for _, want := range []string{
		"Uid:\t" + user + "\t" + user, "NoNewPrivs:\t1\n", "Seccomp:\t2\n", "CapBnd:\t0000000000000400\n", "CapEff:\t0000000000000400\n",
	} {
		if !strings.Contains(status, want) {
			b.t.Errorf("the process has no %q:\n%s", want, status)
		}
	}
	mounts := b.at("cat /proc/" + pid + "/mountinfo")
	for _, want := range []string{`(?m)^\S+ \S+ \S+ \S+ / ro[, ]`, `(?m) /var/lib/iceserver rw[, ]`, `(?m) /tmp rw[, ]`} {
		if !regexp.MustCompile(want).MatchString(mounts) {
			b.t.Errorf("the mounts of the process have no %s:\n%s", want, mounts)
		}
	}
}

// watched requires that the server tells systemd that it lives, and that one that
// hangs is started again.
func (b manager) watched() {
	b.t.Helper()
	b.at("mkdir -p /etc/systemd/system/iceserver.service.d && printf '[Service]\\nWatchdogSec=4s\\n' >/etc/systemd/system/iceserver.service.d/soon.conf && systemctl daemon-reload && systemctl restart iceserver")
	pid, told := b.property("MainPID"), b.property("WatchdogTimestampMonotonic")
	b.until(`[ "$(systemctl show --value --property=WatchdogTimestampMonotonic iceserver)" -gt ` + told + " ]")
	b.at("systemctl kill --signal=STOP --kill-who=main iceserver")
	b.until(`[ "$(systemctl show --value --property=NRestarts iceserver)" -ge 1 ] && systemctl is-active iceserver`)
	if now := b.property("MainPID"); now == pid || !strings.Contains(b.at("journalctl -u iceserver"), "Watchdog timeout") {
		b.t.Errorf("process %s hung, now it is %s", pid, now)
	}
	b.relays("frank", "a password", true)
}
