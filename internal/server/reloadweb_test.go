package server

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"iceserver/internal/config"
)

// inRoom is a client of the signaling on a WebSocket.
type inRoom struct {
	t    *testing.T
	conn *websocket.Conn
}

// enterRoom connects a user to the signaling at an address, and has it open a room.
func enterRoom(t *testing.T, at netip.AddrPort, user, room string) *inRoom {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+at.String()+"/socket.io/?EIO=4&transport=websocket&userid="+user, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	c := &inRoom{t, conn}
	c.say("40", "40{")
	c.say(fmt.Sprintf(`421["open-room",{"sessionid":%q}]`, room), "431[true]")
	return c
}

// say sends a frame and waits for one that begins as the answer does.
func (c *inRoom) say(text, answer string) {
	c.t.Helper()
	if err := c.ask(text, answer); err != nil {
		c.t.Fatalf("after %s: %v", text, err)
	}
}

func (c *inRoom) ask(text, answer string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return err
	}
	for {
		_, got, err := c.conn.Read(ctx)
		if err != nil || strings.HasPrefix(string(got), answer) {
			return err
		}
	}
}

// there fails unless the client is in its room still.
func (c *inRoom) there(room string) {
	c.t.Helper()
	c.say(fmt.Sprintf(`422["check-presence",%q]`, room), `432[true,"`+room+`"`)
}

// status is what the pages answer at an address, 0 where nobody listens.
func (r *running) pagesAt(t *testing.T, at string) int {
	t.Helper()
	answer, err := r.browser(t, "").Get("http://" + at + "/api/v1/status")
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// The pages go on and off and to other ports with a reload, while a client relays
// media; what is refused leaves them where they were.
func TestReloadWeb(t *testing.T) {
	const text = "realm=r\nuser=alice:a-long-password\n"
	r, write := reloadable(t, text+"web=off")
	turnAt := r.Addrs().TCP[0].String()
	alice := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
	alice.until = time.Now().Add(5 * time.Minute)
	allocated, err := alice.allocate()
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.permit(allocated.Relayed.Addr()); err != nil {
		t.Fatal(err)
	}
	first, second := freePort(t), freePort(t)
	port := func(n uint16) string { return fmt.Sprintf("127.0.0.1:%d", n) }
	for _, s := range []struct {
		name, keys           string
		refused              string
		onTURN, first, other int
	}{
		{"on", "web=on", "", 200, 0, 0},
		{"off", "web=off", "", 404, 0, 0},
		{"on a port", fmt.Sprintf("web=on\nweb-port=%d", first), "", 404, 200, 0},
		{"on another port", fmt.Sprintf("web=on\nweb-port=%d", second), "", 404, 0, 200},
		{"a port that is taken", fmt.Sprintf("web=on\nweb-port=%d", r.Addrs().UDP[0].Port()), "choose another port", 404, 0, 200},
		{"no demos", "web=on\ndemos-dir=/nowhere/at/all", "demos-dir", 404, 0, 200},
		{"no keys", "web=on\nsignaling-auth=token\nsignaling-audience=a\nsignaling-jwks=/nowhere", "signaling-jwks", 404, 0, 200},
		{"one mistake among good keys", fmt.Sprintf("web=on\nweb-port=%d\ndemos-dir=/nowhere", first), "demos-dir", 404, 0, 200},
		{"local", "web=local", "", 200, 0, 0},
		{"off again", "web=off", "", 404, 0, 0},
	} {
		write(text + s.keys)
		got, err := r.Reload()
		if (err == nil) != (s.refused == "") || err != nil && !strings.Contains(err.Error(), s.refused) || anyOf(got.Restart, "web", "web-port", "demos-dir") {
			t.Errorf("%s: %+v, %v", s.name, got, err)
		}
		for at, want := range map[string]int{turnAt: s.onTURN, port(first): s.first, port(second): s.other} {
			if got := r.pagesAt(t, at); got != want {
				t.Errorf("%s: %s answers %d, want %d", s.name, at, got, want)
			}
		}
		if err := alice.echo(allocated.Relayed); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// Rooms go on through reloads: those that do not concern them, those of their own
// limits, and even those that have the pages move; they end with the pages.
func TestReloadKeepsRooms(t *testing.T) {
	const text = "realm=r\nuser=alice:a-long-password\nno-tls\n"
	r, write := reloadable(t, text+"web=on")
	at := r.Addrs().TCP[0]
	owner := enterRoom(t, at, "owner", "kept")
	reload := func(keys string) {
		t.Helper()
		write(text + keys)
		if got, err := r.Reload(); err != nil || len(got.Restart) > 3 { // the ports and the directory that load picks
			t.Fatalf("%q: %+v, %v", keys, got, err)
		}
	}
	for _, keys := range []string{
		"web=on\nuser-quota=5", "web=on\nsignaling-max-rooms=1\nsignaling-heartbeat=60\nsignaling-grace-period=0",
		"web=on\nweb-trusted-proxies=127.0.0.1", "web=local", "web=on\nsignaling-max-per-address=1\nsignaling-max-rooms=1",
	} {
		reload(keys)
		owner.there("kept")
	}
	// One address may have one by now, and that is there.
	if status, _ := poll(t, r, "GET", "", "", ""); status != 429 {
		t.Errorf("a second one of that address: %d", status)
	}
	// Behind a proxy that is trusted from now on there are others.
	reload("web=on\nsignaling-max-per-address=1\nweb-trusted-proxies=127.0.0.1")
	if status, _ := poll(t, r, "GET", "", "", "203.0.113.7"); status != 200 {
		t.Errorf("behind a proxy: %d", status)
	}
	reload("web=on\nsignaling-auth=token\nsignaling-secret=0123456789abcdef0123456789abcdef")
	owner.there("kept")
	reload("web=off")
	if err := owner.ask("423[\"check-presence\",\"kept\"]", "433"); err == nil {
		t.Error("the signaling goes on without pages")
	}
	reload("web=on")
	enterRoom(t, at, "owner", "kept").there("kept")
}

// The demos are those of the folder that is named now, and of what is at its path now.
func TestReloadDemosDir(t *testing.T) {
	const text = "realm=r\nuser=alice:a-long-password\nno-tls\nweb=on\n"
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "demo.html"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link")
	r, write := reloadable(t, text)
	for _, s := range []struct{ keys, link, want string }{
		{"demos-dir=" + filepath.Join(dir, "one"), "", "one"},
		{"demos-dir=" + link, "two", "two"},
		{"demos-dir=" + link, "one", "one"},
		{"", "", ""},
	} {
		if s.link != "" {
			_ = os.Remove(link)
			if err := os.Symlink(filepath.Join(dir, s.link), link); err != nil {
				t.Fatal(err)
			}
		}
		write(text + s.keys)
		if _, err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		answer, body := get(t, r.browser(t, ""), "http://"+r.Addrs().TCP[0].String()+"/demos/demo.html")
		if s.want != "" && body != s.want || s.want == "" && answer.StatusCode != 404 {
			t.Errorf("%q: %s %s", s.keys, answer.Status, body)
		}
	}
}

// What is named by no key that has changed is read anew too.
func TestReloadReadsAgain(t *testing.T) {
	dir := t.TempDir()
	r, _ := reloadable(t, "realm=r\nuser=alice:a-long-password\nno-tls\nweb=on\ndemos-dir="+dir)
	same := *r.cfg()
	r.o.Load = func() (*config.Config, error) { return &same, nil }
	if got, err := r.Reload(); err != nil || len(got.Changed) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), "demos-dir") {
		t.Errorf("with a folder that has gone: %v", err)
	}
}
