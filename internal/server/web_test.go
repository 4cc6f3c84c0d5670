package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/stun"
	"iceserver/test/servertest"
)

// attemptsOf asks the API as the holder of a key does.
func attemptsOf(t *testing.T, l *holders, key string) []admin.Attempt {
	t.Helper()
	api := admin.New(admin.Options{Links: l, Attempts: l.attempts})
	r := httptest.NewRequest("GET", "/api/v1/attempts", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	var answer struct{ Attempts []admin.Attempt }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return answer.Attempts
}

// browser is a client that trusts the server's own certificate and follows no
// redirects. From is where it comes from; empty: wherever the system likes.
func (r *running) browser(t *testing.T, from string, protocols ...string) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if r.certs != nil {
		pool.AddCert(r.certs.Leaf())
	}
	d := net.Dialer{}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	tr := &http.Transport{
		DialContext: d.DialContext, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool, NextProtos: protocols},
	}
	if len(protocols) > 0 {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetHTTP1(protocols[0] == "http/1.1")
		tr.Protocols.SetHTTP2(protocols[0] == "h2")
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get returns status, protocol, body and where it leads.
func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// bind asks for a STUN binding over a stream.
func bind(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	b := stun.NewBuilder(nil, stun.MethodBinding, stun.ClassRequest, stun.TransactionID{1})
	if _, err := c.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, stun.HeaderSize)
	if _, err := io.ReadFull(c, head); err != nil || head[0] != 1 || head[1] != 1 {
		t.Errorf("% x, error %v", head, err)
	}
}

// One port has TURN, HTTPS of both versions and, for this machine, plain HTTP.
func TestWebOnEveryPort(t *testing.T) {
	r := start(t, load(t, ""), Options{Version: "1.2.3"})
	r.log.Wait(t, "msg=ready")
	a := r.Addrs()
	for _, at := range []string{a.TCP[0].String(), a.TLS[0].String()} {
		for _, protocol := range []string{"http/1.1", "h2"} {
			answer, body := get(t, r.browser(t, "", protocol), "https://"+at+"/api/v1/status")
			if answer.StatusCode != 200 || (answer.ProtoMajor == 2) != (protocol == "h2") || !strings.Contains(body, `"turn":"ok"`) {
				t.Errorf("%s %s: %s %s", at, protocol, answer.Proto, body)
			}
		}
		answer, body := get(t, r.browser(t, ""), "http://"+at+"/api/v1/status")
		if answer.StatusCode != 200 || !strings.Contains(body, `"version":"1.2.3"`) || !strings.Contains(body, `"status":"self-signed"`) {
			t.Errorf("%s: %s %s", at, answer.Status, body)
		}
		plain, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		bind(t, plain)
		for _, alpn := range [][]string{nil, {"stun.turn"}} {
			secure, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, NextProtos: alpn})
			if err != nil {
				t.Fatal(err)
			}
			bind(t, secure)
		}
	}
	// The pages, the signaling and its scripts are each with their own.
	for path, want := range map[string]int{"/": 200, "/test": 200, "/nowhere": 404, "/socket.io/?EIO=4&transport=polling": 200, "/socket.io/?EIO=9": 400} {
		if answer, body := get(t, r.browser(t, ""), "http://"+a.TCP[0].String()+path); answer.StatusCode != want {
			t.Errorf("%s: %s %.200s", path, answer.Status, body)
		}
	}
}

// elsewhere is an address of this machine that is not loopback: who comes from
// there counts as somebody else. A machine that has none gets one for the test.
func elsewhere(t *testing.T) string {
	t.Helper()
	found, err := discover()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range found {
		if l.addr.Is4() && !l.addr.IsLoopback() {
			return l.addr.String()
		}
	}
	const at = "198.18.77.1"
	if text, err := exec.Command("ip", "addr", "add", at+"/32", "dev", "lo").CombinedOutput(); err != nil {
		t.Fatalf("this machine has only loopback, and takes no other address (that needs Linux and root): %v\n%s", err, text)
	}
	t.Cleanup(func() {
		if text, err := exec.Command("ip", "addr", "del", at+"/32", "dev", "lo").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	})
	return at
}

// H-25, A-C18: over plain HTTP others than this machine are sent to HTTPS, at the
// port where that is; with web=local they are sent nowhere.
func TestOthersNeedHTTPS(t *testing.T) {
	from := elsewhere(t)
	r := start(t, load(t, ""), Options{})
	r.log.Wait(t, "msg=ready")
	a := r.Addrs()
	for _, at := range []netip.AddrPort{a.TCP[0], a.TLS[0]} {
		answer, body := get(t, r.browser(t, from), "http://"+at.String()+"/test?key=x")
		if to := answer.Header.Get("Location"); answer.StatusCode != 308 || to != "https://"+a.TLS[0].String()+"/test" || body != "" {
			t.Errorf("%v: %s %s %s", at, answer.Status, to, body)
		}
	}
	if answer, _ := get(t, r.browser(t, from), "https://"+a.TLS[0].String()+"/api/v1/status"); answer.StatusCode != 200 {
		t.Errorf("%s", answer.Status)
	}
	local := start(t, load(t, "web=local"), Options{ConfigFile: "f"})
	local.log.Wait(t, "msg=ready")
	for who, want := range map[string]int{from: 404, "": 200} {
		for _, url := range []string{"https://" + local.Addrs().TLS[0].String() + "/test", "http://" + local.Addrs().TCP[0].String() + "/test"} {
			if answer, _ := get(t, local.browser(t, who), url); answer.StatusCode != want {
				t.Errorf("%s from %q: %s", url, who, answer.Status)
			}
		}
	}
}

// A file that says nothing of the web has none; its ports answer as before.
func TestWebModes(t *testing.T) {
	for _, tt := range []struct {
		text, file string
		status     int
	}{
		{"", "", 200}, {"", "turnserver.conf", 404}, {"web=on", "turnserver.conf", 200}, {"web=local", "turnserver.conf", 200}, {"web=off", "", 404},
		{"web=on\nno-auth", "f", 200}, {"web=on\nsignaling-auth=token\nsignaling-secret=0123456789abcdef0123456789abcdef", "f", 200}, {"web=on\nstun-only", "f", 200}, {"web=on\nno-tls", "f", 200},
	} {
		r := start(t, load(t, tt.text), Options{ConfigFile: tt.file})
		r.log.Wait(t, "msg=ready")
		answer, body := get(t, r.browser(t, ""), "http://"+r.Addrs().TCP[0].String()+"/api/v1/status")
		_, err := os.Stat(filepath.Join(r.access().kept.dir, linksName))
		if answer.StatusCode != tt.status || (err == nil) != (tt.status == 200) {
			t.Errorf("%q %q: %s, links: %v", tt.text, tt.file, body, err)
		}
		if strings.Contains(r.out.String(), "/test#key=") != (tt.status == 200) {
			t.Errorf("%q %q: greeting\n%s", tt.text, tt.file, r.out)
		}
		_ = r.stop()
	}
}

// A port of their own for the pages: there and nowhere else, without TURN, and
// never a peer.
func TestWebPort(t *testing.T) {
	port := strconv.Itoa(int(freePort(t)))
	r := start(t, load(t, "web=on\nno-tls\nweb-port="+port), Options{ConfigFile: "f"})
	r.log.Wait(t, "msg=ready")
	at := "127.0.0.1:" + port
	for _, url := range []string{"http://", "https://"} {
		if answer, body := get(t, r.browser(t, ""), url+at+"/api/v1/status"); answer.StatusCode != 200 {
			t.Errorf("%s: %s", url, body)
		}
	}
	if answer, body := get(t, r.browser(t, ""), "http://"+r.Addrs().TCP[0].String()+"/"); answer.StatusCode != 404 || !strings.Contains(body, "no pages here") {
		t.Errorf("%s %s", answer.Status, body)
	}
	if !strings.Contains(r.out.String(), "https://"+at+"/test#key=") || !strings.Contains(r.out.String(), "http://"+at+"/") {
		t.Errorf("greeting:\n%s", r.out)
	}
	if policy := r.policy(r.setup.Load()); !policy.Listener(netip.MustParseAddrPort(at)) {
		t.Error("the pages' port may be a peer")
	}
	busy := load(t, "web-port="+port)
	if _, err := New(busy, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("error %v", err)
	}
}

// Mistakes in what the pages need are told before anything is served.
func TestWebRefuses(t *testing.T) {
	for text, want := range map[string]string{"demos-dir=/nowhere/at/all": "demos-dir", "web=on\nno-tcp\nno-tls": ""} {
		s, err := New(load(t, text), Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) || want == "" && err != nil {
			t.Errorf("%s: error %v", text, err)
		}
		if err == nil {
			over, cancel := context.WithCancel(t.Context())
			cancel()
			_ = s.Run(over)
		}
	}
}

// The original demos get the servers that their address entitles to, and no
// path leads out of their folder (H-16).
func TestDemosDir(t *testing.T) {
	dir := t.TempDir()
	page := "<script>connection.socketURL = '/';\nconnection.iceServers = [{ 'urls': ['stun:elsewhere.example:19302'] }];</script>"
	if err := os.WriteFile(filepath.Join(dir, "call.html"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out.txt")); err != nil {
		t.Log(err)
	}
	r := start(t, load(t, "demos-dir="+dir), Options{})
	r.log.Wait(t, "msg=ready")
	base := "http://" + r.Addrs().TCP[0].String()
	for query, want := range map[string]string{"": `"urls":["stun:127.0.0.1:`, "?key=" + r.web.firstKey: `"credential":"`} {
		if answer, body := get(t, r.browser(t, ""), base+"/demos/call.html"+query); !strings.Contains(body, want) || strings.Contains(body, "elsewhere.example") {
			t.Errorf("%q: %s %s", query, answer.Status, body)
		}
	}
	for _, path := range []string{"/demos/out.txt", "/demos/..%2f..%2fetc/passwd", "/demos/%00"} {
		if answer, body := get(t, r.browser(t, ""), base+path); answer.StatusCode == 200 || strings.Contains(body, "root:") {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

// A-L02: the key of the first link is printed once, where the operator looks, and
// no log or file has it.
func TestFirstLink(t *testing.T) {
	dir := t.TempDir()
	var key string
	for i := range 2 {
		r := start(t, load(t, "verbose\ndata-dir="+dir), Options{JSON: true})
		r.log.Wait(t, "msg=ready")
		var g greeting
		if err := json.Unmarshal([]byte(r.out.String()), &g); err != nil {
			t.Fatal(err)
		}
		if len(g.Pages) != 2 || (len(g.Links) == 2) != (i == 0) || !strings.Contains(g.LinkCommand, "link add --data-dir "+dir) {
			t.Errorf("start %d: %q %q %q", i, g.Pages, g.Links, g.LinkCommand)
		}
		if i == 0 {
			_, key, _ = strings.Cut(g.Links[0], "#key=")
			for _, path := range []string{"/api/v1/credentials", "/api/v1/attempts"} {
				r.post(t, path, key)
			}
		}
		_ = r.stop()
		if key == "" || strings.Contains(r.log.String(), key) {
			t.Errorf("start %d: the key is %q, log:\n%s", i, key, r.log)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 7 {
		t.Errorf("%q, error %v", files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err != nil || bytes.Contains(text, []byte(key)) {
			t.Errorf("%s has the key, error %v", f, err)
		}
	}
}

// post sends an empty object with a key.
func (r *running) post(t *testing.T, path, key string) {
	t.Helper()
	q, err := http.NewRequest("POST", "http://"+r.Addrs().TCP[0].String()+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+key)
	q.Header.Set("Content-Type", "application/json")
	answer, err := r.browser(t, "").Do(q)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}
