package engineio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// echo sends back what it receives; "bad" it calls a violation, "bye" closes.
type echo struct {
	s      *Session
	closed chan Reason
}

func (e *echo) Receive(m Message) error {
	switch string(m.Data) {
	case "bad":
		return errors.New("bad")
	case "bye":
		e.s.Send(m)
		e.s.Close()
	case "flood":
		for range 3000 {
			e.s.Send(Message{Data: bytes.Repeat([]byte("x"), 1000)})
		}
	default:
		e.s.Send(m)
	}
	return nil
}

func (e *echo) Closed(r Reason) { e.closed <- r }

// bed is a server on loopback for one test.
type bed struct {
	t      *testing.T
	engine *Server
	web    *httptest.Server
	opened chan *echo
}

func start(t *testing.T, o Options) *bed {
	t.Helper()
	b := &bed{t: t, opened: make(chan *echo, 100)}
	if o.ConnectRate == 0 {
		o.ConnectRate = -1
	}
	o.Accept = func(s *Session, _ *http.Request) Receiver {
		e := &echo{s: s, closed: make(chan Reason, 1)}
		b.opened <- e
		return e
	}
	b.engine = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.engine.Run(ctx)
	}()
	b.web = httptest.NewServer(b.engine)
	t.Cleanup(func() {
		cancel()
		<-done
		b.web.Close()
		b.web.Client().CloseIdleConnections()
	})
	for !b.isOpen() {
		time.Sleep(time.Millisecond)
	}
	return b
}

func (b *bed) isOpen() bool {
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	return b.engine.open
}

// do makes a request and returns status and body.
func (b *bed) do(method, query string, body io.Reader, header ...string) (int, string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, b.web.URL+"/socket.io/?"+query, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Add(header[i], header[i+1])
	}
	r, err := b.web.Client().Do(q)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// open makes a polling session and returns its query, and its receiver.
func (b *bed) open(eio string) (query string, e *echo) {
	b.t.Helper()
	_, text := b.do("GET", "transport=polling&EIO="+eio, nil)
	if eio == "3" {
		_, text, _ = strings.Cut(text, ":")
	}
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(text[1:]), &open); err != nil {
		b.t.Fatalf("%q: %v", text, err)
	}
	return "transport=polling&EIO=" + eio + "&sid=" + open.SID, <-b.opened
}

func (b *bed) dial(query string) *websocket.Conn {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(b.web.URL, "http")+"/?"+query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func (b *bed) send(conn *websocket.Conn, text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) want(conn *websocket.Conn, want string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, got, err := conn.Read(ctx); err != nil || !strings.HasPrefix(string(got), want) {
		b.t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func (b *bed) wantClosed(e *echo, want Reason) {
	b.t.Helper()
	select {
	case got := <-e.closed:
		if got != want {
			b.t.Errorf("ended for reason %d, want %d", got, want)
		}
	case <-time.After(patience):
		b.t.Fatal("did not end")
	}
}

// until waits until no WebSocket knocks at a session.
func (b *bed) until(query string) {
	s := b.engine.find(query[strings.Index(query, "sid=")+4:])
	for knocking := true; knocking; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		knocking = s.knock != nil
		s.mu.Unlock()
	}
}

// raw sends bytes as they are and returns the connection.
func (b *bed) raw(text string) (net.Conn, *bufio.Reader) {
	b.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.web.URL, "http://"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil {
		b.t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func (b *bed) waitForPoll(s *Session) {
	for waiting := false; !waiting; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		waiting = s.poll != nil
		s.mu.Unlock()
	}
}
