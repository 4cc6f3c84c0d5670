package signaling_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iceserver/internal/signaling"
)

// handshake opens a session by polling and returns the answer to it.
func handshake(t *testing.T, web *httptest.Server) (status int, text string) {
	t.Helper()
	r, err := web.Client().Get(web.URL + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// Other options hold for those who come from then on; those who are there stay, with
// their room and with what they were told, and a mistake changes nothing.
func TestConfigure(t *testing.T) {
	s, web := serve(t, signaling.Options{Limits: unlimited()})
	owner, guest := join(t, dial(t, web, query("owner"))), join(t, dial(t, web, query("guest")))
	if got := owner.ask("open-room", map[string]string{"sessionid": "r"}); got != "[true]" {
		t.Fatal(got)
	}
	tokens, err := signaling.NewSecretTokens([]byte(secret), "")
	if err != nil {
		t.Fatal(err)
	}
	o := signaling.Options{Limits: unlimited(), Heartbeat: 40 * time.Second, Tokens: tokens, Origins: []string{"https://a.example"}}
	o.Limits.MessageBytes, o.Limits.Sessions = 123_456, 3
	bad := o
	bad.Origins = []string{"none"}
	if err := s.Configure(bad); err == nil {
		t.Error("an origin that is none is taken")
	}
	join(t, dial(t, web, query("third"))).leave()
	for s.Stats().Sessions > 2 {
		time.Sleep(time.Millisecond) // until its end is known
	}
	if err := s.Configure(o); err != nil {
		t.Fatal(err)
	}
	if got := guest.ask("join-room", map[string]string{"sessionid": "r"}); got != "[true]" {
		t.Errorf("the room is no more: %s", got)
	}
	long := strings.Repeat("m", 200_000)
	owner.emit("msg", map[string]any{"sender": "owner", "remoteUserId": "guest", "message": long})
	owner.sync()
	if got := strings.Join(guest.sync(), " "); !strings.Contains(got, long) {
		t.Errorf("of what the owner says comes %.100s", got)
	}
	stranger := dial(t, web, query("stranger"))
	if got := stranger.read(); got != `44{"message":"invalid token"}` {
		t.Errorf("without a token: %s", got)
	}
	if status, text := handshake(t, web); status != 429 {
		t.Errorf("a fourth one: %d %s", status, text)
	}
	stranger.leave()
	for s.Stats().Sessions > 2 {
		time.Sleep(time.Millisecond)
	}
	if _, text := handshake(t, web); !strings.Contains(text, `"pingInterval":40000,`) || !strings.Contains(text, `"maxPayload":123456`) {
		t.Errorf("a newcomer is told %s", text)
	}
	o.Limits.Rooms = 1
	if err := s.Configure(o); err != nil {
		t.Fatal(err)
	}
	if got := guest.ask("open-room", map[string]string{"sessionid": "other"}); got == "[true]" {
		t.Error("there are more rooms than there may be")
	}
}

// An allowance that was without bounds begins whole when it gets some, and a bound
// that is taken away holds nobody back any more.
func TestConfigureMessageRate(t *testing.T) {
	s, web := serve(t, signaling.Options{Limits: unlimited()})
	c := join(t, dial(t, web, query("fast")))
	limits := unlimited()
	limits.MessageRate = 50
	for _, step := range []struct {
		limits signaling.Limits
		n      int
		held   bool
	}{{unlimited(), 700, false}, {limits, 400, false}, {limits, 300, true}, {unlimited(), 700, false}} {
		if err := s.Configure(signaling.Options{Limits: step.limits}); err != nil {
			t.Fatal(err)
		}
		before := s.Stats().Delayed
		for range step.n {
			c.emit("extra-data-updated", 1)
		}
		c.sync()
		if held := s.Stats().Delayed > before; held != step.held {
			t.Errorf("%v a second, %d messages: held back %v", step.limits.MessageRate, step.n, held)
		}
	}
}
