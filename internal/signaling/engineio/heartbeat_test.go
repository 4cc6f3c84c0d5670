package engineio

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// forwarded lets a test say where it is.
func forwarded(r *http.Request) netip.Addr {
	if a, err := netip.ParseAddr(r.Header.Get("X-At")); err == nil {
		return a
	}
	return peer(r)
}

// bubble is a server without sockets, for tests in which time is made.
type bubble struct {
	t      *testing.T
	engine *Server
	echo   *echo
	query  string
	cancel context.CancelFunc
}

func open(t *testing.T, eio string) *bubble {
	t.Helper()
	b := &bubble{t: t}
	b.engine = New(Options{Accept: func(s *Session, _ *http.Request) Receiver {
		b.echo = &echo{s: s, closed: make(chan Reason, 1)}
		return b.echo
	}})
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go b.engine.Run(ctx)
	synctest.Wait()
	if text := b.do("GET", "transport=polling&EIO="+eio, ""); !strings.Contains(text, `"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) {
		t.Fatal(text)
	}
	b.query = "transport=polling&EIO=" + eio + "&sid=" + b.echo.s.id
	return b
}

func (b *bubble) do(method, query, body string) string {
	w := httptest.NewRecorder()
	b.engine.ServeHTTP(w, httptest.NewRequest(method, "/?"+query, strings.NewReader(body)))
	return w.Body.String()
}

// polls requires that a poll waits from least to most, and what comes then.
func (b *bubble) polls(want string, least, most time.Duration) {
	b.t.Helper()
	begin := time.Now()
	if text := b.do("GET", b.query, ""); text != want {
		b.t.Fatalf("polled %q, want %q", text, want)
	}
	if waited := time.Since(begin); waited < least || waited > most {
		b.t.Errorf("%q came after %v", want, waited)
	}
}

// ends requires that the session has ended for a reason, and ends the server.
func (b *bubble) ends(want Reason) {
	b.t.Helper()
	if r := <-b.echo.closed; r != want {
		b.t.Errorf("reason %d", r)
	}
	b.cancel()
	synctest.Wait()
}

// W-S10: the server asks every 25 s; who answers stays, who does not is gone 20 s
// later.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "4")
		for range 5 {
			b.polls("2", 24*time.Second, 27*time.Second)
			if text := b.do("POST", b.query, "3"); text != "ok" {
				t.Fatal(text)
			}
		}
		b.polls("2", 24*time.Second, 27*time.Second)
		b.polls("1", 19*time.Second, 22*time.Second)
		b.ends(Silent)
	})
}

// In version 3 the client asks, and anything it sends shows that it is there.
func TestHeartbeatOfOldClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "3")
		for _, body := range []string{"1:2", "6:2probe", "2:4x", "1:2"} {
			time.Sleep(40 * time.Second)
			if text := b.do("POST", b.query, body); text != "ok" {
				t.Fatal(text)
			}
		}
		if text := b.do("GET", b.query, ""); text != "1:36:3probe2:4x1:3" {
			t.Errorf("polled %q", text)
		}
		b.polls("1:1", 44*time.Second, 47*time.Second)
		b.ends(Silent)
	})
}

// The end of Run ends every session, and polls that wait are answered.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, "4")
		polled := make(chan string, 1)
		go func() { polled <- b.do("GET", b.query, "") }()
		synctest.Wait()
		b.cancel()
		if text := <-polled; text != "1" {
			t.Errorf("polled %q", text)
		}
		if r := <-b.echo.closed; r != Shutdown {
			t.Errorf("reason %d", r)
		}
		synctest.Wait()
		if text := b.do("GET", "transport=polling&EIO=4", ""); text != `{"code":3,"message":"Server is not running"}` {
			t.Error(text)
		}
	})
}

// H-18: an address opens so many sessions at once, then so many a second.
func TestConnectRate(t *testing.T) {
	a := newAddresses(1000, 5)
	now := time.Unix(1000, 0)
	from := netip.MustParseAddr("192.0.2.1")
	taken := func() (n int) {
		for {
			if why, ok := a.take(now, from); !ok {
				if why != AddressFast {
					t.Errorf("refused for %d", why)
				}
				return n
			}
			n++
		}
	}
	if n := taken(); n != 50 {
		t.Errorf("%d at once", n)
	}
	now = now.Add(2 * time.Second)
	if n := taken(); n != 10 {
		t.Errorf("%d after two seconds", n)
	}
	for range 60 {
		a.release(from)
	}
	a.forget(now.Add(time.Minute))
	if len(a.known) != 0 {
		t.Error("an address is kept for ever")
	}
}
