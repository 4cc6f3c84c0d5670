package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"iceserver/internal/server"
)

// busy is a status with all that there can be in it, as a server would tell it.
const busy = `{
 "state": "serving", "version": "1.2.3", "pid": 42, "since": "2027-01-01T00:00:00Z", "realm": "example.org", "other_realms": ["a", "b", "c", "d", "e"],
 "configuration": {"file": "/etc/turnserver.conf", "read": "2027-01-02T00:00:00Z"},
 "listeners": [
  {"transport": "udp", "address": "198.51.100.7:3478"}, {"transport": "udp", "address": "[2001:db8::7]:3478"},
  {"transport": "tcp", "address": "198.51.100.7:3478"}, {"transport": "tcp", "address": "[2001:db8::7]:3478"},
  {"transport": "tls", "address": "198.51.100.7:5349"}, {"transport": "tls", "address": "[2001:db8::7]:5349"}, {"transport": "metrics", "address": "127.0.0.1:9641"}],
 "external": [{"address": "198.51.100.7", "relay": "10.0.0.5", "from": "the metadata service of AWS"}, {"address": "2001:db8::7", "relay": "2001:db8::7", "from": "its interface"}],
 "address_change": {"at": "2027-01-02T03:00:00Z", "before": ["198.51.100.6"], "now": ["198.51.100.7"]},
 "users": {"configured": 1, "secrets": 2, "active": 5},
 "database": {"name": "postgresql db.example.org/turn", "answers": false, "silent_since": "2027-01-03T00:00:00Z", "reason": "refused"},
 "certificates": [{"name": "x", "names": ["turn.example.org", "a\u001b[2Jb"], "issuer": "CN=R3,O=An Authority", "not_after": "2027-01-10T00:00:00Z", "renewal": "2027-01-05T00:00:00Z"}],
 "allocations": {"now": 12, "by_transport": {"udp": 10, "tcp": 0, "tls": 2, "dtls": 0}, "total": 345, "connections": 2},
 "traffic": {"packets_in": 1000, "bytes_in": 1500000, "packets_out": 900, "bytes_out": 1400},
 "refusals": [{"code": 401, "cause": "wrong-password", "count": 3}, {"code": 486, "cause": "user-quota", "count": 1}],
 "drops": {"no-permission": 4, "slow-reader": 1}, "relay_ports": {"used": 15, "total": 16384},
 "workers": 2, "engine": "mmsg", "offload": {"gro": true, "gso": true, "xdp": false}, "banned_sources": 1, "self_test": {"result": "ok"},
 "hints": [{"name": "database", "status": "FAIL", "seen": "a long story that does not fit into one line of eighty characters, told to the end", "advice": "see that it runs"}]
}`

// Whatever there is to say stands in lines that a terminal holds, and what is not so
// has no line.
func TestPrintStatus(t *testing.T) {
	print := func(text string) string {
		t.Helper()
		var st server.Status
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := printStatus(&out, &st, time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	out := print(busy)
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > statusWidth || strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
			t.Errorf("%q", line)
		}
	}
	plain := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"serving iceserver 1.2.3, process 42, since ", "(3 days)", "configuration /etc/turnserver.conf, read ",
		"listens udp 3478, tcp 3478, tls 5349 at 198.51.100.7, 2001:db8::7, metrics 9641 at 127.0.0.1",
		"relays from 10.0.0.5, told as 198.51.100.7 by the metadata service of AWS", "relays from 2001:db8::7 ",
		"address changed ", " from 198.51.100.6 to 198.51.100.7", "realm example.org, and a, b, c and 2 more",
		"users 1 configured, 2 secrets", "database postgresql db.example.org/turn does not answer since ",
		"by CN=R3,O=An Authority, until 2027-01-10 (6 days), renewed by 2027-01-05",
		"allocations 12 now of 5 users, 2 over tls, 10 over udp, 345 since the start",
		"traffic in 1000 packets (1.5 MB), out 900 packets (1.4 kB)", "refused 3 wrong-password (401), 1 user-quota (486)",
		"dropped 4 no-permission, 1 slow-reader", "relayed ports 15 of 16384 in use", "engine mmsg, 2 workers, with gro, gso", "banned 1 source",
		"FAIL database: a long story", "-> see that it runs",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	// What stands in a certificate does nothing to the terminal.
	if strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}

	idle := print(`{"state": "draining", "version": "1", "since": "2027-01-03T23:59:30Z", "realm": "r", "users": {"anybody": true}, "engine": "std", "workers": 1, "self_test": {"result": "ok"}}`)
	for _, never := range []string{"refused", "dropped", "banned", "certificate", "database", "address", "->", "secret"} {
		if strings.Contains(idle, never) {
			t.Errorf("%q is told of a server that has none:\n%s", never, idle)
		}
	}
	for _, want := range []string{"draining ", "(30 s)", "no file", "everybody (no-auth)", "1 worker, without offload"} {
		if !strings.Contains(idle, want) {
			t.Errorf("%q is missing in\n%s", want, idle)
		}
	}
}

// The command is called like those beside it, and says so where it is asked.
func TestStatusCommand(t *testing.T) {
	dir := t.TempDir()
	if r := call(t, "", "status", "--data-dir", dir); r.code != exitFailure || !strings.Contains(r.err, "no server runs") || r.out != "" {
		t.Errorf("%+v", r)
	}
	if r := call(t, "", "status", "x"); r.code != exitUsage {
		t.Errorf("%+v", r)
	}
	if r := call(t, "", "__complete", "stat"); !strings.Contains(r.out, "status\t") {
		t.Errorf("%+v", r)
	}
	if r := call(t, "", "status", "-c", dir+"/none"); r.code != exitFailure || !strings.Contains(r.err, "cannot read the configuration") {
		t.Errorf("%+v", r)
	}
	if r := call(t, "", "status", "--help"); !strings.Contains(r.out, "exit code") || !strings.Contains(r.out, "--json") {
		t.Errorf("%+v", r)
	}
}
