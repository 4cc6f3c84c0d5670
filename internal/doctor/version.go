package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// checkRunning looks whether the server runs, and as the program that is installed:
// after an upgrade nothing is new before a restart.
func checkRunning(_ context.Context, t *Target) []Check {
	const name = "server"
	switch {
	case t.taken != "":
		return []Check{fail(name, fmt.Sprintf("not running, and %s has a port of it", t.taken), "stop "+t.taken+" for good"+t.coturn()+", then "+t.startCommand())}
	case t.stranger.IsValid():
		return []Check{warn(name, fmt.Sprintf("somebody answers at %v, and not the server of %s: %s", t.stranger, t.DataDir, oneLine(t.NotRunning)),
			"name the one that runs with -c FILE or --data-dir, or see who has the ports: ss -lntup")}
	case t.Running && errors.Is(t.NotRunning, fs.ErrPermission):
		return []Check{warn(name, "a server answers, and tells more to its owner alone: "+oneLine(t.NotRunning),
			"call this as the owner of "+t.DataDir+", or with sudo")}
	case !t.Running && errors.Is(t.NotRunning, fs.ErrPermission):
		return []Check{fail(name, "nothing answers at its ports, and whether it runs it tells to its owner alone: "+oneLine(t.NotRunning),
			"call this as the owner of "+t.DataDir+", or with sudo; if it does not run, "+t.startCommand())}
	case !t.Running:
		return []Check{fail(name, "not running: "+oneLine(t.NotRunning), t.startCommand())}
	case t.NotRunning != nil:
		return []Check{ok(name, "answers; without a data directory it cannot tell its version")}
	case t.Version != t.Program:
		return []Check{warn(name, fmt.Sprintf("version %s runs, and this program is %s", t.Version, t.Program),
			"restart the server, so that it is the installed one: "+t.restartCommand())}
	}
	return []Check{ok(name, fmt.Sprintf("version %s runs as process %d", t.Version, t.PID))}
}

// findServer asks the addresses of a server that did not tell of itself: one that
// keeps nothing on disk has no socket for commands, and that of somebody else may
// not be asked. What answers where there should have been a socket is not known to
// be the server that was meant, so nothing else is said of it.
func (t *Target) findServer(ctx context.Context) {
	if t.Running {
		return
	}
	known := t.DataDir == "" || errors.Is(t.NotRunning, fs.ErrPermission)
	if !known {
		if t.taken = t.squatter(); t.taken != "" {
			return
		}
	}
	for _, a := range ask(ctx, t.endpoints()) {
		switch {
		case a.err != nil:
		case known:
			t.Running = true
		case !t.stranger.IsValid():
			t.stranger = a.server
		}
	}
}

// coturn adds how to stop that one for good, which is what is replaced here most
// often.
func (t *Target) coturn() string {
	if strings.HasPrefix(t.taken, "turnserver ") && t.exists("/run/systemd/system") {
		return " (systemctl disable --now coturn)"
	}
	return ""
}

// unit is the service that the packages install.
const unit = "/lib/systemd/system/iceserver.service"

// startCommand says how to start the server, for this machine.
func (t *Target) startCommand() string {
	if t.systemd() {
		return "start it: systemctl start iceserver; if it ends at once, journalctl -u iceserver says why"
	}
	return "start it: " + t.commandLine("serve")
}

// restartCommand is the same for one that runs already.
func (t *Target) restartCommand() string {
	if t.systemd() {
		return "systemctl restart iceserver"
	}
	return t.commandLine("serve") + ", once the old one has ended"
}

// reloadCommand makes the running server read its configuration anew.
func (t *Target) reloadCommand() string { return t.commandLine("reload") }

// systemd says whether the server of this machine is a service of systemd.
func (t *Target) systemd() bool {
	return t.exists("/run/systemd/system") && (t.exists(unit) || t.exists("/usr"+unit) || t.exists("/etc/systemd/system/iceserver.service"))
}

// commandLine is a command line of this program about the server.
func (t *Target) commandLine(words string) string {
	if t.Command == nil {
		return "iceserver " + words
	}
	return t.Command(words)
}

// configuration names where a key is to be written.
func (t *Target) configuration() string {
	if t.ConfigFile != "" {
		return t.ConfigFile
	}
	return "a file that the server is started with (iceserver serve -c FILE; it has none)"
}
