package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// poll is one message to the signaling of a running server and what came back, as
// a client behind a proxy sends it.
func poll(t *testing.T, r *running, method, query, body, client string) (int, string) {
	t.Helper()
	q, err := http.NewRequest(method, "http://"+r.Addrs().TCP[0].String()+"/socket.io/?EIO=4&transport=polling&"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-Forwarded-For", client)
	q.Header.Set("X-Forwarded-Proto", "https")
	answer, err := r.browser(t, "").Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// H-18: behind a proxy that is named, each client of the signaling has its own
// limit; without the name they all are the proxy, whatever the header says.
func TestSignalingBehindProxy(t *testing.T) {
	for keys, want := range map[string]string{
		"web-trusted-proxies=127.0.0.1\n":     "200 200 429 200 429",
		"web-trusted-proxies=198.51.100.0/24": "200 200 429 429 429",
		"":                                    "200 200 429 429 429",
	} {
		r := start(t, load(t, "web=on\nsignaling-max-per-address=2\n"+keys), Options{ConfigFile: "f"})
		r.log.Wait(t, "msg=ready")
		var got []string
		for _, client := range []string{"203.0.113.1", "127.0.0.1, 203.0.113.1", "198.51.100.7, 203.0.113.1", "203.0.113.2", "203.0.113.2, 203.0.113.1"} {
			status, _ := poll(t, r, "GET", "", "", client)
			got = append(got, fmt.Sprint(status))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s, want %s", keys, strings.Join(got, " "), want)
		}
		r.log.Wait(t, "signaling-max-per-address")
		_ = r.stop()
	}
}

// A token that was signed with a key of the file opens the room that it names.
func TestSignalingKeys(t *testing.T) {
	entry, token := pair(t, "k")
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, fileOf(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, load(t, "web=on\nsignaling-auth=token\nsignaling-audience=rooms\nsignaling-jwks="+path), Options{ConfigFile: "f"})
	r.log.Wait(t, "msg=ready")
	claims := fmt.Sprintf(`{"exp":%d,"aud":%%q,"room":"r"}`, time.Now().Add(time.Hour).Unix())
	for audience, want := range map[string]string{"rooms": "40{", "mail": `44{"message":"invalid token"}`} {
		user := "userid=u&token=" + token(fmt.Sprintf(claims, audience))
		_, text := poll(t, r, "GET", user, "", "")
		_, text, _ = strings.Cut(text, `"sid":"`)
		sid, _, _ := strings.Cut(text, `"`)
		user += "&sid=" + sid
		poll(t, r, "POST", user, "40", "")
		if _, text := poll(t, r, "GET", user, "", ""); !strings.HasPrefix(text, want) {
			t.Errorf("for %s: %s, want %s", audience, text, want)
		}
	}
}
