package signaling_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// polling is the side of a testClient that has no WebSocket yet.
type polling struct {
	t       testing.TB
	web     *httptest.Server
	query   string
	waiting []string        // packets of the last poll
	knock   *websocket.Conn // that probes, nil if none does
}

// sessionID is the name that a server makes up for a session or a socket.
var sessionID = regexp.MustCompile(`"sid":"[^"]*"`)

// openPolling opens a session as the client library does, and returns the client
// and the server's opening packet.
func (r *replay) openPolling(query string) (c *testClient, open string) {
	r.t.Helper()
	p := &polling{t: r.t, web: r.web, query: query + "&EIO=4&transport=polling"}
	open, ok := strings.CutPrefix(p.next(), "0")
	if !ok {
		r.t.Fatalf("opened with %q", open)
	}
	sid := strings.Split(sessionID.FindString(open), `"`)
	p.query += "&sid=" + sid[3]
	return &testClient{t: r.t, poll: p, acks: 1000}, "open " + open
}

func (p *polling) do(method, body string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, p.web.URL+"/socket.io/?"+p.query, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.web.Client().Do(q)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %q: %s %s, %v", method, body, answer.Status, text, err)
	}
	return string(text)
}

func (p *polling) post(text string) {
	p.t.Helper()
	if got := p.do(http.MethodPost, text); got != "ok" {
		p.t.Fatalf("%q was answered %q", text, got)
	}
}

// next returns the next packet that says something.
func (p *polling) next() string {
	p.t.Helper()
	for {
		if len(p.waiting) == 0 {
			p.waiting = strings.Split(p.do(http.MethodGet, ""), "\x1e")
		}
		one := p.waiting[0]
		p.waiting = p.waiting[1:]
		if one != "6" {
			return one
		}
	}
}

// probe opens the WebSocket that is to replace polling, and asks whether it works.
// Until upgrade the client goes on polling.
func (c *testClient) probe() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	address := "ws" + strings.TrimPrefix(c.poll.web.URL, "http") + "/socket.io/?" + strings.Replace(c.poll.query, "transport=polling", "transport=websocket", 1)
	conn, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	c.poll.knock = conn
	if err := conn.Write(ctx, websocket.MessageText, []byte("2probe")); err != nil {
		c.t.Fatal(err)
	}
	if _, text, err := conn.Read(ctx); err != nil || string(text) != "3probe" {
		c.t.Fatalf("the probe was answered %q, %v", text, err)
	}
}

// upgrade leaves polling behind.
func (c *testClient) upgrade() {
	c.t.Helper()
	c.kept = append(c.kept, c.poll.waiting...)
	c.conn, c.poll = c.poll.knock, nil
	c.write("5")
}
