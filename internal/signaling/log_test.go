package signaling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"iceserver/internal/signaling"
)

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// take returns the lines so far, without their times, and forgets them.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for line := range strings.Lines(l.text.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, line)
	}
	l.text.Reset()
	return all
}

func (l *lines) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}

// A flood of one reason is a line at once and one a minute, with how often it was;
// another reason has its own. What clients have sent is in no line as it came.
//
// H-12, A-L01: the origin of a page is shown escaped and cut.
func TestRefusalsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		limits := unlimited()
		limits.PerAddress, limits.Sessions = 2, 3
		s, err := signaling.New(signaling.Options{Limits: limits, Log: log.logger(slog.LevelInfo)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer synctest.Wait()
		defer cancel()
		go s.Run(ctx)
		synctest.Wait()
		ask := func(from, origin string) {
			r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling&token=hush", nil).WithContext(ctx)
			r.RemoteAddr = from
			if origin != "" {
				r.Header["Origin"] = []string{origin}
			}
			s.ServeHTTP(httptest.NewRecorder(), r)
		}
		for range 1000 {
			ask("192.0.2.1:1", "https://evil.example\r\n\x1b[31mlevel=ERROR \u202e"+strings.Repeat("x", 5000))
		}
		for range 5 {
			ask("192.0.2.2:1", "")
		}
		for range 3 {
			ask("[2001:db8::1]:1", "")
		}
		got := log.take()
		want := []string{
			`msg="signaling: a page of another site was refused: web-origin names those that may" origin=`,
			`msg="signaling: a client was refused: its address has as many as signaling-max-per-address allows" client=192.0.2.2`,
			`msg="signaling: a client was refused: there are as many as signaling-max-connections allows" client=2001:db8::/64`,
		}
		if len(got) != len(want) {
			t.Fatalf("%d lines: %q", len(got), got)
		}
		for i, line := range got {
			if !strings.HasPrefix(line, "level=WARN "+want[i]) || strings.ContainsAny(line, "\x1b\u202e") || strings.Contains(line, "hush") || len(line) > 500 {
				t.Errorf("%q, want %q", line, want[i])
			}
		}
		time.Sleep(61 * time.Second)
		ask("192.0.2.1:1", "https://evil.example")
		synctest.Wait()
		again := strings.Join(log.take(), "\n")
		if n := strings.Count(again, "another site"); n != 1 || !strings.Contains(again, "times=999") || !strings.Contains(again, "times=2") {
			t.Errorf("after a minute: %s", again)
		}
	})
}

// Who comes into which room is there for whoever looks for it, and for nobody else;
// so are the limits of rooms, tokens that are none, and clients put out.
func TestClientsAreLogged(t *testing.T) {
	for level, joins := range map[slog.Level]int{slog.LevelDebug: 1, slog.LevelInfo: 0} {
		var log lines
		tokens, err := signaling.NewSecretTokens([]byte(secret), "")
		if err != nil {
			t.Fatal(err)
		}
		limits := unlimited()
		limits.Rooms, limits.MessageBytes = 1, 1000
		_, web := serve(t, signaling.Options{Limits: limits, Tokens: tokens, Log: log.logger(level)})
		token := sign(t, `{"alg":"HS256"}`, fmt.Sprintf(`{"exp":%d,"open":["*"]}`, time.Now().Add(time.Hour).Unix()), mac(secret))
		dial(t, web, query("nobody")+"&token=hush").read()
		a, b := join(t, dial(t, web, query("alice")+"&token="+token)), join(t, dial(t, web, query("bob")+"&token="+token))
		a.ask("open-room", map[string]string{"sessionid": "r1", "password": "hush"})
		b.ask("open-room", map[string]string{"sessionid": "r2"})
		b.write(strings.Repeat("4", 2000))
		_ = b.closed()
		waitFor(t, func() bool {
			log.mu.Lock()
			defer log.mu.Unlock()
			return strings.Contains(log.text.String(), "broke the protocol")
		})
		text := strings.Join(log.take(), "\n")
		for line, n := range map[string]int{
			`level=DEBUG msg="signaling: in a room" room=r1 user=alice`: joins,
			`a token was refused" fault="malformed token" client=127.0`: 1,
			`as many as signaling-max-rooms allows" user=bob`:           1,
			`sent more at once than signaling-max-message`:              1,
			"hush": 0,
			token:  0,
		} {
			if strings.Count(text, line) != n {
				t.Errorf("%v: %q is not there %d times: %s", level, line, n, text)
			}
		}
	}
}

// The heartbeat is as the options say, and 25 s unless they do.
func TestHeartbeat(t *testing.T) {
	for beat, want := range map[time.Duration]int64{0: 25_000, 40 * time.Second: 40_000} {
		_, web := serve(t, signaling.Options{Limits: unlimited(), Heartbeat: beat})
		r, err := http.Get(web.URL + "/socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(r.Body)
		_ = r.Body.Close()
		var hello struct{ PingInterval int64 }
		if err != nil || json.Unmarshal(text.Bytes()[1:], &hello) != nil || hello.PingInterval != want {
			t.Errorf("%v: %s, %v", beat, text.String(), err)
		}
	}
}
