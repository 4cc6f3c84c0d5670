package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/turn"
)

// held is an allocation that lives through what is done to its server.
type held struct {
	*client
	relayed netip.AddrPort
}

func hold(t *testing.T, url, username, password string) held {
	t.Helper()
	c := dial(t, url, username, password, "")
	relayed, code := c.allocate()
	if code != 0 {
		t.Fatalf("%s as %q: refused with %d", url, username, code)
	}
	return held{c, relayed}
}

// alive requires that two allocations still relay to each other.
func alive(t *testing.T, a, b held) {
	t.Helper()
	for _, way := range [][2]held{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		if code := from.permit(to.relayed.Addr()); code != 0 {
			t.Fatalf("permission refused with %d", code)
		}
		if code := to.permit(from.relayed.Addr()); code != 0 {
			t.Fatalf("permission refused with %d", code)
		}
		data := []byte("still here")
		to.receive(from.relayed, data, func() {
			from.turn.Send(to.relayed, data, &from.out)
			for _, m := range from.out.Sends {
				if _, err := from.conn.Write(m); err != nil {
					t.Fatal(err)
				}
			}
			from.out.Sends = nil
		})
	}
}

func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

type reloaded struct{ Changed, Restart []string }

// A reload puts new users, rules and limits in force and loses no call; what takes
// a restart is named; a broken file changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	text := "realm=example.org\nuser=alice:one\nlog-file=" + filepath.Join(dir, "log") + "\nmin-port=40000\nmax-port=40999\n"
	file := write(t, "turnserver.conf", text)
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	at := []string{"reload", "--data-dir=" + dir, "-c", file}
	a, b := hold(t, url, "alice", "one"), hold(t, url, "alice", "one")
	alive(t, a, b)

	var r reloaded
	must(t, "", &r, at...)
	if len(r.Changed) != 0 || len(r.Restart) != 0 {
		t.Errorf("nothing has changed, and told is %+v", r)
	}

	rewrite(t, file, text+"user=bob:two\nuser-quota=2\nmin-port=40500\n")
	must(t, "", &r, at...)
	if !slices.Equal(r.Changed, []string{"user", "user-quota"}) || !slices.Equal(r.Restart, []string{"min-port"}) {
		t.Errorf("told is %+v", r)
	}
	hold(t, url, "bob", "two")
	if _, code := dial(t, url, "alice", "one", "").allocate(); code != 486 {
		t.Errorf("a third allocation of two: %d, want 486", code)
	}
	alive(t, a, b)

	rewrite(t, file, text+"user=alice\n")
	if out := command(t, "", at...); out.code != 1 || !strings.Contains(out.err, filepath.Base(file)+":6") {
		t.Errorf("a broken file: exit %d: %s", out.code, out.err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFile(t, filepath.Join(dir, "log"), "the old one stays in force")
	alive(t, a, b)

	// The log goes on in a new file when the old one was moved away.
	if err := os.Rename(filepath.Join(dir, "log"), filepath.Join(dir, "log.1")); err != nil {
		t.Fatal(err)
	}
	rewrite(t, file, strings.Replace(text, "alice:one", "carol:three", 1))
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFile(t, filepath.Join(dir, "log"), "msg=reloaded")
	refused(t, url, "bob", "two")
	alive(t, a, b)
	// Another realm is for those who come; who is there goes on in the old one.
	rewrite(t, file, strings.Replace(text, "example.org", "other.example", 1))
	must(t, "", &r, at...)
	for _, c := range []held{a, b} {
		if code := c.do(func(now turn.Now, out *turn.ClientOutbox) { c.turn.Refresh(now, 600, out) }).Code; code != 0 {
			t.Errorf("a refresh in the realm of before got %d", code)
		}
	}
	alive(t, a, b)
	hold(t, url, "alice", "one")
	for i := range 50 {
		rewrite(t, file, text+fmt.Sprintf("total-quota=%d\n", 10+i))
		must(t, "", &r, at...)
	}
	alive(t, a, b)
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for over := time.Now().Add(limit); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("%s never came", what)
		}
	}
}

// waitFile waits until a file has a text in it.
func waitFile(t *testing.T, path, text string) {
	t.Helper()
	waitFor(t, path+" with "+text, func() bool {
		all, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(all), text)
	})
}

// A thousand reloads, each with something new in it, while packets go both ways:
// no allocation ends, and none of those packets is missing.
func TestThousandReloads(t *testing.T) {
	dir := t.TempDir()
	text := "realm=example.org\nuser=alice:one\nallow-loopback-peers\n"
	file := write(t, "turnserver.conf", text)
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	p.wait(t, "msg=ready")
	a, b := hold(t, url, "alice", "one"), hold(t, url, "alice", "one")
	alive(t, a, b)
	// And many that only wait.
	var others []held
	for range 200 {
		others = append(others, hold(t, url, "alice", "one"))
	}
	control := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
	}}}
	defer control.CloseIdleConnections()
	for i := range 1000 {
		rewrite(t, file, fmt.Sprintf("%suser=number-%d:two\nuser-quota=%d\ndenied-peer-ip=198.41.7.%d\n", text, i, 300+i, i%250))
		r, err := control.Post("http://server/reload", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		told, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(told), `"user","`) {
			t.Fatalf("reload %d: %s %s %v", i, r.Status, told, err)
		}
		data := fmt.Appendf(nil, "packet %d", i)
		a.turn.Send(b.relayed, data, &a.out)
		for _, m := range a.out.Sends {
			if _, err := a.conn.Write(m); err != nil {
				t.Fatal(err)
			}
		}
		a.out.Sends = nil
		b.receive(a.relayed, data, func() {})
	}
	alive(t, a, b)
	for i, c := range others {
		if code := c.do(func(now turn.Now, out *turn.ClientOutbox) { c.turn.Refresh(now, 600, out) }).Code; code != 0 {
			t.Fatalf("allocation %d of those that wait: a refresh got %d", i, code)
		}
	}
}

// The pages go by a new configuration too.
func TestReloadWeb(t *testing.T) {
	dir := t.TempDir()
	text := "realm=example.org\nuser=alice:one\nweb=on\n"
	file := write(t, "turnserver.conf", text)
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	g := greetingOf(t, p)
	p.wait(t, "msg=ready")
	page := open(t, g.Links[0], filepath.Join(dir, "self-signed.pem"))
	if status := page.ask("POST", "api/v1/credentials", "", "{}", nil); status != 401 {
		t.Errorf("credentials for a stranger: %d, want 401", status)
	}
	rewrite(t, file, text+"web-anonymous-credentials\n")
	must(t, "", nil, "reload", "--data-dir="+dir, "-c", file)
	var made struct {
		ICEServers []struct {
			URLs                 []string
			Username, Credential string
		} `json:"iceServers"`
	}
	if status := page.ask("POST", "api/v1/credentials", "", "{}", &made); status != 200 || len(made.ICEServers) == 0 {
		t.Fatalf("credentials for a stranger: %d, %+v", status, made)
	}
	hold(t, made.ICEServers[0].URLs[0], made.ICEServers[0].Username, made.ICEServers[0].Credential)
}

// Revoking ends what a user has now, whoever asks for it by whichever name.
func TestRevoke(t *testing.T) {
	dir := t.TempDir()
	file := write(t, "turnserver.conf", "realm=example.org\nuser=alice:one\nuser=bob:two\n")
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	a, b := hold(t, url, "alice", "one"), hold(t, url, "bob", "two")
	alive(t, a, b)
	var r struct {
		Realm string
		Ended int
	}
	must(t, "", &r, "user", "revoke", "alice", "--data-dir="+dir, "-c", file)
	if r.Ended != 1 || r.Realm != "example.org" {
		t.Errorf("ended %+v", r)
	}
	if code := a.permit(b.relayed.Addr()); code != 437 {
		t.Errorf("alice, who is revoked, got %d, want 437", code)
	}
	if code := b.permit(a.relayed.Addr()); code != 0 {
		t.Errorf("bob got %d", code)
	}
	elsewhere := command(t, "", "user", "revoke", "alice", "--data-dir="+t.TempDir())
	if elsewhere.code != 1 || !strings.Contains(elsewhere.err, "no server runs") {
		t.Errorf("exit %d: %s", elsewhere.code, elsewhere.err)
	}
}

// Who is removed, or given another password, goes on until the next refresh; with
// --now the calls end, and whoever was removed does not come back (A-A09).
func TestRemoveNow(t *testing.T) {
	dir := t.TempDir()
	file := write(t, "turnserver.conf", "realm=example.org\nlt-cred-mech\nuserdb="+filepath.Join(dir, "turndb")+"\n")
	at := []string{"--data-dir=" + dir, "-c", file}
	user := func(words ...string) []string { return append(append([]string{"user"}, words...), at...) }
	for _, name := range []string{"alice", "bob", "carol"} {
		must(t, "", nil, user("add", name, "-p", "one")...)
	}
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, p).ICEServers[0].URLs[0]
	a, b, c := hold(t, url, "alice", "one"), hold(t, url, "bob", "one"), hold(t, url, "carol", "one")
	alive(t, a, b)
	if said := must(t, "", nil, user("remove", "carol")...); !strings.Contains(said, "until their next refresh") {
		t.Errorf("carol: %s", said)
	}
	var r struct{ Ended int }
	must(t, "", &r, user("remove", "alice", "--now")...)
	if r.Ended != 1 {
		t.Errorf("of alice %d were ended", r.Ended)
	}
	if _, code := dial(t, url, "alice", "one", "").allocate(); code != 401 {
		t.Errorf("alice, who is removed, got %d, want 401", code)
	}
	must(t, "", &r, user("set", "bob", "-p", "two", "--now")...)
	if r.Ended != 1 {
		t.Errorf("of bob %d were ended", r.Ended)
	}
	if _, code := dial(t, url, "bob", "one", "").allocate(); code != 401 {
		t.Errorf("bob with the old password got %d, want 401", code)
	}
	hold(t, url, "bob", "two")
	if code := c.permit(c.relayed.Addr()); code != 0 {
		t.Errorf("carol, whose call goes on, got %d", code)
	}
	must(t, "", nil, user("add", "dave", "-p", "one")...)
	elsewhere := command(t, "", "user", "remove", "dave", "--now", "--data-dir="+t.TempDir(), "--userdb="+filepath.Join(dir, "turndb"), "--realm=example.org")
	if elsewhere.code != 1 || !strings.Contains(elsewhere.err, "no call was ended") || !strings.Contains(elsewhere.out, "removed user dave") {
		t.Errorf("exit %d: %s%s", elsewhere.code, elsewhere.out, elsewhere.err)
	}
}

// Draining keeps who is there, turns others away, and ends with the last call.
func TestDrain(t *testing.T) {
	for _, by := range []string{"command", "signal"} {
		t.Run(by, func(t *testing.T) {
			dir := t.TempDir()
			p := serve(t, append(onLoopback(t, dir), "--json")...)
			g := greetingOf(t, p).ICEServers[0]
			p.wait(t, "msg=ready")
			a, b := hold(t, g.URLs[0], g.Username, g.Credential), hold(t, g.URLs[0], g.Username, g.Credential)
			if by == "command" {
				must(t, "", nil, "drain", "--data-dir="+dir)
			} else if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			p.wait(t, "draining")
			waitFor(t, "a refusal", func() bool {
				_, code := dial(t, g.URLs[0], g.Username, g.Credential, "").allocate()
				return code == 403
			})
			alive(t, a, b)
			must(t, "", nil, "user", "revoke", g.Username[strings.Index(g.Username, ":")+1:], "--data-dir="+dir)
			p.wait(t, "drained")
			<-p.done
			if p.code != 0 {
				t.Errorf("exit %d: %s", p.code, p.err)
			}
		})
	}
}

// A second server in one data directory takes nothing from the first: commands go
// on to reach that one, and still do once the second has ended.
func TestSecondServerInDataDir(t *testing.T) {
	dir := t.TempDir()
	text := "realm=example.org\nuser=alice:one\n"
	file := write(t, "turnserver.conf", text)
	first := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	url := greetingOf(t, first).ICEServers[0].URLs[0]
	second := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	greetingOf(t, second)
	at := []string{"reload", "--data-dir=" + dir, "-c", file}
	var r reloaded
	rewrite(t, file, text+"user=bob:two\n")
	must(t, "", &r, at...)
	hold(t, url, "bob", "two")
	if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-second.done
	rewrite(t, file, text+"user=carol:three\n")
	must(t, "", &r, at...)
	hold(t, url, "carol", "three")
}

// Revoking finds a user by every form of the name: as it was typed, and as the log
// has that of a credential which was made for a page.
//
// R-8489-14.3-b (RFC 8489, 14.3): two spellings that look the same are one user.
func TestRevokeByAnyName(t *testing.T) {
	dir := t.TempDir()
	file := write(t, "turnserver.conf", "realm=example.org\nuser=caf\u00e9:one\nweb=on\nweb-anonymous-credentials\n")
	p := serve(t, append(onLoopback(t, dir), "-c", file, "--json")...)
	greeting := greetingOf(t, p)
	p.wait(t, "msg=ready")
	var made struct {
		ICEServers []struct{ Username, Credential string } `json:"iceServers"`
	}
	page := open(t, greeting.Links[0], filepath.Join(dir, "self-signed.pem"))
	if status := page.ask("POST", "api/v1/credentials", "", "{}", &made); status != 200 || len(made.ICEServers) == 0 {
		t.Fatalf("credentials for a stranger: %d, %+v", status, made)
	}
	url, stranger := greeting.ICEServers[0].URLs[0], made.ICEServers[0]
	hold(t, url, "caf\u00e9", "one")
	hold(t, url, stranger.Username, stranger.Credential)
	for _, name := range []string{"cafe\u0301", stranger.Username} {
		var r struct{ Ended int }
		must(t, "", &r, "user", "revoke", name, "--data-dir="+dir, "-c", file)
		if r.Ended != 1 {
			t.Errorf("of %+q %d were ended", name, r.Ended)
		}
	}
	if out := command(t, "", "user", "revoke", "", "--data-dir="+dir, "-c", file); out.code != 1 {
		t.Errorf("nobody: exit %d: %s", out.code, out.out)
	}
}
