package server

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iceserver/internal/signaling"
	"iceserver/test/servertest"
)

// room is the room of the tokens made here.
const room = "r"

// pair makes an entry of a key set and what signs tokens with it.
func pair(t *testing.T, id string) (entry string, token func(claims string) string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, id, part(public)), func(claims string) string {
		signed := part(fmt.Appendf(nil, `{"alg":"EdDSA","kid":%q}`, id)) + "." + part([]byte(claims))
		return signed + "." + part(ed25519.Sign(private, []byte(signed)))
	}
}

func fileOf(entries ...string) []byte { return []byte(`{"keys":[` + strings.Join(entries, ",") + `]}`) }

// The file is read again when it has changed. One that cannot be used, or is gone,
// leaves the keys as they were, and is told of once.
func TestRoomKeys(t *testing.T) {
	log := new(servertest.Log)
	path := filepath.Join(t.TempDir(), "keys.json")
	put := func(text []byte) {
		t.Helper()
		// A new file in the place of the old one, as it is done with care.
		if err := os.WriteFile(path+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	first, byFirst := pair(t, "1")
	second, bySecond := pair(t, "2")
	put(fileOf(first))
	k, err := openRoomKeys(path, "rooms", slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_000_000, 0)
	check := func(what string, wantFirst, wantSecond bool, lines int) {
		t.Helper()
		for range 3 {
			k.refresh()
		}
		const claims = `{"exp":2000000000,"aud":"rooms","room":"` + room + `"}`
		for i, by := range []func(string) string{byFirst, bySecond} {
			grant, err := k.Grant(by(claims), now)
			if (err == nil) != []bool{wantFirst, wantSecond}[i] || err == nil && fmt.Sprint(grant.Open) != "[r]" {
				t.Errorf("%s: key %d: %+v, %v", what, i+1, grant, err)
			}
		}
		if n := strings.Count(log.String(), "\n"); n != lines {
			t.Errorf("%s: %d lines, want %d: %s", what, n, lines, log)
		}
	}
	check("at first", true, false, 0)
	put(fileOf(first, second))
	check("with two", true, true, 1)
	put([]byte(`{"keys":[`))
	check("half a file", true, true, 2)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("no file", true, true, 3)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	check("a folder", true, true, 4)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(fileOf(second))
	check("the first is withdrawn", false, true, 5)
	if strings.Contains(log.String(), second) {
		t.Error("a key is in the log")
	}
}

// A file that cannot be used refuses the start, with what to do.
func TestRoomKeysRefuse(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing"): "no such file",
		dir:                           "is no plain file",
		file("empty", ""):             "no JSON Web Key Set",
		file("secret", `{"keys":[{"kty":"oct","k":"eA"}]}`): "public keys alone",
		file("long", strings.Repeat(" ", 300<<10)):          "too long",
	} {
		cfg := load(t, "web=on\nsignaling-auth=token\nsignaling-audience=a\nsignaling-jwks="+path)
		_, err := New(cfg, Options{ConfigFile: "f", Stdout: new(servertest.Log), Stderr: new(servertest.Log)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "signaling-jwks: ") || !strings.Contains(err.Error(), "give a file") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// What the file says of the signaling arrives there, 0 as "none".
func TestSignalingOptions(t *testing.T) {
	o := new(webSetup).signalingOptions(load(t, "web=on\nsignaling-max-connections=1\nsignaling-max-per-address=2\nsignaling-max-rooms=3\nsignaling-max-participants=4\n"+
		"signaling-max-message=20000\nsignaling-max-buffer=70000\nsignaling-message-rate=7\nsignaling-grace-period=8\nsignaling-heartbeat=9\nweb-origin=https://a.example"))
	want := signaling.Limits{Sessions: 1, PerAddress: 2, Rooms: 3, Participants: 4, MessageBytes: 20000, Buffer: 70000, MessageRate: 7}
	if o.Limits != want || o.Grace != 8*time.Second || o.Heartbeat != 9*time.Second || fmt.Sprint(o.Origins) != "[https://a.example]" {
		t.Errorf("%+v", o)
	}
	o = new(webSetup).signalingOptions(load(t, "signaling-message-rate=0\nsignaling-grace-period=0"))
	if o.Limits.MessageRate >= 0 || o.Grace >= 0 {
		t.Errorf("%+v", o)
	}
}
