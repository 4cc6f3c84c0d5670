package config

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// Both of coturn's dialects, and what people paste.
func TestFileSyntax(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ name, text, want string }{
		{"equals", "realm=a", "realm=a\n"},
		{"space", "realm a", "realm=a\n"},
		{"tab", "realm\ta", "realm=a\n"},
		{"mix", "  realm \t= \t a  ", "realm=a\n"},
		{"no end of line, CRLF, empty lines", "\r\nrealm=a\r\n\r\nno-tcp", "no-tcp=true\nrealm=a\n"},
		{"byte order mark", "\uFEFFrealm=a\n", "realm=a\n"},
		{"comments", "# realm=b\n \t#realm=b\nrealm=a\n#", "realm=a\n"},
		{"comment behind a value", "realm=a # b\nuser-quota=12 # x\nmin-port=1025\t#y", "min-port=1025\nrealm=a\nuser-quota=12\n"},
		{"comment behind a switch", "no-tcp # only below 4.5.0.8!\nlt-cred-mech #x", "no-tcp=true\n"},
		{"# inside a word", "user=a:p#ss\nstatic-auth-secret=#s#", "user=a:p#ss\nstatic-auth-secret=#s#\n"},
		{"quotes", `realm="a"`, "realm=a\n"},
		{"quotes around spaces and #", `static-auth-secret="a # b" # c`, "static-auth-secret=\"a # b\"\n"},
		{"quotes inside", `static-auth-secret="a"b""`, "static-auth-secret=a\"b\"\n"},
		{"quote at the end only", `static-auth-secret=a"`, "static-auth-secret=a\"\n"},
		{"no port for TLS, no passphrase, two of one network", "tls-listening-port=0\npkey-pwd=\nexternal-ip=127.0.0.2/127.0.0.1", "no-tls=true\nexternal-ip=127.0.0.2/127.0.0.1\npkey-pwd=\n"},
		{"single quotes", "realm='a'\nuser='a:b'", "user='a:b'\nrealm='a'\n"},
		{"empty", "cert=\npkey= # none\nlog-file=\"\"", "cert=\npkey=\nlog-file=stdout\n"},
		{"booleans", "no-tcp=on\nno-tls=7\nfingerprint=Yes\nno-stun=T", "no-tcp=true\nno-tls=true\nfingerprint=true\nno-stun=true\n"},
		{"booleans off", "no-tcp=OFF\nno-tls=0\nfingerprint=n\nunauthorized-ratelimit=false", "no-tcp=false\nno-tls=false\nunauthorized-ratelimit=false\nfingerprint=false\n"},
		{"value ignored in coturn", "use-auth-secret=false\nprometheus=false", "prometheus=false\n"},
		{"optional value", "stale-nonce\npermission-lifetime\nchannel-lifetime=", "stale-nonce=600\nchannel-lifetime=600\npermission-lifetime=300\n"},
		{"for ever", "stale-nonce=0", "stale-nonce=0\n"},
		{"longer than 1024", "static-auth-secret=" + long, "static-auth-secret=" + long + "\n"},
		{"semicolon", "realm=a;\nno-tcp;\nuser=a:b;", "no-tcp=true\nuser=\"a:b;\"\nrealm=a\n"},
		{"equals in the value", "static-auth-secret=abc==\nuser=a:b=c", "user=a:b=c\nstatic-auth-secret=abc==\n"},
		{"password with colons", "user=a: b:c", "user=a:b:c\n"},
		{"other name", "db=/x", "userdb=/x\n"},
		{"brackets", "listening-ip=[2001:db8::1]", "listening-ip=2001:db8::1\n"},
		{"mapped", "relay-ip=::ffff:192.0.2.1", "relay-ip=192.0.2.1\n"},
	} {
		got, _ := load(t, c.text)
		if text := got.text(Secret.Reveal); text != c.want {
			t.Errorf("%s: %q is read as %q, want %q", c.name, c.text, text, c.want)
		}
	}
}

// Every mistake is told in one pass, with its place and what to do.
//
// A-L04: unknown keys, duplicates and bad blocks are told by line number.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"lisening-port=1", `1:1: unknown key "lisening-port"; did you mean "listening-port"?`},
		{"\n  Realm=a", `2:3: unknown key "Realm"; did you mean "realm"?`},
		{"--min-port=1025", `1:1: unknown key "--min-port"; did you mean "min-port"?`},
		{"completely-different", `1:1: unknown key "completely-different"; iceserver config explain lists all keys`},
		{"static-auth-secret:hush", `1:1: unknown key "static-auth-secret..."; write static-auth-secret=VALUE`},
		{"; a comment", `1:1: unknown key "..."; comments begin with #`},
		{"realm\u00a0=a", `1:1: unknown key "realm..."; replace the non-breaking space by a plain one`},
		{"listening-port=0", `1:16: listening-port: "0" is out of range; write a number from 1 to 65535`},
		// A-D10
		{"min-port '5'", `1:10: min-port: "'5'" is not a whole number; leave the single quotation marks out, which are part of the value`},
		{"min-port 65536", `1:10: min-port: "65536" is out of range; write a number from 1 to 65535`},
		{"min-port 70000 # x", `1:10: min-port: "70000" is out of range; write a number from 1 to 65535`},
		{"max-port=many", `1:10: max-port: "many" is not a whole number; write a number from 1 to 65535`},
		{"max-port=99999999999999999999", `1:10: max-port: "99999999999999999999" is out of range; write a number from 1 to 65535`},
		{"user-quota=-1", `1:12: user-quota: "-1" is out of range; write a number of at least 0`},
		{"max-bps=1.5", `1:9: max-bps: "1.5" is not a whole number; write a number of at least 0`},
		{"realm", `1:1: realm: the value is missing; write realm=REALM`},
		{"no-tcp=perhaps", `1:8: no-tcp: "perhaps" is neither true nor false; write true or false`},
		{"log-min-level=warn", `1:15: log-min-level: "warn" is not one of the choices; write debug, info, warning, error`},
		{"engine=mmgs", `1:8: engine: "mmgs" is not one of the choices; write auto, mmsg, std (did you mean "mmsg"?)`},
		{"rest-api-separator=7", `1:20: rest-api-separator: "7" is not a single ASCII character other than a digit; write one such as : or |`},
		{"listening-ip=eth0", `1:14: listening-ip: "eth0" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`},
		{"listening-ip=1.2.3.4:80", `1:14: listening-ip: "1.2.3.4:80" has a port; write 1.2.3.4; ports have keys of their own`},
		{"relay-ip=10.0.0.0/8", `1:10: relay-ip: "10.0.0.0/8" is a block, not an address; write 10.0.0.0`},
		{"external-ip=$(detect-external-ip)/10.0.0.1", `1:13: external-ip: "$(detect-external-ip)/10.0.0.1" is a command or variable of a shell that nobody filled in; write auto: the server finds its own address`},
		{"external-ip=turn_example.org", `1:13: external-ip: "turn_example.org" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`},
		{"external-ip=192.0.2.1/::1", `1:13: external-ip: "192.0.2.1/::1" maps between IPv4 and IPv6; write two of one family`},
		{"external-ip=0.0.0.0", `1:13: external-ip: "0.0.0.0" is not the address of a machine; write the address that the world sees`},
		{"external-ip=192.0.2.1\nexternal-ip=192.0.2.2", `2:1: external-ip: there can be only one address without /private for each family, and there are 192.0.2.1 and 192.0.2.2; leave one of them out, or write public/private pairs`},
		{"external-ip=192.0.2.1/10.0.0.1\nexternal-ip=192.0.2.2/10.0.0.1", `2:1: external-ip: 10.0.0.1 is mapped to both 192.0.2.1 and 192.0.2.2; leave one of them out, or write public/private pairs`},
		{"user=hush", `1:6: user: there is no colon between name and password; write name:password`},
		{"user=a:", `1:6: user: the password is empty; write name:password`},
		{"user=:hush", `1:6: user: the name is empty; write name:password`},
		{"user=a:0xhush", `1:6: user: the key of "a" is not 0x and 32 hexadecimal digits; write 0x and the 32 digits, or a password that does not begin with 0x`},
		{"static-auth-secret=", `1:1: static-auth-secret: the value is empty; write one, or leave the key out`},
		{"realm=" + strings.Repeat("é", 64), `1:7: realm: the realm has 128 bytes, and at most 127 are possible; take a shorter one`},
		{"realm=\xff", `1:7: realm: the value is not UTF-8; save the file as UTF-8`},
		{"realm=a\x1bb", `1:7: realm: the value has a control character in it; take it out`},
		{"min-port=2000\nmax-port=1500", `2:1: min-port 2000 is above max-port 1500; swap them`},
		{"bps-capacity=5", `1:1: bps-capacity 5 has no effect without max-bps; set max-bps`},
		{"cert=/c", `1:1: cert is set and pkey is not; set pkey to the file with its private key`},
		{"pkey=/c", `1:1: pkey is set and cert is not; set cert to the file with its certificate`},
		{"no-udp\nno-tcp\nno-tls", `3:1: no-udp, no-tcp and no-tls together leave nothing to listen on; leave one of them out`},
		{"no-stun\nstun-only", `2:1: stun-only and no-stun together leave nothing to do; leave one of them out`},
		{"server-relay", `1:1: server-relay is refused: it makes an open relay, which anybody can turn against your network; allowed-peer-ip opens single addresses; leave it out`},
		{"prometheus\nprometheus-cert=/c\nprometheus-tls", `2:1: prometheus-cert is set and prometheus-key is not; set prometheus-key to the file with its private key`},
		{"prometheus\nprometheus-key=/c", `2:1: prometheus-key is set and prometheus-cert is not; set prometheus-cert to the file with its certificate`},
		{"prometheus\nprometheus-path=metrics", `2:1: prometheus-path "metrics" is not the path of a URL; write one such as /metrics`},
		{"prometheus\nprometheus-path=/a?b", `2:1: prometheus-path "/a?b" is not the path of a URL; write one such as /metrics`},
		{"prometheus\nprometheus-path=/healthz", `2:1: prometheus-path "/healthz" has a meaning of its own; write another one, such as /metrics`},
		{"prometheus\nprometheus-port=5349", `2:1: prometheus-port and tls-listening-port are both 5349; choose another one`},
		{"tcp-proxy-port=3478", `1:1: tcp-proxy-port and listening-port are both 3478; choose another one: what comes to tcp-proxy-port begins with a PROXY header`},
		{"tls-listening-port=443\ntcp-proxy-port=443", `2:1: tcp-proxy-port and tls-listening-port are both 443; choose another one: what comes to tcp-proxy-port begins with a PROXY header`},
		{"prometheus\ntcp-proxy-port=9641", `2:1: tcp-proxy-port and prometheus-port are both 9641; choose another one: what comes to tcp-proxy-port begins with a PROXY header`},
		{"tcp-proxy-port=5555\ntcp-proxy-source=0.0.0.0/0", `2:18: tcp-proxy-source: "0.0.0.0/0" is everybody, and then anybody could claim any address; name the proxies`},
		{"prometheus-port=x", `1:17: prometheus-port: "x" is not a whole number; write a number from 1 to 65535`},
	} {
		_, problems := Load(Input{File: "turnserver.conf", Text: strings.NewReader(c.text)})
		if got := strings.TrimSpace(lines(problems)); got != "turnserver.conf:"+c.want || !Failed(problems) || problems[0].Suggestion == "" {
			t.Errorf("%q:\n got %s\nwant turnserver.conf:%s", c.text, got, c.want)
		}
		if strings.Contains(lines(problems), "hush") {
			t.Errorf("%q: a secret is shown: %s", c.text, lines(problems))
		}
	}
}

// What is worth knowing does not stop the start.
func TestWarnings(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"realm=a\nno-tcp\nrealm=b", `3:1: warning: realm sets what line 1 has set already; line 3 wins; remove one of them`},
		{"user=a:b\nuser=a:c", `2:1: warning: user names "a" again; this one wins; remove one of them`},
		{"realm=a;", `1:1: warning: realm ends with a semicolon, which is not needed; leave it out`},
		{`realm="a`, `1:1: warning: realm begins with a quotation mark that is not closed; close it, or leave it out`},
		{"realm='a'", `1:1: warning: realm has single quotation marks, which are part of the value; leave them out, or write double ones`},
		{"user=a:'b'", `1:1: warning: user has single quotation marks, which are part of the value; leave them out, or write double ones`},
		{"tls-listening-port=0", `1:1: warning: tls-listening-port 0 is read as no-tls; write that instead`},
		{"external-ip=127.0.0.1", `1:1: warning: external-ip tells clients 127.0.0.1, which cannot be reached from outside of its network; write the address that the world sees, or auto; for that network alone it is right`},
		{"\nexternal-ip=10.0.0.5/198.18.0.1", `2:1: warning: external-ip has its addresses the wrong way round: 10.0.0.5 is the one that the world cannot reach; write 198.18.0.1/10.0.0.5: the public one is first`},
		{"no-multicast-peers=false", `1:1: warning: no-multicast-peers has no effect: multicast peers are always denied`},
		{"keep-address-family", `1:1: warning: keep-address-family is an old form and read as allocation-default-address-family=keep; write that instead`},
		{"no-tlsv1", `1:1: warning: no-tlsv1 has no effect any more: TLS 1.0 is never offered`},
		{"web-admin", `1:1: warning: web-admin is not implemented yet and has no effect; it means: Opens the web interface for administration`},
		{"prometheus\nprometheus-address=0.0.0.0", `2:1: warning: prometheus-address 0.0.0.0 gives the metrics to everybody who can reach it; let only Prometheus through the firewall`},
		{"prometheus\nprometheus-cert=/c\nprometheus-key=/k", `2:1: warning: prometheus-cert has no effect without prometheus-tls; set prometheus-tls`},
		{"syslog-facility=LOG_LOCAL1", `1:1: warning: syslog-facility has no effect without syslog; set syslog`},
		{"tcp-proxy-source=10.0.0.5", `1:1: warning: tcp-proxy-source has no effect without tcp-proxy-port; set tcp-proxy-port`},
		{"proc-group=turnserver", `1:1: warning: proc-group alone leaves the user as it is, who may be root; set proc-user as well`},
		{"no-stdout-log", `1:1: warning: no-stdout-log leaves no place for the log; set log-file to a path`},
		{"relay-ip=::1\nrelay-ip=::1", `2:1: warning: relay-ip: ::1 is given twice; remove one of them`},
		{"denied-peer-ip=::ffff:10.0.0.0/104", `1:1: warning: denied-peer-ip "::ffff:10.0.0.0/104" never applies: peers are judged by the IPv4 address inside; write 10.0.0.0-10.255.255.255 if that is meant`},
		{"user=a:0x00112233445566778899aabbccddeeff", `1:1: warning: keys of users only work with the realm that they were made for; set realm`},
		{"no-auth", `1:1: warning: no-auth makes an open relay: everybody can send through this server, also to your network`},
		{"allow-loopback-peers", `1:1: warning: allow-loopback-peers opens this machine's own services to clients; it is for tests only`},
	} {
		_, problems := load(t, c.text)
		if got := strings.TrimSpace(lines(problems)); got != "turnserver.conf:"+c.want {
			t.Errorf("%q:\n got %s\nwant turnserver.conf:%s", c.text, got, c.want)
		}
	}
}

// no-auth beside anything that asks for credentials is a mistake: it would open
// a relay that the operator believes closed.
func TestNoAuthStandsAlone(t *testing.T) {
	for _, other := range []string{"lt-cred-mech", "use-auth-secret", "user=a:b", "static-auth-secret=s"} {
		if _, problems := Load(Input{File: "f", Text: strings.NewReader("no-auth\n" + other)}); !Failed(problems) {
			t.Errorf("no-auth with %s is taken", other)
		}
	}
}

// A later line wins, whatever came before it.
func TestLaterLineWins(t *testing.T) {
	c, _ := load(t, "min-port=2000\nmin-port=3000\nkeep-address-family\nallocation-default-address-family=ipv6\nuser=a:b\nuser=c:d\nuser=a:e")
	if c.MinPort != 3000 || c.AddressFamily != "ipv6" || len(c.Users) != 2 || c.Users[1].Password.Reveal() != "e" {
		t.Errorf("got %s", c.text(Secret.Reveal))
	}
}

// What several keys decide together.
func TestDerived(t *testing.T) {
	for _, c := range []struct {
		text    string
		level   string
		workers int
		log     string
	}{
		{"", "info", 0, "stdout"},
		{"verbose\nlog-file=-", "debug", 0, "stdout"},
		{"Verbose\nlog-min-level=error\nlog-file=/l", "error", 0, "/l"},
		{"relay-threads=0", "info", 1, "stdout"},
		{"relay-threads=4\ncpus=2", "info", 4, "stdout"},
		{"cpus=2\nverbose=no", "info", 2, "stdout"},
	} {
		got, _ := load(t, c.text)
		if got.LogLevel != c.level || got.Workers != c.workers || got.LogFile != c.log {
			t.Errorf("%q: level %s, workers %d, log %s", c.text, got.LogLevel, got.Workers, got.LogFile)
		}
	}
	if c, _ := load(t, "stale-nonce=5"); c.StaleNonce != 5*time.Second {
		t.Errorf("stale-nonce=5 is %v", c.StaleNonce)
	}
}

// A file that cannot be read to its end is a mistake, however much was read.
func TestUnreadable(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("realm=a\n"), iotest.ErrReader(errors.New("disk on fire")))
	_, problems := Load(Input{File: "f", Text: broken})
	if want := "f:2:1: cannot be read to its end: disk on fire; see that it is a file and can be read\n"; lines(problems) != want {
		t.Errorf("got %q, want %q", lines(problems), want)
	}
	endless := io.MultiReader(strings.NewReader("#"), zeros{})
	if _, problems = Load(Input{File: "f", Text: endless}); !Failed(problems) || !strings.Contains(lines(problems), "16 MiB") {
		t.Errorf("an endless file: %q", lines(problems))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A file of nothing but mistakes tells many of them, and errors before warnings.
func TestManyMistakes(t *testing.T) {
	text := strings.Repeat("no-tlsv1\n", maxProblems) + strings.Repeat("nonsense\n", maxProblems/2)
	_, problems := Load(Input{File: "f", Text: strings.NewReader(text)})
	if len(problems) != maxProblems || problems[0].Warning || problems[0].Line != maxProblems+1 {
		t.Errorf("%d problems, the first %v", len(problems), problems[0])
	}
	text = strings.Repeat("no-tlsv1\n", 100*maxProblems) + "denied-peer-ip=10.0.0.0/33"
	if _, problems = Load(Input{File: "f", Text: strings.NewReader(text)}); problems[0].Key != "denied-peer-ip" {
		t.Errorf("an error is lost behind warnings: %v", problems[0])
	}
}
