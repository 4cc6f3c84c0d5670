package signaling_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"iceserver/internal/signaling"
)

// query is what the client library sends.
func query(user string) string {
	return "userid=" + user + "&sessionid=s&msgEvent=msg&socketCustomEvent=custom&maxParticipantsAllowed=1000&extra={}"
}

// join connects a client and lets it in.
func join(t testing.TB, c *testClient) *testClient {
	t.Helper()
	c.welcome()
	return c
}

// A lost connection is taken up again with the pid, and only with it.
func TestResume(t *testing.T) {
	s, web := serve(t, signaling.Options{Limits: unlimited(), Grace: time.Minute})
	a := dial(t, web, query("alice"))
	sid, pid := a.welcome()
	if pid == "" || pid == sid {
		t.Fatalf("sid %q, pid %q", sid, pid)
	}
	b := join(t, dial(t, web, query("bob")))
	if got := a.ask("open-room", map[string]string{"sessionid": "r"}); got != "[true]" {
		t.Fatal(got)
	}
	if got := b.ask("join-room", map[string]string{"sessionid": "r"}); got != "[true]" {
		t.Fatal(got)
	}
	a.emit("msg", map[string]any{"remoteUserId": "bob", "message": map[string]int{"x": 1}})
	a.sync()
	b.sync()
	// What reaches a connection that is about to break may reach nobody.
	had := a.offset
	b.emit("msg", json.RawMessage(`{"remoteUserId":"alice","message":"too late"}`))
	a.sync()
	_ = a.conn.CloseNow()
	waitFor(t, func() bool { return s.Stats().Away == 1 })
	b.emit("msg", json.RawMessage(`{"remoteUserId":"alice","message":"meanwhile"}`))
	if got := b.sync(); len(got) != 0 {
		t.Errorf("bob was told %q", got)
	}
	thief := dialAuth(t, web, query("alice"), `{"pid":"guess"}`)
	if _, pid := thief.welcome(); pid != "" {
		t.Error("a client with a taken id got a pid")
	}
	if text := thief.read(); !strings.HasPrefix(text, `42["userid-already-taken","alice"`) {
		t.Errorf("a thief was told %q", text)
	}
	a = dialAuth(t, web, query("alice"), `{"pid":"`+pid+`","offset":"`+had+`"}`)
	if again, _ := a.welcome(); again != sid {
		t.Errorf("sid %q became %q", sid, again)
	}
	for _, said := range []string{"too late", "meanwhile"} {
		if text := a.read(); text != `42["msg",{"remoteUserId":"alice","message":"`+said+`","sender":"bob","extra":{}}]` {
			t.Errorf("alice got %q", text)
		}
	}
	if got := a.ask("set-password", "x"); got != `[true,"r",null]` {
		t.Errorf("no owner any more: %s", got)
	}
	// A page that is left says so, and is gone at once.
	_ = a.conn.Close(websocket.StatusGoingAway, "")
	waitFor(t, func() bool { return s.Stats().Users == 1 })
	if got := b.sync(); fmt.Sprint(got) != `[2["user-disconnected","alice"] 2["set-isInitiator-true","r"]]` {
		t.Errorf("bob got %q", got)
	}
}

func waitFor(t testing.TB, what func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !what(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came true")
		}
	}
}

// W-11, W-S2, H-08: pages of this host and of those named, on both transports.
func TestOrigin(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited(), Origins: []string{"https://Pages.example", "http://other.example:8080/"}})
	host := strings.TrimPrefix(web.URL, "http://")
	for origin, want := range map[string]int{
		"": 200, "http://" + host: 200, "https://" + host: 200, "https://pages.example": 200, "http://other.example:8080": 200,
		"http://pages.example": 403, "https://evil.example": 403, "https://pages.example.evil.example": 403, "null": 403,
		"http://other.example": 403, "http://" + host + ".evil.example": 403, "%%%": 403,
	} {
		q, err := http.NewRequest("GET", web.URL+"/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		q.Header = header
		r, err := web.Client().Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		allowed := r.Header.Get("Access-Control-Allow-Origin")
		if r.StatusCode != want || (want == 200) != (allowed == origin) && origin != "" || allowed == "*" {
			t.Errorf("%q polls: %d, allowed %q", origin, r.StatusCode, allowed)
		}
		conn, answer, err := websocket.Dial(context.Background(), "ws://"+host+"/socket.io/?EIO=4&transport=websocket", &websocket.DialOptions{HTTPHeader: header})
		if (err == nil) != (want == 200) || err != nil && answer.StatusCode != want {
			t.Errorf("%q on a WebSocket: %v", origin, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
	// What some other site's page loads as an image comes without an origin.
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		q, err := http.NewRequest("GET", web.URL+"/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Sec-Fetch-Site", site)
		r, err := web.Client().Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s without an origin: %d", site, r.StatusCode)
		}
	}
	// Where there is TLS, a page of this host that came without is nobody's.
	s, _ := serve(t, signaling.Options{Limits: unlimited()})
	for origin, want := range map[string]int{"https://here.example": 200, "http://here.example": 403, "HTTPS://HERE.example": 200} {
		q := httptest.NewRequest("GET", "https://here.example/socket.io/?EIO=4&transport=polling", nil)
		q.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, q); w.Code != want {
			t.Errorf("%s over TLS: %d, want %d", origin, w.Code, want)
		}
	}
	for _, bad := range []string{"*", "pages.example", "https://pages.example/path", ""} {
		if _, err := signaling.New(signaling.Options{Origins: []string{bad}}); err == nil {
			t.Errorf("%q passes as an origin", bad)
		}
	}
}

// Connects are refused in words that the client is told.
func TestRefusedConnects(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	for q, want := range map[string]string{
		"userid=__proto__":        `44{"message":"invalid userid"}`,
		"userid=a&msgEvent=a%20b": `44{"message":"invalid msgEvent or socketCustomEvent"}`,
	} {
		if got := dial(t, web, q).read(); got != want {
			t.Errorf("%s: %s", q, got)
		}
	}
}

// Who sends faster than the limit is slowed down and loses nothing.
//
// H-18, W-08.
func TestMessageRate(t *testing.T) {
	limits := unlimited()
	limits.MessageRate = 50
	s, web := serve(t, signaling.Options{Limits: limits})
	c := join(t, dial(t, web, query("fast")))
	for i := range 600 {
		c.write(fmt.Sprintf(`42%d["check-presence","x"]`, i))
	}
	for i := range 600 {
		if text := c.read(); !strings.HasPrefix(text, fmt.Sprintf("43%d[", i)) {
			t.Fatalf("answer %d is %q", i, text)
		}
	}
	if s.Stats().Delayed == 0 {
		t.Error("nothing was held back")
	}
}

// W-05: what the server makes up for a client is 128 bits, and never the same.
func TestMadeUpNames(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	seen := map[string]bool{}
	for range 50 {
		c := dial(t, web, "sessionid=s")
		sid, pid := c.welcome()
		for _, name := range []string{sid, pid} {
			if b, err := base64.RawURLEncoding.DecodeString(name); err != nil || len(b) != 16 || seen[name] {
				t.Errorf("%q", name)
			}
			seen[name] = true
		}
	}
}

// What breaks the protocol of either layer closes the connection.
func TestProtocolErrors(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	for i, text := range []string{`42["disconnect"]`, "4", "9", `42[{}]`, `452147483648-["e"]`, `40`, `42["msg",` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "]"} {
		c := join(t, dial(t, web, query(fmt.Sprint("v", i))))
		c.write(text)
		if err := c.closed(); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// W-10: whatever JSON stands wherever in any event, the server lives and answers
// the next question.
func TestAnyArguments(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	c := join(t, dial(t, web, query("odd")+"&enableScalableBroadcast=true"))
	values := []string{"", "null", "true", "0", "-1.5e300", `""`, `"x"`, `"__proto__"`, "[]", "[null]", "{}", `{"__proto__":{"a":1}}`,
		`{"sessionid":null,"session":[],"extra":1,"password":{}}`, `{"remoteUserId":"odd2","message":{"newParticipationRequest":[]}}`,
		`{"remoteUserId":[],"message":7,"sender":{}}`, `{"sessionid":"s","session":{"oneway":"x"},"extra":{"broadcastId":{}}}`,
		`{"broadcastId":"b","userid":7,"typeOfStreams":[]}`, `{"constructor":{"prototype":1}}`, `"` + strings.Repeat("x", 5000) + `"`}
	for _, name := range []string{"open-room", "join-room", "check-presence", "get-public-rooms", "is-valid-password", "set-password",
		"close-entire-session", "extra-data-updated", "get-remote-user-extra-data", "changed-uuid", "disconnect-with", "set-custom-socket-event-listener",
		"join-broadcast", "scalable-broadcast-message", "can-relay-broadcast", "can-not-relay-broadcast", "check-broadcast-presence",
		"get-number-of-users-in-specific-broadcast", "msg", "custom", "admin", "error", "toString"} {
		for i, first := range values {
			args := `"` + name + `"`
			if first != "" {
				args += "," + first + "," + values[1+(i*7)%(len(values)-1)]
			}
			c.write("427[" + args + "]")
		}
		c.sync()
	}
}

// What is served before Run and after it.
func TestNotRunning(t *testing.T) {
	s, err := signaling.New(signaling.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 2 {
		w := &answer{header: http.Header{}}
		r, err := http.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		s.ServeHTTP(w, r)
		if w.status != http.StatusServiceUnavailable {
			t.Errorf("answered %d", w.status)
		}
		s.Run(ctx)
	}
}

type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }

// The end of Run says good-bye to everybody.
func TestShutdown(t *testing.T) {
	s, err := signaling.New(signaling.Options{Limits: unlimited()})
	if err != nil {
		t.Fatal(err)
	}
	cancel, done := run(s)
	web := newWeb(t, s)
	c := join(t, dial(t, web, query("alice")))
	closed := make(chan error, 1)
	go func() { closed <- c.closed() }()
	cancel()
	if err := <-closed; websocket.CloseStatus(err) != websocket.StatusGoingAway && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	<-done
	if n := s.Stats().Sessions; n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// H-13: extra data that comes in the address nests no deeper than in a message.
func TestDeepExtra(t *testing.T) {
	_, web := serve(t, signaling.Options{Limits: unlimited()})
	for depth, kept := range map[int]bool{31: true, 33: false} {
		name := fmt.Sprint("user", depth)
		deep := `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
		a := join(t, dial(t, web, strings.TrimSuffix(query(name), "{}")+url.QueryEscape(deep)))
		if got := a.ask("get-remote-user-extra-data", name); (got == "["+deep+"]") != kept {
			t.Errorf("%d levels: %s", depth, got)
		}
	}
}
