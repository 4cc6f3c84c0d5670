package web

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// original is a checkout in small: one demo that names servers of its own, one
// that leaves them to the library, one folder with a list.
func original() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"README.md":        file("not a demo"),
		"demos/index.html": file("the original list"),
		"demos/plain.html": file(`<script>
connection.socketURL = '/';
connection.iceServers = [{
    'urls': [
        'stun:stun.example.net:19302',
        'stun:stun1.example.net:19302?transport=udp',
    ]
}];
connection.openOrJoin('x');
</script>`),
		"demos/dashboard/index.html":    file("<script>\nconnection.socketURL = '/';\n// connection.socketURL = 'https://elsewhere.example:9001/';\n</script>"),
		"demos/none.html":               file("<p>no call here</p>"),
		"demos/menu.js":                 file("menu"),
		"demos/calls.js":                file("connection.socketURL = '/';\nconnection.iceServers = [{urls: ['stun:stun.example.net']}];"),
		"demos/long.js":                 file("connection.iceServers = [{urls: ['stun:x']}];" + strings.Repeat(" ", longestPage)),
		"demos/logo.png":                file("png"),
		"demos/video-broadcasting.html": file("small letters"),
		"demos/conference.html":         file("theirs"),
		"demos/notes.md":                file("notes"),
	}
}

func given(raw string) func(*http.Request) json.RawMessage {
	return func(*http.Request) json.RawMessage { return json.RawMessage(raw) }
}

func TestOriginalDemos(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{"a checkout": original(), "its folder": folder(original())} {
		h := newHandler(built(t), Options{DemosDir: files, ICEServers: given(`[{"urls":["turn:h"],"username":"u","credential":"</script><b>"}]`)})
		const servers = `connection.iceServers = [{"urls":["turn:h"],"username":"u","credential":"\u003c/script\u003e\u003cb\u003e"}];`
		_, plain := get(t, h, "GET", "/demos/plain.html")
		if want := "connection.socketURL = '/';\n" + servers + "\nconnection.openOrJoin('x');"; !strings.Contains(plain, want) || strings.Contains(plain, "example.net") {
			t.Errorf("%s: servers were not replaced:\n%s", name, plain)
		}
		_, board := get(t, h, "GET", "/demos/dashboard/")
		if want := "connection.socketURL = '/';\n" + servers + "\n// connection"; !strings.Contains(board, want) {
			t.Errorf("%s: servers were not added:\n%s", name, board)
		}
		for path, want := range map[string]string{
			"/demos/calls.js": "connection.socketURL = '/';\n" + servers, "/demos/long.js": string(original()["demos/long.js"].Data),
			"/demos/original/": "the original list", "/demos/original/none.html": "<p>no call here</p>", "/demos/none.html": "<p>no call here</p>",
			"/demos/menu.js": "menu", "/demos/Video-Broadcasting.html": "small letters",
			// Our own pages come first.
			"/demos/": "the demos", "/demos/conference": "a conference", "/demos/conference.html": "theirs",
		} {
			if r, body := get(t, h, "GET", path); r.StatusCode != 200 || body != want {
				t.Errorf("%s, %s: %d %q", name, path, r.StatusCode, body)
			}
		}
		for _, path := range []string{"/demos/notes.md", "/README.md", "/demos/README.md", "/demos/nowhere.html", "/demos/nowhere/"} {
			if r, _ := get(t, h, "GET", path); r.StatusCode != 404 {
				t.Errorf("%s, %s: %d", name, path, r.StatusCode)
			}
		}
	}
}

// folder is what is in the folder demos, as if that were all.
func folder(files fstest.MapFS) fstest.MapFS {
	all := fstest.MapFS{}
	for name, f := range files {
		if rest, ok := strings.CutPrefix(name, "demos/"); ok {
			all[rest] = f
		}
	}
	return all
}

// Addresses of these pages are built from their own, so folders end with a
// slash; the key of a link stays with it.
func TestOriginalRedirects(t *testing.T) {
	h := newHandler(built(t), Options{DemosDir: original()})
	for from, to := range map[string]string{
		"/demos/original": "/demos/original/", "/demos/dashboard?key=k": "/demos/dashboard/?key=k", "/demos/original/dashboard": "/demos/original/dashboard/",
	} {
		if r, _ := get(t, h, "GET", from); r.StatusCode != 308 || r.Header.Get("Location") != to {
			t.Errorf("%s: %d %q", from, r.StatusCode, r.Header.Get("Location"))
		}
	}
}

// H-10: the original demos have a policy of their own, which still names nobody
// else; pages with credentials are not kept.
func TestOriginalPolicy(t *testing.T) {
	h := newHandler(built(t), Options{DemosDir: original()})
	r, _ := get(t, h, "GET", "/demos/plain.html")
	policy := r.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self' 'unsafe-inline'") || strings.Contains(policy, "*") || strings.Contains(policy, "https:") {
		t.Errorf("policy %q", policy)
	}
	for _, path := range []string{"/demos/plain.html", "/demos/calls.js"} {
		for _, method := range []string{"GET", "HEAD"} {
			if r, _ := get(t, h, method, path); r.StatusCode != 200 || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s, with credentials: %d, %q", method, path, r.StatusCode, r.Header.Get("Cache-Control"))
			}
		}
	}
	if r, _ := get(t, h, "GET", "/demos/menu.js"); r.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("a script: %q", r.Header.Get("Cache-Control"))
	}
	if r, _ := get(t, h, "GET", "/demos/"); strings.Contains(r.Header.Get("Content-Security-Policy"), "unsafe") {
		t.Error("our own page has the policy of the originals")
	}
}

// A page without credentials has no servers at all, and never the four of the
// original.
func TestOriginalWithoutServers(t *testing.T) {
	for name, o := range map[string]Options{
		"no function": {}, "nothing": {ICEServers: given("")}, "no JSON": {ICEServers: given(`[]; alert(1)`)},
	} {
		o.DemosDir = original()
		_, body := get(t, newHandler(built(t), o), "GET", "/demos/plain.html")
		if !strings.Contains(body, "connection.iceServers = [];\n") || strings.Contains(body, "stun:") || strings.Contains(body, "alert") {
			t.Errorf("%s:\n%s", name, body)
		}
	}
	h := newHandler(built(t), Options{})
	if r, _ := get(t, h, "GET", "/demos/original/"); r.StatusCode != 404 {
		t.Errorf("original demos without a folder: %d", r.StatusCode)
	}
}

// The servers are asked for with the request: whose credentials they are is the
// server's business.
func TestOriginalRequest(t *testing.T) {
	asked := 0
	h := newHandler(built(t), Options{DemosDir: original(), ICEServers: func(r *http.Request) json.RawMessage {
		asked++
		all, err := json.Marshal([]map[string]string{{"urls": "stun:" + r.URL.Query().Get("key")}})
		if err != nil {
			t.Error(err)
		}
		return all
	}})
	if _, body := get(t, h, "GET", "/demos/plain.html?key=abc"); !strings.Contains(body, `[{"urls":"stun:abc"}]`) {
		t.Errorf("the key was not seen:\n%s", body)
	}
	// A credential is made for those alone who get it.
	asked = 0
	for _, one := range [][2]string{{"HEAD", "/demos/plain.html"}, {"GET", "/demos/none.html"}, {"GET", "/demos/menu.js"}, {"HEAD", "/demos/calls.js"}} {
		if r, _ := get(t, h, one[0], one[1]); r.StatusCode != 200 || asked != 0 {
			t.Errorf("%s %s: %d, asked %d times", one[0], one[1], r.StatusCode, asked)
		}
	}
}

// H-16: a link that leads out of the folder leads nowhere.
func TestOriginalLinks(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.html")
	inside := filepath.Join(dir, "checkout", "demos")
	if err := os.MkdirAll(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{outside, filepath.Join(inside, "a.html")} {
		if err := os.WriteFile(name, []byte("content of "+filepath.Base(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(inside, "link.html")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, "checkout"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	h := newHandler(built(t), Options{DemosDir: root.FS()})
	if r, body := get(t, h, "GET", "/demos/a.html"); r.StatusCode != 200 || body != "content of a.html" {
		t.Errorf("inside: %d %q", r.StatusCode, body)
	}
	if r, body := get(t, h, "GET", "/demos/link.html"); r.StatusCode != 404 || strings.Contains(body, "outside") {
		t.Errorf("outside: %d %q", r.StatusCode, body)
	}
}
