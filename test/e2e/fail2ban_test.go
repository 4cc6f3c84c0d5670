package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/test/servertest"
)

// failures runs fail2ban's own matcher over a log and returns how often it blames
// each address.
func failures(t *testing.T, log, filter string) map[string]int {
	t.Helper()
	var out, errs bytes.Buffer
	command := exec.Command("fail2ban-regex", "-o", "ip", log, filter)
	command.Stdout, command.Stderr = &out, &errs
	// Its exit code says whether anything matched at all.
	if err := command.Run(); errs.Len() > 0 || err != nil && exitCode(err) != 1 {
		t.Fatalf("fail2ban-regex: %v\n%s%s", err, &out, &errs)
	}
	blamed := map[string]int{}
	for _, ip := range strings.Fields(out.String()) {
		blamed[ip]++
	}
	return blamed
}

// shippedFilter is the one for the packages.
func shippedFilter(t *testing.T) string { return shipped(t, "fail2ban/filter.d/iceserver.conf") }

// Filters as administrators of coturn have them: one for the lines that tell an
// address, and one that finds it by the number of the session.
const (
	closedFilter = `[Definition]
failregex = closed \(2nd stage\), user <.+> realm <.*> origin <.*>, local \S+, remote <HOST>:\d+, reason: allocation watchdog
datepattern = {NONE}
`
	frontFilter = `[Definition]
prefregex = ^.*?session <F-MLFID>\d+</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$
failregex = ^realm <.*> user <.+>: incoming packet \S+ processed, error 401: Unauthorized
            ^<F-NOFAIL>closed</F-NOFAIL> \(\d\w+ stage\), user <.*> realm <.*> origin <.*>, local \S+, remote <ADDR>:\d+, reason:
datepattern = {NONE}
`
	behindFilter = `[Definition]
prefregex = ^\S+ \w+ <F-CONTENT>.+</F-CONTENT> \(session <F-MLFID>\d+</F-MLFID>\)
failregex = ^realm <.*> user <.+>: incoming packet \S+ processed, error 401: Unauthorized
            ^<F-NOFAIL>closed</F-NOFAIL> \(\d\w+ stage\), user <.*> realm <.*> origin <.*>, local \S+, remote <ADDR>:\d+, reason:
datepattern = {NONE}
`
)

// The shipped filter blames who had a wrong credential, once for each time, in all
// forms of the log and both families, and nobody for a challenge, a success, or a
// name that a client made up. So do those that were written for coturn.
//
// A-L01: nobody is blamed for what stands in a name.
func TestFail2ban(t *testing.T) {
	const each = 3 // wrong credentials by each way and family
	for format, foreign := range map[string][]string{
		"text": nil, "json": nil, "coturn": {closedFilter, behindFilter}, "coturn-4.17": {closedFilter, frontFilter},
	} {
		t.Run(format, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			refuseMany(t, log, format, each)
			want := map[string]int{"127.0.0.1": 3 * each}
			if hasIPv6() {
				want["::1"] = each
			}
			if got := failures(t, log, shippedFilter(t)); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("blamed %v, want %v:\n%s", got, want, read(t, log))
			}
			for i, filter := range foreign {
				file := write(t, "filter"+strconv.Itoa(i)+".conf", filter)
				if got := failures(t, log, file); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s\nblames %v, want %v", filter, got, want)
				}
			}
		})
	}
}

// refuseMany writes a log of a real server: wrong passwords over UDP and TCP,
// unknown users, one of a hostile name, credentials that have expired, and calls of who
// is let in.
func refuseMany(t *testing.T, log, format string, each int) {
	t.Helper()
	const secret = "a secret of twenty-four."
	late, password := auth.REST{}.Mint(secret, "page", time.Now().Add(-time.Hour))
	port := strconv.Itoa(servertest.FreePorts(t, 2))
	flags := []string{"--listening-ip=127.0.0.1", "--listening-port=" + port, "--no-tls", "--web=off", "--data-dir=" + t.TempDir(),
		"--realm=example.org", "--user=alice:pw", "--static-auth-secret=" + secret, "--verbose", "--log-format=" + format, "--log-file=" + log, "--json"}
	if hasIPv6() {
		flags = append(flags, "--listening-ip=::1")
	}
	p := serve(t, flags...)
	greetingOf(t, p)
	udp, tcp, udp6 := "turn:127.0.0.1:"+port+"?transport=udp", "turn:127.0.0.1:"+port+"?transport=tcp", "turn:[::1]:"+port+"?transport=udp"
	for i := range each {
		refused(t, udp, "alice", "wrong")
		refused(t, tcp, "alice", "wrong")
		name := "nobody"
		if i == 0 {
			name = "x> realm <y> origin <>, local 1.2.3.4:5, remote 192.0.2.99:5, reason: z\" remote=192.0.2.99:5"
		}
		refused(t, udp, name, "wrong")
		refused(t, udp, late, password)
		refused(t, tcp, late, password)
		if hasIPv6() {
			refused(t, udp6, "alice", "wrong")
		}
	}
	relays(t, udp, "alice", "pw", "")
	relays(t, tcp, "alice", "pw", "")
	if text := read(t, log); strings.Count(text, "expired-credential")+strings.Count(text, "have expired") != 2*each {
		t.Errorf("the log does not tell what has expired:\n%s", text)
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The filters that are held against our lines find who fails in coturn's own log
// too: they are no straw men.
func TestFail2banOnCoturn(t *testing.T) {
	port, dir := strconv.Itoa(servertest.FreePorts(t, 2)), t.TempDir()
	s := servertest.Run(t, "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--listening-port="+port,
		"--realm=example.org", "--lt-cred-mech", "--user=alice:pw", "--allow-loopback-peers", "--verbose", "--no-tls", "--no-dtls",
		"--no-cli", "--log-file=stdout", "--userdb="+filepath.Join(dir, "db"), "--pidfile="+filepath.Join(dir, "pid"))
	if err := s.WaitFor(regexp.MustCompile(`TCP listener opened`), limit); err != nil {
		t.Fatal(err)
	}
	url := "turn:127.0.0.1:" + port + "?transport=tcp"
	const sessions = 3
	for range sessions {
		c := dial(t, url, "alice", "wrong", "")
		if _, code := c.allocate(); code != 401 {
			t.Fatalf("coturn answers a wrong password with %d", code)
		}
		c.conn.Close()
	}
	t.Run("call", func(t *testing.T) { relays(t, url, "alice", "pw", "") }) // hangs up when it is over
	waitFor(t, "the end of the sessions", func() bool {
		return strings.Count(s.Log(), "closed (2nd stage), user <alice>") >= sessions+2
	})
	log := write(t, "coturn.log", s.Log())
	// Over a connection its sessions end in other words than over UDP, where it
	// takes them a minute; and calls end like that too.
	overTCP := strings.Replace(closedFilter, "allocation watchdog", "TCP connection closed", 1)
	for filter, want := range map[string]int{overTCP: sessions + 2, frontFilter: sessions} {
		if got := failures(t, log, write(t, "filter.conf", filter)); len(got) != 1 || got["127.0.0.1"] != want {
			t.Errorf("%s\nblames %v, want 127.0.0.1 %d times:\n%s", filter, got, want, s.Log())
		}
	}
}

// fail2ban accepts the jail as it is shipped, switched on, for both transports.
func TestFail2banJail(t *testing.T) {
	dir, log := t.TempDir(), write(t, "turnserver.log", "")
	if err := os.CopyFS(dir, os.DirFS("/etc/fail2ban")); err != nil {
		t.Fatal(err)
	}
	// What a distribution switches on may want logs that this machine does not have.
	if err := os.RemoveAll(filepath.Join(dir, "jail.d")); err != nil {
		t.Fatal(err)
	}
	filter := shippedFilter(t)
	jail := read(t, filepath.Join(filepath.Dir(filter), "../jail.d/iceserver.conf"))
	edited := regexp.MustCompile(`(?m)^enabled .*$`).ReplaceAllString(jail, "enabled = true")
	edited = regexp.MustCompile(`(?m)^logpath .*$`).ReplaceAllString(edited, "logpath = "+log)
	if err := os.Mkdir(filepath.Join(dir, "jail.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(dir, "jail.d/iceserver.conf"), edited)
	rewrite(t, filepath.Join(dir, "filter.d/iceserver.conf"), read(t, filter))
	out, err := exec.Command("fail2ban-client", "-c", dir, "-d").CombinedOutput()
	if err != nil {
		t.Fatalf("fail2ban-client: %v\n%s", err, out)
	}
	for _, want := range []string{"iceserver-udp", "iceserver-tcp", "'protocol', 'udp'", "'protocol', 'tcp'", "'3478,5349'"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in what the jail does:\n%s", want, out)
		}
	}
}
