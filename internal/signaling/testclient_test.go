package signaling_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"iceserver/internal/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; nothing is expected to take so long.
const patience = 30 * time.Second

// unlimited are limits that no test meets by accident.
func unlimited() signaling.Limits {
	return signaling.Limits{ConnectRate: -1, RoomRate: -1, MessageRate: -1}
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, o signaling.Options) (*signaling.Server, *httptest.Server) {
	t.Helper()
	s, err := signaling.New(o)
	if err != nil {
		t.Fatal(err)
	}
	cancel, done := run(s)
	web := newWeb(t, s)
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s, web
}

// run starts the work of a server, which ends after cancel: done is closed then.
func run(s *signaling.Server) (cancel context.CancelFunc, done <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	return cancel, ended
}

// newWeb puts a server whose Run has been started on loopback.
func newWeb(t testing.TB, s *signaling.Server) *httptest.Server {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.CloseClientConnections() // polls that a test left open
		web.Close()
	})
	for !running(t, web) {
		time.Sleep(time.Millisecond) // Run has not begun yet
	}
	for s.Stats().Sessions > 0 {
		time.Sleep(time.Millisecond) // the session that asked ends by itself, and counts until then
	}
	return web
}

// running says whether a session can be opened; the one opened is closed again.
func running(t testing.TB, web *httptest.Server) bool {
	t.Helper()
	address := web.URL + "/socket.io/?EIO=4&transport=polling"
	r, err := web.Client().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var open struct{ SID string }
	if r.StatusCode != http.StatusOK || json.Unmarshal(text[1:], &open) != nil {
		return false
	}
	r, err = web.Client().Post(address+"&sid="+open.SID, "text/plain", strings.NewReader("1"))
	if err != nil {
		t.Fatal(err)
	}
	return r.Body.Close() == nil
}

// testClient is a Socket.IO client on a WebSocket, as plain as can be, or on
// polling.
type testClient struct {
	t      testing.TB
	conn   *websocket.Conn
	poll   *polling // nil once there is conn
	acks   int
	kept   []string // frames that were read and belong to a step
	offset string   // the mark of the last event
}

func dial(t testing.TB, web *httptest.Server, query string) *testClient {
	t.Helper()
	return dialAuth(t, web, query, "")
}

// dialAuth connects and says what it brings to the namespace.
func dialAuth(t testing.TB, web *httptest.Server, query, auth string) *testClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	address := "ws" + strings.TrimPrefix(web.URL, "http") + "/socket.io/?" + query + "&EIO=4&transport=websocket"
	conn, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(4 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	c := &testClient{t: t, conn: conn, acks: 1000}
	if open := c.read(); open[0] != '0' {
		t.Fatalf("opened with %q", open)
	}
	c.write("40" + auth)
	return c
}

func (c *testClient) write(text string) {
	c.t.Helper()
	if c.poll != nil {
		c.poll.post(text)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next frame, without answering heartbeats.
func (c *testClient) read() string {
	c.t.Helper()
	text, err := c.tryRead()
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

// tryRead returns the next frame that a page would hear of. What it would not is
// the mark behind an event, which the client library keeps for when it comes again.
func (c *testClient) tryRead() (string, error) {
	for {
		text, err := c.readAny()
		mark, ok := strings.CutPrefix(text, `42["iceserver-mark",`)
		if !ok {
			return text, err
		}
		c.offset = strings.Trim(mark, `"]`)
	}
}

func (c *testClient) readAny() (string, error) {
	if c.poll != nil {
		return c.poll.next(), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := c.conn.Read(ctx)
	return string(b), err
}

// emit sends an event without waiting for an answer.
func (c *testClient) emit(name string, args ...any) {
	c.t.Helper()
	c.write("42" + encode(c.t, append([]any{name}, args...)))
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sync returns all frames up to the answer to a question asked now: everything
// that the server sent this client before.
func (c *testClient) sync() []string {
	c.t.Helper()
	c.acks++
	id := strconv.Itoa(c.acks)
	c.write("42" + id + `["check-presence","no such room"]`)
	var all []string
	for {
		text := c.read()
		if strings.HasPrefix(text, "43"+id+"[") {
			return all
		}
		all = append(all, strings.TrimPrefix(text, "4"))
	}
}

// ask emits an event and returns the answer; events in between are dropped.
func (c *testClient) ask(name string, args ...any) string {
	c.t.Helper()
	c.acks++
	id := strconv.Itoa(c.acks)
	c.write("42" + id + encode(c.t, append([]any{name}, args...)))
	for {
		if rest, ok := strings.CutPrefix(c.read(), "43"+id); ok {
			return rest
		}
	}
}

// welcome reads the answer to the connect.
func (c *testClient) welcome() (sid, pid string) {
	c.t.Helper()
	text := c.read()
	var v struct{ SID, PID string }
	if rest, ok := strings.CutPrefix(text, "40"); !ok || json.Unmarshal([]byte(rest), &v) != nil || v.SID == "" {
		c.t.Fatalf("answered the connect with %q", text)
	}
	return v.SID, v.PID
}

// leave says good-bye and waits until the server has hung up.
func (c *testClient) leave() {
	c.t.Helper()
	c.write("41")
	_ = c.conn.Close(websocket.StatusNormalClosure, "")
}

// closed waits for the end of the connection.
func (c *testClient) closed() error {
	for {
		if _, err := c.tryRead(); err != nil {
			return err
		}
	}
}
