package config

import (
	"fmt"
	"strings"
	"testing"
)

// Servers to send clients to have the port that is usual unless they say another;
// one that follows does not take over what the one before it said.
func TestAlternateServers(t *testing.T) {
	c, problems := load(t, "alternate-server=192.0.2.1:4000\nalternate-server=192.0.2.2\nalternate-server=[2001:db8::1]\n"+
		"tls-alternate-server=::ffff:192.0.2.3\ntcp-alternate-server=[2001:db8::2]:9\nudp-alternate-server=192.0.2.4")
	got := fmt.Sprint(c.AlternateServers, c.TLSAlternateServers, c.TCPAlternateServers, c.UDPAlternateServers)
	want := "[192.0.2.1:4000 192.0.2.2:3478 [2001:db8::1]:3478] [192.0.2.3:5349] [[2001:db8::2]:9] [192.0.2.4:3478]"
	if got != want || len(problems) > 0 {
		t.Errorf("got %s, want %s; %s", got, want, lines(problems))
	}
}

// What cannot be listened on, or gone to, is refused; so is what contradicts
// itself.
func TestServersRefused(t *testing.T) {
	for file, want := range map[string]string{
		"aux-server=192.0.2.1":                          `1:12: aux-server: "192.0.2.1" has no port; write 192.0.2.1:3479`,
		"aux-server=0.0.0.0:4000":                       `"0.0.0.0:4000" is no single address`,
		"aux-server=turn.example.org:1":                 "is not an IP address with a port",
		"alternate-server=0.0.0.0":                      `"0.0.0.0" is not the address of a server`,
		"no-auth\nalternate-server=192.0.2.1":           "alternate-server sends away who has authenticated, and no-auth asks nobody",
		"listening-device=eth0\nlistening-ip=192.0.2.1": "listening-device and listening-ip both say which addresses",
		"relay-device=eth0\nrelay-ip=192.0.2.1":         "relay-device and relay-ip both say which addresses",
		"new-log-timestamp-format=%F %!":                `"%!" in "%F %!" means nothing in a time`,
		"new-log-timestamp-format=100%":                 `"%" in "100%" means nothing in a time; write %% for a percent sign`,
		"new-log-timestamp-format=" + longText(49):      "has 49 characters, and at most 48 are possible",
		"syslog-facility=LOG_LOCAL9":                    "is not one of the choices",
		"max-allocate-timeout=0":                        "out of range",
		"stateless-nonce-secret=":                       "the value is empty",
	} {
		_, problems := Load(Input{File: "f", Text: strings.NewReader(file)})
		if text := lines(problems); !Failed(problems) || !strings.Contains(text, want) {
			t.Errorf("%q: got %s, want %s", file, text, want)
		}
	}
}

func longText(n int) string { return strings.Repeat("x", n) }

// log-file=syslog is the key syslog in another form.
func TestLogFileSyslog(t *testing.T) {
	c, problems := load(t, "log-file=syslog\nno-stdout-log\nsyslog-facility=log_local3")
	if !c.Syslog || c.LogFile != "stdout" || c.SyslogFacility != "LOG_LOCAL3" || len(problems) > 0 {
		t.Errorf("syslog %v, log-file %q, facility %s, %s", c.Syslog, c.LogFile, c.SyslogFacility, lines(problems))
	}
}
