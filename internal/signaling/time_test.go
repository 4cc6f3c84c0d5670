package signaling_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/signaling"
)

// pollClient polls a handler without sockets, for tests in which time is made.
type pollClient struct {
	t       *testing.T
	handler http.Handler
	query   string
}

func (c *pollClient) do(ctx context.Context, method, body string) string {
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, httptest.NewRequest(method, "/socket.io/?"+c.query, strings.NewReader(body)).WithContext(ctx))
	return w.Body.String()
}

func (c *pollClient) post(body string) {
	c.t.Helper()
	if text := c.do(context.Background(), "POST", body); text != "ok" {
		c.t.Fatalf("%q was answered %q", body, text)
	}
}

// mark is the packet behind an event that no page hears of.
var mark = regexp.MustCompile(`\x1e42\["iceserver-mark","[^"]*"\]`)

// poll returns the next packets that are no heartbeat, and answers those.
func (c *pollClient) poll() string {
	c.t.Helper()
	for {
		text := c.do(context.Background(), "GET", "")
		if text != "2" {
			return mark.ReplaceAllString(text, "")
		}
		c.post("3")
	}
}

// bubble runs a server, and opens sessions for it.
func bubble(t *testing.T, o signaling.Options) (open func(user string) *pollClient) {
	t.Helper()
	s, err := signaling.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go s.Run(ctx)
	t.Cleanup(func() {
		cancel()
		synctest.Wait()
	})
	synctest.Wait()
	return func(user string) *pollClient {
		c := &pollClient{t: t, handler: s, query: "EIO=4&transport=polling&" + query(user)}
		text := c.do(context.Background(), "GET", "")
		var hello struct{ SID string }
		if err := json.Unmarshal([]byte(text[1:]), &hello); err != nil {
			t.Fatal(text)
		}
		c.query += "&sid=" + hello.SID
		return c
	}
}

// The grace period is 15 s unless set; others hear of the loss after it, once.
func TestGracePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for grace, want := range map[time.Duration]time.Duration{0: 15 * time.Second, time.Minute: time.Minute, -1: 0} {
			open := bubble(t, signaling.Options{Grace: grace})
			a, b := open("alice"), open("bob")
			for _, c := range []*pollClient{a, b} {
				c.post("40")
				if text := c.poll(); !strings.HasPrefix(text, "40{") {
					t.Fatal(text)
				}
			}
			a.post(`42["open-room",{"sessionid":"r"}]`)
			b.post(`42["join-room",{"sessionid":"r"}]`)
			a.post(`42["msg",{"remoteUserId":"bob","message":{"x":1}}]`)
			if text := b.poll(); !strings.HasPrefix(text, `42["user-connected","alice"]`) {
				t.Fatal(text)
			}
			a.poll()
			ctx, lose := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, lose)
			a.do(ctx, "GET", "")
			begin := time.Now()
			text, waited := b.poll(), time.Since(begin)
			if !strings.Contains(text, "\x1e") {
				text += "\x1e" + b.poll() // the two may come in one poll or in two
			}
			if text != "42[\"user-disconnected\",\"alice\"]\x1e42[\"set-isInitiator-true\",\"r\"]" {
				t.Errorf("bob got %q", text)
			}
			if waited < want || waited > want+2*time.Second {
				t.Errorf("grace %v: told after %v", grace, waited)
			}
		}
	})
}

// H-18, W-08: a hundred messages of 64 KiB are no burst of a hundred: they go on at
// the pace at which others can take them.
func TestLongMessagesTakeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bubble(t, signaling.Options{})("alice")
		c.post("40")
		c.poll()
		begin := time.Now()
		for range 100 {
			c.post(`42["msg","` + strings.Repeat("x", 64<<10) + `"]`)
			if time.Since(begin) > 20*time.Second {
				break // before the heartbeat is due
			}
		}
		// 17 for each, of which 500 come at once and 50 a second after that.
		if waited := time.Since(begin); waited < 20*time.Second {
			t.Errorf("6.4 MB in %v", waited)
		}
	})
}

// A session that joins nothing is closed; so is one that left and does not join
// again.
func TestNeverJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := bubble(t, signaling.Options{})
		for _, body := range []string{"", "41", "40/nowhere,"} {
			c := open("somebody" + body[:min(1, len(body))])
			begin := time.Now()
			switch body {
			case "":
			case "41":
				c.post("40")
				c.poll()
				time.Sleep(10 * time.Second)
				begin = time.Now()
				c.post(body)
			default:
				c.post(body)
				if text := c.poll(); text != `44/nowhere,{"message":"Invalid namespace"}` {
					t.Error(text)
				}
			}
			if text := c.poll(); text != "1" {
				t.Errorf("%q: polled %q", body, text)
			}
			if waited := time.Since(begin); waited < 45*time.Second || waited > 48*time.Second {
				t.Errorf("%q: closed after %v", body, waited)
			}
		}
	})
}
