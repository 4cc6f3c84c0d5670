package web

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const big = "/* enough to be packed */"

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// built is a folder as the build leaves it.
func built(t *testing.T) fstest.MapFS {
	t.Helper()
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		".gitkeep":                                 file(""),
		"index.html":                               file("the start"),
		"test.html":                                file("the test"),
		"404.html":                                 file("no such page"),
		"demos/index.html":                         file("the demos"),
		"demos/conference.html":                    file("a conference"),
		"assets/test-a1b2.js":                      file(big),
		"assets/test-a1b2.js.gz":                   {Data: packed(t, big)},
		"icon.svg":                                 file("<svg/>"),
		"dist/RTCMultiConnection.js":               file("rmc"),
		"socket.io/socket.io.js":                   file("io"),
		"dev/getHTMLMediaElement.css":              file("css"),
		"node_modules/canvas-designer/widget.html": file("a widget"),
	}
}

// get asks a handler and returns the answer with its body.
func get(t *testing.T, h http.Handler, method, target string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://host.example:3478/", nil)
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestRoutes(t *testing.T) {
	h := newHandler(built(t), Options{})
	const js, html = "text/javascript; charset=utf-8", "text/html; charset=utf-8"
	for _, c := range []struct {
		path, body, kind, cache string
		code                    int
	}{
		{"/", "the start", html, "no-cache", 200},
		{"/test", "the test", html, "no-cache", 200},
		{"/demos/", "the demos", html, "no-cache", 200},
		{"/demos/conference", "a conference", html, "no-cache", 200},
		{"/assets/test-a1b2.js", big, js, "public, max-age=31536000, immutable", 200},
		{"/icon.svg", "<svg/>", "image/svg+xml", "no-cache", 200},
		{"/dist/RTCMultiConnection.js", "rmc", js, "public, max-age=3600", 200},
		{"/socket.io/socket.io.js", "io", js, "public, max-age=3600", 200},
		{"/dev/getHTMLMediaElement.css", "css", "text/css; charset=utf-8", "public, max-age=3600", 200},
		{"/node_modules/canvas-designer/widget.html", "a widget", html, "public, max-age=3600", 200},
		{"/nowhere", "no such page", html, "no-cache", 404},
		// Folders are not listed, and what the build left for itself is not served.
		{"/assets/", "no such page", html, "no-cache", 404},
		{"/socket.io/", "no such page", html, "no-cache", 404},
		{"/.gitkeep", "no such page", html, "no-cache", 404},
		{"/assets/test-a1b2.js.gz", "no such page", html, "no-cache", 404},
		{"/404", "no such page", html, "no-cache", 404},
	} {
		r, body := get(t, h, "GET", c.path)
		if r.StatusCode != c.code || body != c.body || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q %q", c.path, r.StatusCode, body, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
		}
	}
}

func TestRedirects(t *testing.T) {
	h := newHandler(built(t), Options{})
	for from, to := range map[string]string{
		"/index.html": "/", "/test/": "/test", "/test.html": "/test", "/demos": "/demos/", "/demos/index.html": "/demos/",
		"/demos/conference/": "/demos/conference", "/demos?a=b&c=d": "/demos/?a=b&c=d",
	} {
		r, _ := get(t, h, "GET", from)
		if r.StatusCode != http.StatusPermanentRedirect || r.Header.Get("Location") != to {
			t.Errorf("%s: %d to %q, not to %q", from, r.StatusCode, r.Header.Get("Location"), to)
		}
	}
}

// H-16: nothing outside of what was built can be named.
func TestTraversal(t *testing.T) {
	secret := fstest.MapFS{"secret": {Data: []byte("secret")}, "demos/a.html": {Data: []byte("a")}, "demos/.git/config": {Data: []byte("secret")}, "demos/x.php": {Data: []byte("secret")}}
	h := newHandler(built(t), Options{DemosDir: secret})
	for _, p := range []string{
		"/../web.go", "/assets/../../web.go", "//etc/passwd", "/./test", "/demos//a.html", `/..\web.go`, "/test\x00", "/demos/../secret", "/demos/../../etc/passwd",
		"/demos/original/../../secret", "/demos/.git/config", "/demos/.git", "/demos/.", "/demos/..", "/demos/x.php", "/demos/\x00", "test", "", "/demos/original//", "/%2e%2e/web.go",
	} {
		r, body := get(t, h, "GET", p)
		if r.StatusCode != 404 || strings.Contains(body, "secret") || strings.Contains(body, "package") {
			t.Errorf("%q: %d %q", p, r.StatusCode, body)
		}
	}
	// As they come over the wire, through the parser of the standard library.
	server := httptest.NewServer(h)
	defer server.Close()
	for _, p := range []string{"/..%2f..%2fweb.go", "/%2e%2e/web.go", "/demos/..%2fsecret", "/demos/%2e%2e%2fsecret", "/demos/a.html%00.js", "/assets/..%5c..%5cweb.go"} {
		r, err := http.Get(server.URL + p)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != 404 || strings.Contains(string(body), "secret") {
			t.Errorf("%q: %d %q", p, r.StatusCode, body)
		}
	}
}

// H-13: GET and HEAD alone.
func TestMethods(t *testing.T) {
	h := newHandler(built(t), Options{DemosDir: original()})
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "BREW"} {
		for _, p := range []string{"/", "/nowhere", "/demos/plain.html"} {
			r, _ := get(t, h, method, p)
			if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, p, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
	for _, p := range []string{"/", "/nowhere", "/assets/test-a1b2.js", "/demos/plain.html"} {
		g, body := get(t, h, "GET", p)
		r, none := get(t, h, "HEAD", p)
		if r.StatusCode != g.StatusCode || none != "" || body == "" || r.Header.Get("Content-Type") != g.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %q", p, r.StatusCode, none)
		}
	}
}

// H-11: headers on every answer, whatever it is.
func TestHeaders(t *testing.T) {
	h := newHandler(built(t), Options{DemosDir: original()})
	for _, c := range [][2]string{{"GET", "/"}, {"GET", "/nowhere"}, {"GET", "/demos"}, {"POST", "/"}, {"GET", "/assets/test-a1b2.js"}, {"GET", "/demos/plain.html"}, {"GET", "/dist/RTCMultiConnection.js"}, {"GET", "/../x"}} {
		r, _ := get(t, h, c[0], c[1])
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Content-Security-Policy": "base-uri 'none'", "Permissions-Policy": "camera=(self)", "Cache-Control": "", "X-Frame-Options": "",
		} {
			if got := r.Header.Get(name); got == "" || !strings.Contains(got, want) {
				t.Errorf("%v: %s is %q", c, name, got)
			}
		}
		if r.Header.Get("Server") != "" || r.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%v: Server %q, Strict-Transport-Security %q over plain HTTP", c, r.Header.Get("Server"), r.Header.Get("Strict-Transport-Security"))
		}
	}
	r := httptest.NewRequest("GET", "https://h/", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("Strict-Transport-Security without knowing the certificate")
	}
}

// H-10: our pages run nothing that stands in them, and name nobody else.
func TestPolicy(t *testing.T) {
	h := newHandler(built(t), Options{DemosDir: original()})
	r, _ := get(t, h, "GET", "/test")
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://host.example:3478 wss://host.example:3478; " +
		"img-src 'self' data:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
	if got := r.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy of our pages\n%s\n%s", got, want)
	}
	// Scripts of others may be loaded by pages elsewhere, ours may not.
	for p, want := range map[string]string{"/dist/RTCMultiConnection.js": "cross-origin", "/assets/test-a1b2.js": "same-origin"} {
		if r, _ := get(t, h, "GET", p); r.Header.Get("Cross-Origin-Resource-Policy") != want {
			t.Errorf("%s: %q", p, r.Header.Get("Cross-Origin-Resource-Policy"))
		}
	}
	for _, host := range []string{"a b", "h;script-src *", "h,x", "h'", "h\r\nX: y", ""} {
		q := httptest.NewRequest("GET", "/", nil)
		q.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, q)
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self';") {
			t.Errorf("host %q: %s", host, got)
		}
	}
}

func TestCompression(t *testing.T) {
	h := newHandler(built(t), Options{})
	const p = "/assets/test-a1b2.js"
	for accept, want := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "GZIP": true, "deflate,gzip ": true, "gzip; q=1": true,
		"": false, "br": false, "gzip;q=0": false, "x-gzip": false, "gzip;q=abc": false,
	} {
		r, body := get(t, h, "GET", p, "Accept-Encoding", accept)
		is := r.Header.Get("Content-Encoding") == "gzip"
		if is != want || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: packed %v, Vary %q", accept, is, r.Header.Get("Vary"))
		}
		if is {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			plain, _ := io.ReadAll(z)
			body = string(plain)
		}
		if body != big {
			t.Errorf("%q: %q", accept, body)
		}
	}
	// What was not packed is sent as it is.
	if r, body := get(t, h, "GET", "/test", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" || body != "the test" {
		t.Errorf("plain page: %q %q", r.Header.Get("Content-Encoding"), body)
	}
	if r, body := get(t, h, "GET", p, "Accept-Encoding", "gzip", "Range", "bytes=3-8"); r.StatusCode != 206 || body != big[3:9] {
		t.Errorf("part: %d %q", r.StatusCode, body)
	}
}

func TestNotModified(t *testing.T) {
	h := newHandler(built(t), Options{})
	const p = "/assets/test-a1b2.js"
	plain, _ := get(t, h, "GET", p)
	squeezed, _ := get(t, h, "GET", p, "Accept-Encoding", "gzip")
	tag, gzipTag := plain.Header.Get("ETag"), squeezed.Header.Get("ETag")
	if len(tag) < 10 || tag == gzipTag {
		t.Fatalf("tags %s and %s", tag, gzipTag)
	}
	if r, body := get(t, h, "GET", p, "If-None-Match", tag); r.StatusCode != 304 || body != "" || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("same tag: %d %q", r.StatusCode, body)
	}
	if r, _ := get(t, h, "GET", p, "If-None-Match", gzipTag, "Accept-Encoding", "gzip"); r.StatusCode != 304 {
		t.Errorf("same packed tag: %d", r.StatusCode)
	}
	if r, _ := get(t, h, "GET", p, "If-None-Match", `"other"`); r.StatusCode != 200 {
		t.Errorf("another tag: %d", r.StatusCode)
	}
	if r, _ := get(t, h, "GET", "/nowhere", "If-None-Match", "*"); r.StatusCode != 404 {
		t.Errorf("a page that is not there: %d", r.StatusCode)
	}
}

// Without npm there are no pages, and a page says so.
func TestUnbuilt(t *testing.T) {
	h := newHandler(fstest.MapFS{".gitkeep": {}}, Options{})
	for _, p := range []string{"/", "/test", "/demos/"} {
		r, body := get(t, h, "GET", p)
		if r.StatusCode != 200 || !strings.Contains(body, "npm") || strings.Contains(body, "<style") || strings.Contains(body, "<script") {
			t.Errorf("%s: %d %q", p, r.StatusCode, body)
		}
	}
	if r, body := get(t, h, "GET", "/nowhere"); r.StatusCode != 404 || body != "Not Found\n" {
		t.Errorf("nowhere: %d %q", r.StatusCode, body)
	}
}

// Every page and script that others rely on is embedded.
func TestEmbedded(t *testing.T) {
	h := New(Options{})
	if r, _ := get(t, h, "GET", "/"); r.StatusCode != 200 {
		t.Fatalf("the start: %d", r.StatusCode)
	}
	if _, err := fs.Stat(embedded(), "index.html"); err != nil {
		t.Fatal("the pages are not built: make pages")
	}
	for _, p := range []string{
		"/test", "/demos/", "/demos/conference", "/demos/one-to-one", "/demos/screen", "/demos/chat", "/licenses.txt", "/favicon.ico", "/icon.svg",
		"/dist/RTCMultiConnection.min.js", "/dist/RTCMultiConnection.js", "/dev/getHTMLMediaElement.js", "/dev/getHTMLMediaElement.css",
		"/socket.io/socket.io.js", "/socket.io/socket.io.min.js", "/socket.io/socket.io.esm.min.js", "/node_modules/webrtc-adapter/out/adapter.js",
		"/node_modules/recordrtc/RecordRTC.js", "/node_modules/fbr/FileBufferReader.js", "/node_modules/getstats/getStats.js",
		"/node_modules/multistreamsmixer/MultiStreamsMixer.js", "/node_modules/canvas-designer/widget.html",
	} {
		if r, body := get(t, h, "GET", p); r.StatusCode != 200 || body == "" {
			t.Errorf("%s: %d", p, r.StatusCode)
		}
	}
}
