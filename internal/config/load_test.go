package config

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// Flags win over the environment, which wins over the file; lists add up.
func TestLayers(t *testing.T) {
	flags, rest, problems := ParseArgs([]string{"--realm=flag", "-u", "flag:p", "--max-port", "50001"})
	if len(rest) > 0 || len(problems) > 0 {
		t.Fatal(rest, problems)
	}
	c, problems := Load(Input{
		File:    "turnserver.conf",
		Text:    strings.NewReader("realm=file\nuser=file:p\nmin-port=50000\nmax-port=50009\nkeep-address-family"),
		Environ: []string{"ICESERVER_REALM=env", "ICESERVER_MIN_PORT=50001", "ICESERVER_USER=env:p, more:p", "ICESERVER_NO_TCP=true", "PATH=/bin"},
		Flags:   flags,
	})
	if len(problems) != 1 || !problems[0].Warning { // keep-address-family
		t.Error(lines(problems))
	}
	want := "no-tcp=true\nmin-port=50001\nmax-port=50001\nallocation-default-address-family=keep\n" +
		"user=file:p\nuser=env:p\nuser=more:p\nuser=flag:p\nrealm=flag\n"
	if got := c.text(Secret.Reveal); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for key, want := range map[string]string{
		"realm":                             "[turnserver.conf:1 environment ICESERVER_REALM command line --realm]",
		"max-port":                          "[turnserver.conf:4 command line --max-port]",
		"user":                              "[turnserver.conf:2 environment ICESERVER_USER environment ICESERVER_USER command line -u]",
		"no-tcp":                            "[environment ICESERVER_NO_TCP]",
		"allocation-default-address-family": "[turnserver.conf:5]",
		"dtls":                              "[]",
	} {
		if got := fmt.Sprint(c.Sources[key]); got != want {
			t.Errorf("%s comes from %s, want %s", key, got, want)
		}
	}
}

// Mistakes outside the file name the variable or the flag.
func TestMistakesOutsideTheFile(t *testing.T) {
	_, problems := Load(Input{
		File:    "turnserver.conf",
		Text:    strings.NewReader("min-port=60000\nno-such-key"),
		Environ: []string{"ICESERVER_MAX_PORT=many", "ICESERVER_RELM=a", "ICESERVER_PORT=tcp://10.0.0.1:80", "ICESERVER_SERVICE_HOST=10.0.0.1", "ICESERVER_CERT="},
		Flags:   []Flag{{Key: "user-quota", Name: "-q", Value: "x"}, {Key: "max-port", Value: "50000"}, {Key: "reallm", Value: "x"}},
	})
	want := `turnserver.conf:2:1: unknown key "no-such-key"; iceserver config explain lists all keys
environment: warning: ICESERVER_RELM is no key and has no effect; did you mean "ICESERVER_REALM"?
environment: ICESERVER_MAX_PORT: "many" is not a whole number; write a number from 1 to 65535
command line: -q: "x" is not a whole number; write a number of at least 0
command line: unknown key "--reallm"; did you mean "realm"?
command line: min-port 60000 is above max-port 50000; swap them
`
	if got := lines(problems); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Files as they are in use load without a mistake, and mean what they meant.
func TestFilesInUse(t *testing.T) {
	for _, c := range []struct{ name, want, warned string }{
		{"synapse", "listening-ip=198.18.20.1 listening-ip=2001:db8:20::1 no-tls=true external-ip=198.18.20.9 external-ip=2001:db8:20::1 " +
			"realm=turn.matrix.example.org static-auth-secret=uPx5Qm#Zt9-homeserver cert=turn/fullchain.pem " +
			"pkey=turn/privkey.pem user-quota=12 total-quota=1200 syslog=true", "static-auth-secret no-dtls"},
		{"nextcloud", "listening-port=3478 listening-ip=198.18.80.1 relay-ip=198.18.80.1 realm=cloud.example.org " +
			"static-auth-secret=7d0b8e3f1a7d0b8e3f1a stale-nonce=600 cipher-list=ECDH+AESGCM:DH+AESGCM:ECDH+AES256:!aNULL:!MD5 total-quota=0 bps-capacity=0 fingerprint=true log-file=turnserver.log no-stdout-log=true syslog=true",
			"no-loopback-peers cipher-list dh-file no-tlsv1 no-tlsv1_1"},
		{"jitsi", "listening-port=443 tls-listening-port=4445 no-tcp=true external-ip=198.18.44.9 allocation-default-address-family=keep " +
			"realm=meet.example.org static-auth-secret=r4nd0m-enough-to-do cert=turn/meet.crt pkey=turn/meet.key",
			"keep-address-family"},
		{"bigbluebutton", "listening-port=3478 listening-ip=198.18.66.1 relay-ip=198.18.66.1 min-port=32769 max-port=65535 allocation-default-address-family=keep " +
			"realm=class.example.org static-auth-secret=c1a55r00m-enough-to-do fingerprint=true verbose=true log-min-level=debug",
			"keep-address-family no-tlsv1 no-tlsv1_1 no-loopback-peers"},
		{"debian", "syslog=true", "no-rfc5780 no-stun-backward-compatibility response-origin-only-with-rfc5780"},
	} {
		text, err := os.ReadFile("testdata/" + c.name + ".conf")
		if err != nil {
			t.Fatal(err)
		}
		got, problems := load(t, string(text))
		var warned []string
		for _, p := range problems {
			warned = append(warned, p.Key)
		}
		if w := strings.Join(warned, " "); w != c.warned {
			t.Errorf("%s: warned of %s\nwant %s", c.name, w, c.warned)
		}
		var kept []string
		for l := range strings.Lines(got.text(Secret.Reveal)) {
			if !strings.Contains(l, "-peer-ip") {
				kept = append(kept, strings.TrimSpace(l))
			}
		}
		if s := strings.Join(kept, " "); s != c.want {
			t.Errorf("%s: got %s\nwant %s", c.name, s, c.want)
		}
	}
}

// The rules of a file in use deny and allow what they say, and no more: the
// range of all IPv4-mapped addresses does not deny all of IPv4.
func TestPeerRulesInUse(t *testing.T) {
	text, err := os.ReadFile("testdata/synapse.conf")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := load(t, string(text))
	if len(c.DeniedPeers) != 22 || len(c.AllowedPeers) != 1 {
		t.Fatalf("%d denied, %d allowed", len(c.DeniedPeers), len(c.AllowedPeers))
	}
	for addr, want := range map[string]int{
		"10.255.255.255": 10, "11.0.0.0": 0, "8.8.8.8": 0, "255.255.255.255": 24, "::1": 25, "2002:1::": 30,
		"fe80::1": 32, "2001:db8::1": 0, "2001:1ff::": 29, "::ffff:8.8.8.8": 27,
	} {
		line := 0
		for _, r := range c.DeniedPeers {
			if r.Contains(netip.MustParseAddr(addr)) {
				line = r.Line
			}
		}
		if line != want {
			t.Errorf("%s is denied by line %d, want %d", addr, line, want)
		}
	}
	if r := c.AllowedPeers[0]; r.Text != "198.18.20.7" || r.File != "turnserver.conf" || r.Line != 35 {
		t.Errorf("the rule that allows is %+v", r)
	}
}

// Rules of peers: what each form covers, and that no malformed one is taken.
//
// A-C12: a malformed rule refuses the start.
func TestPeerRules(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":             "10.0.0.0 10.255.255.255",
		"192.0.2.7":              "192.0.2.7 192.0.2.7",
		"192.0.2.7/32":           "192.0.2.7 192.0.2.7",
		"0.0.0.0/0":              "0.0.0.0 255.255.255.255",
		"10.0.0.1 - 10.0.0.9":    "10.0.0.1 10.0.0.9",
		"172.16.0.0/12":          "172.16.0.0 172.31.255.255",
		"fc00::/7":               "fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db8::1-2001:db8::": "",
		"::/0":                   ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"10.0.0.1/8":             "", "10.0.0.0/33": "", "10.0.0.0/": "", "/8": "", "10/8": "", "10.0.0": "", "10.0.0.256": "",
		"10.0.0.9-10.0.0.1": "", "10.0.0.1-::1": "", "10.0.0.1-": "", "-": "", "10.0.0.1-2": "", "10.0.0.1-10.0.0.2-10.0.0.3": "",
		"localhost": "", "turn.example.org": "", "my-host.example.org": "", "fe80::1%eth0": "", "*": "", "": "", "010.0.0.1": "",
		"10.0.0.0/8,192.168.0.0/16": "", "10.0.0.0/255.0.0.0": "", "any": "",
	} {
		c, problems := Load(Input{File: "f", Text: strings.NewReader("denied-peer-ip=" + text)})
		got := ""
		for _, r := range c.DeniedPeers {
			got += r.From.String() + " " + r.To.String()
		}
		if got != want || (want == "") != Failed(problems) {
			t.Errorf("%q is %q, want %q; %s", text, got, want, lines(problems))
		}
	}
}

// In a rule a host name gets an answer of its own.
func TestPeerRuleWithHostName(t *testing.T) {
	_, problems := Load(Input{File: "f", Text: strings.NewReader("allowed-peer-ip=my-host.example.org")})
	want := "f:1:17: allowed-peer-ip: \"my-host.example.org\" is a host name, and a rule about a name would change whenever " +
		"its addresses do; write its address, a range a-b, or a CIDR block\n"
	if got := lines(problems); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
