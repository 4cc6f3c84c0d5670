package netns

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// check is a line of the doctor's report.
type check struct{ Name, Status, Seen, Advice string }

// report is what the doctor says, in both of its forms.
type report struct {
	checks []check
	text   string
	code   int // exit code
}

// doctorCommand is the doctor in the namespace of the machine.
func (c cloud) doctorCommand(t *testing.T, data string, more ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"netns", "exec", c.machine, servertest.Binary(t), "doctor", "--data-dir=" + data}, more...)
	command := exec.Command("ip", args...)
	command.Env = append(os.Environ(), "SSL_CERT_FILE="+c.authority.file)
	return command
}

// doctor examines the server of the machine, with a look from the second one.
// Both forms are asked for, since both are for somebody.
func (c cloud) doctor(t *testing.T, data string, more ...string) (r report) {
	t.Helper()
	more = append([]string{"--from=" + c.link}, more...)
	plain, programs := c.doctorCommand(t, data, more...), c.doctorCommand(t, data, append(more, "--json")...)
	var text, structured, errors strings.Builder
	plain.Stdout, programs.Stdout, programs.Stderr = &text, &structured, &errors
	if err := plain.Start(); err != nil {
		t.Fatal(err)
	}
	_ = programs.Run() // the exit code says what there is to say
	_ = plain.Wait()
	r.text, r.code = text.String(), plain.ProcessState.ExitCode()
	var all struct{ Checks []check }
	err := json.Unmarshal([]byte(structured.String()), &all)
	if code := programs.ProcessState.ExitCode(); err != nil || code != r.code {
		t.Fatalf("%v, exit codes %d and %d:\n%s\n%s%s", err, r.code, code, r.text, structured.String(), errors.String())
	}
	r.checks = all.Checks
	return r
}

// bad are the lines that are not OK.
func (r report) bad() (all []check) {
	for _, c := range r.checks {
		if c.Status != "OK" {
			all = append(all, c)
		}
	}
	return all
}

// wantLine requires one check, in both forms, that says what was seen and what to do.
func (r report) wantLine(t *testing.T, name, status, seen, advice string) {
	t.Helper()
	for _, c := range r.checks {
		if c.Name != name {
			continue
		}
		if c.Status != status || !regexp.MustCompile(seen).MatchString(c.Seen) || !regexp.MustCompile(advice).MatchString(c.Advice) {
			t.Errorf("%+v, want %s %q with the advice %q", c, status, seen, advice)
		}
		if strings.Contains(c.Seen+c.Advice, "\n") {
			t.Errorf("%+v is more than a line", c)
		}
		// The two runs were given other ports: it is the same line nevertheless.
		line := regexp.MustCompile(`(?m)^\S ` + status + ` +` + name + `  +(.*)\n +-> (.*)$`).FindStringSubmatch(r.text)
		if line == nil || !regexp.MustCompile(seen).MatchString(line[1]) || !regexp.MustCompile(advice).MatchString(line[2]) {
			t.Errorf("no line about %s in\n%s", name, r.text)
		}
		return
	}
	t.Errorf("no check %q in\n%s", name, r.text)
}

// The doctor on a server behind a NAT that is as it should be: nothing to say.
func TestDoctorIsQuiet(t *testing.T) {
	c := buildCloud(t)
	data := c.start(t, c.sound(t)...)
	r := c.doctor(t, data, "--user=u", "--password=p")
	if bad := r.bad(); len(bad) > 0 || r.code != 0 {
		t.Errorf("exit code %d, %+v\n%s", r.code, bad, r.text)
	}
	for _, name := range []string{"outside address", "outside udp 3478", "outside tcp 3478", "outside tls 5349", "outside dtls 5349", "outside relay range"} {
		if !strings.Contains(r.text, name) {
			t.Errorf("nothing was said of %s:\n%s", name, r.text)
		}
	}
	wantRow(t, c.testPage(t, c.pageFor("u", "p", byUDP)), byUDP, "OK", `^Works: relay 198\.18\.0\.50:`)
}

// A firewall that lets in the server's port, and of the relayed ones none.
func TestDoctorSeesTheRelayRange(t *testing.T) {
	c := buildCloud(t)
	data := c.start(t, c.sound(t)...)
	servertest.Firewall(t, c.gate, dropping("20000-20099"))
	r := c.doctor(t, data, "--user=u", "--password=p")
	r.wantLine(t, "outside relay range", "FAIL", `^nothing that 198\.18\.0\.1 sent to the relayed ports .* arrived`, `(?i)open UDP 20000-20099`)
	if bad := r.bad(); len(bad) != 1 || r.code != 2 {
		t.Errorf("exit code %d, %+v", r.code, bad)
	}
}

// dropping is the firewall of a cloud that lets no datagrams in to some ports.
func dropping(ports string) string {
	return `table ip narrow { chain forward { type filter hook forward priority 0; iifname "pub" udp dport ` + ports + ` drop; }; }`
}

// What is wrong with the second server is told, and keeps nothing else from being
// looked at.
func TestDoctorFromNobody(t *testing.T) {
	c := buildCloud(t)
	data := c.start(t, c.sound(t)...)
	good := c.link
	for name, tt := range map[string]struct{ link, seen, advice string }{
		"wrong key": {good[:len(good)-4] + "AAAA", "HTTP 401", "iceserver link add"},
		"nobody":    {"https://" + serverIP + ":1/test#key=ice_x", "does not tell", "whether the second server runs"},
	} {
		c.link = tt.link
		r := c.doctor(t, data, "--user=u", "--password=p")
		r.wantLine(t, "outside view", "FAIL", tt.seen, tt.advice)
		if len(r.checks) < 10 {
			t.Errorf("%s: only %d checks", name, len(r.checks))
		}
	}
}

// A link that ends soon, opened in a browser behind a NAT elsewhere: the doctor
// tells what came through and from where, and takes the link back, also when it
// is interrupted.
func TestDoctorFollowsABrowser(t *testing.T) {
	c := buildCloud(t)
	data := c.start(t, c.sound(t)...)
	run := func(visit func(link string, doctor *os.Process)) string {
		command := c.doctorCommand(t, data, "--user=u", "--password=p", "--browser")
		var text strings.Builder
		command.Stdout = &text
		said, err := command.StderrPipe()
		if err == nil {
			err = command.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		link := ""
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "https://") {
				link = line
			}
			// The last line says that it waits now.
			if strings.HasPrefix(lines.Text(), "Waiting") {
				break
			}
		}
		visit(link, command.Process)
		timer := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer timer.Stop()
		_, _ = io.Copy(io.Discard, said)
		_ = command.Wait()
		return text.String()
	}
	text := run(func(link string, _ *os.Process) {
		for _, r := range c.testPage(t, strings.Replace(link, "#", "#throughput=0&", 1)) {
			wantRow(t, []row{r}, r.URL, "OK", "^Works")
		}
	})
	for _, transport := range []string{"udp", "tcp", "tls"} {
		if !regexp.MustCompile(`OK +browser ` + transport + ` +came through from 198\.18\.0\.11\n`).MatchString(text) {
			t.Errorf("nothing is said of %s:\n%s", transport, text)
		}
	}
	text = run(func(_ string, doctor *os.Process) { _ = doctor.Signal(os.Interrupt) })
	if !strings.Contains(text, "WARN  browser ") {
		t.Errorf("after an interrupt:\n%s", text)
	}
	list := servertest.In(t, c.machine, servertest.Binary(t)+" link list --data-dir="+data)
	if strings.Count(list, "doctor") != 2 || strings.Count(list, "revoked") != 2 {
		t.Errorf("the links are not taken back:\n%s", list)
	}
}
