package engineio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const handshakeText = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// W-S8: what a WebSocket client must not do.
func TestWebSocketAbuse(t *testing.T) {
	b := start(t, Options{MaxPayload: 1000})
	t.Run("no compression", func(t *testing.T) {
		_, r := b.raw(handshakeText + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Protocol: " + strings.Repeat("a,", 2000) + "b\r\n\r\n")
		response, err := http.ReadResponse(r, nil)
		if err != nil || response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Error(response, err)
		}
		b.wantEnd(<-b.opened, "", nil)
	})
	t.Run("unmasked frame", func(t *testing.T) {
		conn, _ := b.raw(handshakeText + "\r\n")
		b.wantEnd(<-b.opened, "\x81\x024x", conn)
	})
	t.Run("huge frame", func(t *testing.T) {
		conn, _ := b.raw(handshakeText + "\r\n")
		b.wantEnd(<-b.opened, "\x81\xff\x00\x00\x00\x7f\xff\xff\xff\xff\x00\x00\x00\x00"+strings.Repeat("4", 2000), conn)
		// The rest of the frame never comes; the server does not wait for it.
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection stays open")
		}
	})
	t.Run("endless message", func(t *testing.T) {
		conn, _ := b.raw(handshakeText + "\r\n")
		b.wantEnd(<-b.opened, "\x01\x81\x00\x00\x00\x004"+strings.Repeat("\x00\x81\x00\x00\x00\x00x", 1100), conn)
	})
	t.Run("early bytes", func(t *testing.T) {
		// The first frame comes with the request: it must not get lost.
		_, r := b.raw(handshakeText + "\r\n\x81\x83\x00\x00\x00\x004hi")
		if _, err := http.ReadResponse(r, nil); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for !bytes.Contains(got, []byte("\x81\x034hi")) {
			c, err := r.ReadByte()
			if err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			got = append(got, c)
		}
		(<-b.opened).s.end(Closed)
	})
}

// wantEnd sends bytes after the handshake and waits for the end of the session.
func (b *bed) wantEnd(e *echo, text string, conn net.Conn) {
	b.t.Helper()
	if conn == nil {
		e.s.end(Closed)
	} else if _, err := io.WriteString(conn, text); err != nil && !errors.Is(err, net.ErrClosed) {
		b.t.Log(err) // the server may have hung up in the middle
	}
	select {
	case r := <-e.closed:
		if r == Left {
			b.t.Errorf("ended as if the client had left")
		}
	case <-time.After(patience):
		b.t.Error("did not end")
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("4"), len(p))), nil }

// W-S1: bodies of 100 MB, announced and not, are answered 413; little of them is
// read.
func TestLongBodies(t *testing.T) {
	b := start(t, Options{})
	for _, announced := range []bool{true, false} {
		q, e := b.open("4")
		body := io.LimitReader(zeros{}, 100<<20)
		head := fmt.Sprintf("POST /socket.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", q, 100<<20)
		if !announced {
			head = fmt.Sprintf("POST /socket.io/?%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", q, 100<<20)
		}
		conn, r := b.raw(head)
		sent := make(chan int64)
		go func() {
			n, _ := io.Copy(conn, body) // until the server hangs up
			sent <- n
		}()
		response, err := http.ReadResponse(r, nil)
		if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("announced %v: %v, %v", announced, response, err)
		}
		_ = conn.Close()
		if n := <-sent; n > 16<<20 { // of which the kernel holds most
			t.Errorf("announced %v: %d bytes were taken", announced, n)
		}
		b.wantClosed(e, Violation)
	}
}

// W-S1, W-S7, W-S9: what ends a session, always with an answer.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		name, body string
		header     []string
	}{
		{"malformed", "9", nil},
		{"binary", "\x00\x01", []string{"Content-Type", "application/octet-stream"}},
		{"a million packets", strings.Repeat("2\x1e", 400_000), nil},
		{"refused by the layer above", "4bad", nil},
		{"ping in version 4", "2", nil},
		{"open", "0{}", nil},
		{"upgrade", "5", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t, Options{})
			q, e := b.open("4")
			if status, _ := b.do("POST", q, strings.NewReader(c.body), c.header...); status != 400 {
				t.Error(status)
			}
			b.wantClosed(e, Violation)
			if status, text := b.do("GET", q, nil); status != 400 {
				t.Error(status, text)
			}
		})
	}
}

// W-S9: two polls at once end the session; both are answered.
func TestTwoPolls(t *testing.T) {
	b := start(t, Options{})
	q, e := b.open("4")
	answers := make(chan int, 2)
	for range 2 {
		go func() {
			status, _ := b.do("GET", q, nil)
			answers <- status
		}()
	}
	if a, c := <-answers, <-answers; a+c != 600 {
		t.Errorf("answered %d and %d", a, c)
	}
	b.wantClosed(e, Violation)
}

// Closing by polling: the waiting poll is answered; an aborted poll is a lost
// connection.
func TestPollEnds(t *testing.T) {
	b := start(t, Options{})
	q, e := b.open("4")
	polled := make(chan string, 1)
	go func() {
		_, text := b.do("GET", q, nil)
		polled <- text
	}()
	b.waitForPoll(e.s)
	if status, _ := b.do("POST", q, strings.NewReader("1")); status != 200 {
		t.Error(status)
	}
	if text := <-polled; text != "6" {
		t.Errorf("polled %q", text)
	}
	b.wantClosed(e, Lost)

	q, e = b.open("4")
	conn, _ := b.raw("GET /socket.io/?" + q + " HTTP/1.1\r\nHost: x\r\n\r\n")
	b.waitForPoll(e.s)
	_ = conn.Close()
	b.wantClosed(e, Lost)
}

// A client that reads nothing is let go; what waits for it has a bound.
func TestSlowReader(t *testing.T) {
	b := start(t, Options{Buffer: 1 << 20})
	for _, query := range []string{"EIO=4&transport=websocket", ""} {
		var e *echo
		if query != "" {
			conn := b.dial(query)
			e = <-b.opened
			b.send(conn, "4flood")
			for range 50 { // the kernel takes some megabytes before anything waits
				if ctx, cancel := context.WithTimeout(context.Background(), patience); conn.Write(ctx, websocket.MessageText, []byte("4flood")) != nil {
					cancel()
					break
				} else {
					cancel()
				}
			}
		} else {
			var q string
			q, e = b.open("4")
			b.do("POST", q, strings.NewReader("4flood"))
		}
		b.wantClosed(e, Slow)
	}
}

// W-S10: an address has its fill, others do not suffer; a place that becomes
// free is given again.
func TestPerAddress(t *testing.T) {
	b := start(t, Options{PerAddress: 3, Sessions: 5, Address: forwarded})
	var q string
	for range 3 {
		q, _ = b.open("4")
	}
	status, text := b.do("GET", "EIO=4&transport=polling", nil)
	if status != 429 || text != `{"code":4,"message":"Too many sessions"}` {
		t.Error(status, text)
	}
	for i, want := range []int{200, 200, 429} {
		if status, _ := b.do("GET", "EIO=4&transport=polling", nil, "X-At", fmt.Sprint("2001:db8:0:", i, "::1")); status != want {
			t.Errorf("address %d: %d, want %d", i, status, want)
		}
	}
	b.do("POST", q, strings.NewReader("1"))
	for b.engine.Sessions() == 5 {
		time.Sleep(time.Millisecond)
	}
	if status, _ := b.do("GET", "EIO=4&transport=polling", nil); status != 200 {
		t.Errorf("a free place is not given: %d", status)
	}
}

// H-18, W-S10: what waits for all sessions together has a bound. While it is
// passed those go that take nothing; who reads stays.
func TestWaitingForAll(t *testing.T) {
	b := start(t, Options{Waiting: 2 << 20})
	q, reader := b.open("4")
	var slow []*echo
	for range 8 {
		_, e := b.open("4")
		slow = append(slow, e)
	}
	for range 16 {
		for _, e := range slow {
			e.s.Send(Message{Data: bytes.Repeat([]byte("x"), 60<<10)})
		}
		reader.s.Send(Message{Data: []byte("hi")})
		if status, text := b.do("GET", q, nil); status != 200 || text != "4hi" {
			t.Fatalf("who reads got %d %.80q", status, text)
		}
	}
	ended := 0
	for _, e := range slow {
		select {
		case <-e.s.Done():
			b.wantClosed(e, Slow)
			ended++
		default:
		}
	}
	if n := b.engine.waiting.Load(); ended == 0 || n > 3<<20 {
		t.Errorf("%d of %d were put out, %d bytes wait", ended, len(slow), n)
	}
	for _, e := range slow {
		e.s.end(Lost)
	}
	if n := b.engine.waiting.Load(); n != 0 {
		t.Errorf("in the end %d bytes wait for nobody", n)
	}
}
