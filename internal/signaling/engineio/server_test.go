package engineio

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// The answers to requests that are wrong are those of the original server.
//
// W-S3, W-S9: crafted queries and guessed ids.
// H-08: no answer is a script, which the page of any site could run.
func TestFaults(t *testing.T) {
	b := start(t, Options{Origin: func(r *http.Request) bool { return r.Header.Get("Origin") == "" }})
	for _, c := range []struct {
		name, method, query string
		header              []string
		status              int
		want                string
	}{
		{"no transport", "GET", "EIO=4", nil, 400, `{"code":0,"message":"Transport unknown"}`},
		{"trick", "GET", "EIO=4&transport=__proto__", nil, 400, `{"code":0,"message":"Transport unknown"}`},
		{"unknown sid", "GET", "EIO=4&transport=polling&sid=x", nil, 400, `{"code":1,"message":"Session ID unknown"}`},
		{"method", "POST", "EIO=4&transport=polling", nil, 400, `{"code":2,"message":"Bad handshake method"}`},
		{"no upgrade", "GET", "EIO=4&transport=websocket", nil, 400, `{"code":3,"message":"Bad request"}`},
		{"upgrade for a poll", "GET", "EIO=4&transport=polling", []string{"Connection", "Upgrade", "Upgrade", "websocket"}, 400, `{"code":3,"message":"Bad request"}`},
		{"version 2", "GET", "EIO=2&transport=polling", nil, 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"no version", "GET", "transport=polling", nil, 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"odd version", "GET", "transport=polling&EIO=4&EIO=__proto__", nil, 200, ``},
		{"scripts", "GET", "EIO=3&transport=polling&j=0", nil, 400, `{"code":0,"message":"Transport unknown"}`},
		{"no scripts", "GET", "EIO=4&transport=polling&j=0", nil, 200, ``},
		{"origin", "GET", "EIO=4&transport=polling", []string{"Origin", "https://evil.example"}, 403, `{"code":4,"message":"Forbidden"}`},
		{"origin of a WebSocket", "GET", "EIO=4&transport=websocket", []string{"Origin", "https://evil.example", "Connection", "Upgrade", "Upgrade", "websocket"}, 403, `{"code":4,"message":"Forbidden"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			status, body := b.do(c.method, c.query, nil, c.header...)
			if status != c.status || c.want != "" && body != c.want {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestPolling(t *testing.T) {
	for _, eio := range []string{"4", "3"} {
		b := start(t, Options{})
		q, e := b.open(eio)
		body, want := "4a\x1e4b\x1ebAQID", "4a\x1e4b\x1ebAQID"
		if eio == "3" {
			body, want = "2:4a2:4b6:b4AQID", "2:4a2:4b6:b4AQID"
		}
		if status, text := b.do("POST", q, strings.NewReader(body)); status != 200 || text != "ok" {
			t.Fatal(status, text)
		}
		if status, text := b.do("GET", q, nil); status != 200 || text != want {
			t.Errorf("polled %d %q", status, text)
		}
		// The layer above closes: what is queued goes out before the close.
		bye, want := "4bye", "4bye\x1e1"
		if eio == "3" {
			bye, want = "4:4bye", "4:4bye1:1"
		}
		b.do("POST", q, strings.NewReader(bye))
		if _, text := b.do("GET", q, nil); text != want {
			t.Errorf("polled %q", text)
		}
		b.wantClosed(e, Closed)
		if status, _ := b.do("GET", q, nil); status != 400 {
			t.Errorf("a closed session answers %d", status)
		}
	}
}

func TestWebSocket(t *testing.T) {
	b := start(t, Options{})
	conn := b.dial("EIO=4&transport=websocket")
	b.want(conn, `0{"sid":"`)
	e := <-b.opened
	b.send(conn, "4hi")
	b.want(conn, "4hi")
	b.send(conn, "4bye")
	b.want(conn, "4bye")
	if _, _, err := conn.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Error(err)
	}
	b.wantClosed(e, Closed)
}

// An upgrade loses nothing: what is sent before, during and after arrives once
// and in order.
func TestUpgrade(t *testing.T) {
	b := start(t, Options{})
	q, e := b.open("4")
	upgraded := strings.Replace(q, "polling", "websocket", 1)
	conn := b.dial(upgraded)
	polled := make(chan string, 1)
	go func() {
		_, text := b.do("GET", q, nil)
		polled <- text
	}()
	b.send(conn, "2probe")
	b.want(conn, "3probe")
	if text := <-polled; text != "6" {
		t.Errorf("the poll was answered %q", text)
	}
	e.s.Send(Message{Data: []byte("early")})
	if _, text := b.do("GET", q, nil); text != "4early" {
		t.Errorf("polled %q", text)
	}
	e.s.Send(Message{Data: []byte("late")})
	b.send(conn, "5")
	b.want(conn, "4late")
	b.send(conn, "4hi")
	b.want(conn, "4hi")
	// W-S9: polling is over, and there is one WebSocket.
	if status, _ := b.do("GET", q, nil); status != 400 {
		t.Errorf("a poll after the upgrade: %d", status)
	}
	if _, _, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(b.web.URL, "http")+"/?"+upgraded, nil); err == nil {
		t.Error("a second WebSocket was accepted")
	}
	// A browser that leaves the page says so.
	_ = conn.Close(websocket.StatusGoingAway, "")
	b.wantClosed(e, Left)
}

// W-S3: an upgrade that breaks off, or is none, leaves polling as it was.
func TestUpgradeBreaksOff(t *testing.T) {
	b := start(t, Options{})
	q, _ := b.open("4")
	for _, first := range []string{"", "2", "4hello", "5", "2probe"} {
		conn := b.dial(strings.Replace(q, "polling", "websocket", 1))
		if first != "" {
			b.send(conn, first)
		}
		if first == "2probe" {
			b.want(conn, "3probe")
		}
		_ = conn.CloseNow()
		b.until(q)
		if status, _ := b.do("POST", q, strings.NewReader("4x")); status != 200 {
			t.Fatalf("after %q: %d", first, status)
		}
		if _, text := b.do("GET", q, nil); !strings.HasPrefix(text, "4x") {
			t.Errorf("after %q polled %q", first, text)
		}
	}
}

// W-S9: where it is asked for, a session is only its own address's.
func TestPinAddress(t *testing.T) {
	for _, pinned := range []bool{true, false} {
		b := start(t, Options{PinAddress: pinned, Address: forwarded})
		q, _ := b.open("4")
		status, _ := b.do("POST", q, strings.NewReader("4x"), "X-At", "192.0.2.1")
		if (status == http.StatusOK) == pinned {
			t.Errorf("pinned %v: a POST from elsewhere gets %d", pinned, status)
		}
		if status, _ := b.do("POST", q, strings.NewReader("4x")); status != http.StatusOK {
			t.Errorf("pinned %v: a POST from the same address gets %d", pinned, status)
		}
	}
}

// A page of another host that may come in is told so before its first request.
func TestPreflight(t *testing.T) {
	b := start(t, Options{Origin: func(r *http.Request) bool { return r.Header.Get("Origin") == "https://pages.example" }})
	for origin, want := range map[string]int{"https://pages.example": http.StatusNoContent, "https://evil.example": http.StatusForbidden} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodOptions, "/socket.io/?EIO=4&transport=polling", nil)
		r.Header.Set("Origin", origin)
		b.engine.ServeHTTP(w, r)
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		if w.Code != want || (allowed == origin) != (want == http.StatusNoContent) {
			t.Errorf("%s: %d, allowed %q", origin, w.Code, allowed)
		}
	}
}

// A connection that carried polls serves other requests as long as it likes: no
// deadline of a poll stays behind.
func TestPollLeavesNoDeadline(t *testing.T) {
	b := start(t, Options{PingTimeout: 50 * time.Millisecond, PingInterval: time.Minute})
	q, e := b.open("4")
	e.s.Send(Message{Data: []byte("x")})
	conn, r := b.raw("GET /socket.io/?" + q + " HTTP/1.1\r\nHost: x\r\n\r\n")
	first, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(first.Body); err != nil || string(text) != "4x" {
		t.Fatal(string(text), err)
	}
	time.Sleep(100 * time.Millisecond) // longer than the deadline of the answer
	if _, err := io.WriteString(conn, "GET /socket.io/?transport=none HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if second, err := http.ReadResponse(r, nil); err != nil || second.StatusCode != http.StatusBadRequest {
		t.Error(second, err)
	}
}
