package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestDNS(t *testing.T) {
	resolver := nameServer(t, map[string][]byte{
		"here.example. 1": {8, 8, 8, 8}, "inside.example. 1": {10, 0, 0, 5}, "elsewhere.example. 1": {9, 9, 9, 9},
		"_turn._udp.here.example. 33": srvData(3478, "here.example"),
	})
	for _, c := range []struct {
		realm, domain string
		wants         []want
	}{
		{"iceserver", "", nil},
		{"here.example", "", []want{{OK, "dns", "here.example leads here", ""}, {OK, "srv", "_turn._udp:3478", ""}}},
		{"elsewhere.example", "", nil}, // a realm need not be a machine's name
		{"", "here.example", []want{{OK, "dns", "leads here", ""}, {OK, "srv", "", ""}}},
		{"", "inside.example", []want{{OK, "dns", "leads here", ""}, {OK, "srv", "no SRV records", ""}}},
		{"", "elsewhere.example", []want{{Fail, "dns", "leads to [9.9.9.9], and this server is 8.8.8.8", "A record to 8.8.8.8"}, {OK, "srv", "", ""}}},
		{"", "nowhere.example", []want{{Fail, "dns", "nowhere.example leads nowhere", "A record with 8.8.8.8"}, {OK, "srv", "", ""}}},
	} {
		t.Run(c.realm+c.domain, func(t *testing.T) {
			target := &Target{Resolver: resolver, Facts: Facts{Realm: c.realm, Host: "8.8.8.8", Relays: relayAt("10.0.0.5", "8.8.8.8")}}
			if c.domain != "" {
				target.ACMEDomains = []string{c.domain}
			}
			compareChecks(t, checkDNS(t.Context(), target), c.wants...)
		})
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		want  want
	}{
		{0, want{OK, "clock", "as that of", ""}},
		{-time.Hour, want{Fail, "clock", "fast against", "timedatectl"}},
		{time.Hour, want{Fail, "clock", "slow against", "timedatectl"}},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
		}))
		compareChecks(t, checkClock(t.Context(), &Target{Clock: server.URL}), c.want)
		checks := checkClock(t.Context(), &Target{Outside: Outside{Link: server.URL + "/test#key=secret"}})
		if compareChecks(t, checks, c.want); strings.Contains(checks[0].Seen, "secret") {
			t.Errorf("the key is shown: %s", checks[0].Seen)
		}
		server.Close()
	}
	// A clock that is wrong refuses good certificates: the time is asked for all the
	// same.
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	}))
	defer secure.Close()
	compareChecks(t, checkClock(t.Context(), &Target{Outside: Outside{Link: secure.URL}}), want{Fail, "clock", "slow against", "timedatectl"})
	if _, err := clockOffset(t.Context(), "http://127.0.0.1:1/"); err == nil {
		t.Error("nobody told the time")
	}
	// Without anybody to compare with there is an answer as well.
	if checks := checkClock(t.Context(), &Target{Root: t.TempDir()}); len(checks) != 1 || checks[0].Status != OK {
		t.Errorf("%+v", checks)
	}
}

func TestDatabase(t *testing.T) {
	file := machine(t, map[string]string{"users.db": ""}) + "/users.db"
	// The server is this user's, as the file is.
	target := &Target{Running: true, Facts: Facts{Database: file, Realm: "r", PID: 7},
		Root:        machine(t, map[string]string{"proc/7/status": fmt.Sprintf("Name:\tx\nUid:\t0\t%d\t0\t0\n", os.Getuid())}),
		AskDatabase: func(context.Context) (Accounts, error) { return Accounts{Users: 1}, nil }}
	checks := checkDatabase(t.Context(), target)
	compareChecks(t, checks, want{OK, "database", `has 1 user and 0 secrets in realm "r"`, ""}, want{Warn, "files", "everybody on this machine can read", "chmod o-r " + file})
	var out strings.Builder
	if done, failed := (Report{checks}).Fix(t.Context(), &out); done != 1 || failed != 0 {
		t.Errorf("%s", out.String())
	}
	compareChecks(t, checkDatabase(t.Context(), target), want{OK, "database", "", ""})
	target.AskDatabase = func(context.Context) (Accounts, error) { return Accounts{}, fmt.Errorf("it is away") }
	compareChecks(t, checkDatabase(t.Context(), target), want{Fail, "database", "it is away", "runs"})
}

// A key that the server may read only as one of all others stays as it is: without
// that right it would neither reload nor start.
func TestKeyOfAnotherUser(t *testing.T) {
	file := machine(t, map[string]string{"key.pem": ""}) + "/key.pem"
	for name, target := range map[string]*Target{
		"another user": {Facts: Facts{KeyFiles: []string{file}, PID: 7}, Root: machine(t, map[string]string{"proc/7/status": "Uid:\t65534\t65534\t65534\t65534\n"})},
		"not running":  {Facts: Facts{KeyFiles: []string{file}, ProcUser: "nobody"}},
	} {
		t.Run(name, func(t *testing.T) {
			checks := checkDatabase(t.Context(), target)
			compareChecks(t, checks, want{Warn, "files", "everybody on this machine can read", "chgrp"})
			if done, failed := (Report{checks}).Fix(t.Context(), io.Discard); done+failed != 0 {
				t.Error("it was taken away")
			}
		})
	}
}
