package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A log directory that is gone costs the new log file and nothing else: the reload
// takes place, and the old file, wherever it is now, says what is missing.
func TestReloadWithoutLogDirectory(t *testing.T) {
	dir, logs := t.TempDir(), filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "realm=example.org\nuser=alice:one\nlog-file=" + filepath.Join(logs, "log") + "\n"
	file := write(t, "turnserver.conf", text)
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	moved := logs + ".moved"
	if err := os.Rename(logs, moved); err != nil {
		t.Fatal(err)
	}
	rewrite(t, file, text+"user=bob:two\n")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFile(t, filepath.Join(moved, "log"), "msg=reloaded changed=[user]")
	if all := read(t, filepath.Join(moved, "log")); !strings.Contains(all, `level=ERROR msg="the log goes on in the old file"`) {
		t.Errorf("nothing is said of the log:\n%s", all)
	}
	hold(t, url, "bob", "two")

	// With the directory back the next reload finds it.
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFile(t, filepath.Join(logs, "log"), "msg=reloaded")
}

// What the page about the log shows works: its configurations start a server, and
// its command finds who guesses in the log that the first of them writes.
func TestLogsPage(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	conf, commands := "", 0
	for _, b := range blocks(t, "docs/logs.md") {
		switch b.language {
		case "conf":
			conf += b.text
		case "sh":
			commands++
			words := strings.Fields(b.text)
			if len(words) != 3 || words[0] != "fail2ban-regex" || !strings.Contains(conf, "log-file="+words[1]+"\n") {
				t.Fatalf("nobody tries out %q", b.text)
			}
			text := strings.Replace(conf, words[1], log, 1) + "realm=example.org\nuser=alice:pw\n"
			p := serve(t, append(onLoopback(t, t.TempDir()), "-c", write(t, "turnserver.conf", text), "--json")...)
			url := greetingOf(t, p).ICEServers[0].URLs[0]
			refused(t, url, "alice", "wrong")
			p.end(t, syscall.SIGTERM)
			if filepath.Base(words[2]) != filepath.Base(shippedFilter(t)) || failures(t, log, shippedFilter(t))["127.0.0.1"] != 1 {
				t.Errorf("%s does not find the failure in:\n%s", words, read(t, log))
			}
		default:
			t.Errorf("nobody tries out %s", b.language)
		}
	}
	if commands != 1 {
		t.Errorf("%d commands", commands)
	}
}
