package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"iceserver/internal/config"
)

// coturnText is what a record becomes, without its time.
func coturnText(t *testing.T, format string, level slog.Level, write func(*slog.Logger)) string {
	t.Helper()
	var out bytes.Buffer
	l := new(logging)
	l.level.Set(level)
	write(slog.New(l.handler(&config.Config{LogFormat: format}, &out, func(time.Time) slog.Value { return slog.Value{} })))
	return out.String()
}

// session are the attributes that the relay gives every line about a session.
func session(more ...any) []any {
	return append([]any{
		"client", netip.MustParseAddrPort("198.51.100.7:4000"), "transport", "UDP", "realm", "example.org",
		"user", "1790086400:alice", "session", "001000000000000002",
	}, more...)
}

func stranger(user, reason string) []any {
	return []any{
		"client", netip.MustParseAddrPort("[2001:db8::7]:4000"), "transport", "UDP", "realm", "example.org", "user", user,
		"server", netip.MustParseAddrPort("[2001:db8::1]:3478"), "method", "Allocate", "code", 401, "reason", reason,
	}
}

// Each event in coturn's lines, the number of the session behind and in front.
func TestCoturnLines(t *testing.T) {
	const s = "(session 001000000000000002)"
	for _, tt := range []struct {
		message string
		attrs   []any
		want    []string
	}{
		{"allocated", session("lifetime", 777*time.Second), []string{
			"INFO allocation new, realm=<example.org>, username=<1790086400:alice>, lifetime=777 " + s,
			"INFO realm <example.org> user <1790086400:alice>: incoming packet ALLOCATE processed, success " + s,
		}},
		{"refreshed", session("lifetime", 10*time.Minute), []string{
			"INFO allocation refreshed, realm=<example.org>, username=<1790086400:alice>, lifetime=600 " + s,
			"INFO realm <example.org> user <1790086400:alice>: incoming packet REFRESH processed, success " + s,
		}},
		{"permitted", session("lifetime", 5*time.Minute, "peer", netip.MustParseAddrPort("203.0.113.9:0")), []string{
			"INFO peer 203.0.113.9 lifetime updated: 300 " + s,
			"INFO realm <example.org> user <1790086400:alice>: incoming packet CREATE_PERMISSION processed, success " + s,
		}},
		{"unpermitted", session("peer", netip.MustParseAddrPort("203.0.113.9:0")), []string{
			"INFO peer 203.0.113.9 deleted " + s,
		}},
		{"deleted", session("server", netip.MustParseAddrPort("192.0.2.1:3478"), "client_packets", 1, "client_bytes", 20,
			"peer_packets", 3, "peer_bytes", 40, "reason", "expired"), []string{
			"INFO usage: realm=<example.org>, username=<1790086400:alice>, rp=1, rb=20, sp=3, sb=40 " + s,
			"INFO peer usage: realm=<example.org>, username=<1790086400:alice>, rp=3, rb=40, sp=1, sb=20 " + s,
			"INFO closed (2nd stage), user <1790086400:alice> realm <example.org> origin <>, local 192.0.2.1:3478, " +
				"remote 198.51.100.7:4000, reason: allocation timeout " + s,
			"INFO allocation delete: realm=<example.org>, username=<1790086400:alice> " + s,
		}},
		{"refused", session("method", "CreatePermission", "code", 403, "peer", netip.MustParseAddrPort("10.0.0.1:0"),
			"reason", "peer-policy", "rule", "private 10.0.0.0/8"), []string{
			"ERROR A peer IP 10.0.0.1 denied in the range: private%2010.0.0.0/8 " + s + " remote=198.51.100.7:4000",
			"INFO realm <example.org> user <1790086400:alice>: incoming packet CREATE_PERMISSION processed, error 403: Forbidden IP " +
				s + " remote=198.51.100.7:4000",
		}},
		{"answered", session("method", "Binding"), []string{
			"INFO realm <example.org> user <1790086400:alice>: incoming packet BINDING processed, success " + s,
		}},
	} {
		write := func(l *slog.Logger) { l.Info(tt.message, tt.attrs...) }
		if got := coturnText(t, "coturn", slog.LevelDebug, write); got != strings.Join(tt.want, "\n")+"\n" {
			t.Errorf("%s: got\n%swant\n%s", tt.message, got, strings.Join(tt.want, "\n"))
		}
		behind := regexp.MustCompile(`(?m)^(\w+) (?:allocation )?(.*) \(session (\d+)\)`)
		front := behind.ReplaceAllString(strings.Join(tt.want, "\n"), "$1 session $3: $2")
		if got := coturnText(t, "coturn-4.17", slog.LevelDebug, write); got != front+"\n" {
			t.Errorf("%s: got\n%swant\n%s", tt.message, got, front)
		}
	}
}

// Who is refused for a wrong credential gets coturn's three lines, under one number
// of its own each time, and ours behind them: where it came from.
func TestCoturnRefusals(t *testing.T) {
	for reason, text := range map[string]string{
		"wrong-password": "user alice credentials are incorrect",
		"unknown-user":   "Cannot find credentials of user <alice>",
	} {
		got := coturnText(t, "coturn-4.17", slog.LevelInfo, func(l *slog.Logger) {
			l.Warn("refused", stranger("alice", reason)...)
			l.Warn("refused", stranger("alice", reason)...)
		})
		lines := func(id string) string {
			return "ERROR session " + id + ": check_stun_auth: " + text + " remote=[2001:db8::7]:4000\n" +
				"INFO session " + id + ": realm <example.org> user <alice>: incoming packet message processed, " +
				"error 401: Unauthorized remote=[2001:db8::7]:4000\n" +
				"INFO session " + id + ": closed (2nd stage), user <alice> realm <example.org> origin <>, local [2001:db8::1]:3478, " +
				"remote [2001:db8::7]:4000, reason: " + staleSession + "\n"
		}
		if want := lines("999000000000000001") + lines("999000000000000002"); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

// A-X04: what anybody can provoke in the name of anybody is in no line that filters
// ban by: not a wrong credential that proves nothing, and not what comes before
// credentials are looked at.
func TestCoturnRefusalsOfForged(t *testing.T) {
	for _, attrs := range [][]any{
		append(stranger("alice", "wrong-password"), "guess", false), append(stranger("alice", "expired-credential"), "guess", false),
		stranger("", "incomplete"), stranger("", "nonce"),
	} {
		got := coturnText(t, "coturn", slog.LevelInfo, func(l *slog.Logger) { l.Warn("refused", attrs...) })
		if strings.Contains(got, "closed") || regexp.MustCompile("check_stun_auth.* remote=").MatchString(got) {
			t.Errorf("%v: got\n%s", attrs, got)
		}
	}
}

// A credential that has run out is called so, as by coturn 4.18.
func TestCoturnExpired(t *testing.T) {
	got := coturnText(t, "coturn", slog.LevelInfo, func(l *slog.Logger) {
		l.Warn("refused", append(stranger("1700000000:a b", "expired-credential"), "guess", false)...)
	})
	want := "ERROR check_stun_auth: credentials of user <1700000000:a%20b> have expired (the time-limited username timestamp is in the past) (session 999000000000000001)\n"
	if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 2 {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// What verbose adds is left out without it.
func TestCoturnVerbose(t *testing.T) {
	got := coturnText(t, "coturn", slog.LevelInfo, func(l *slog.Logger) {
		l.Info("allocated", session("lifetime", time.Minute)...)
		l.Debug("refreshed", session("lifetime", time.Minute)...)
	})
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "allocation new") {
		t.Errorf("got\n%s", got)
	}
}

// Records that are about no session are the level, the message and what it is about.
func TestCoturnOtherLines(t *testing.T) {
	for _, tt := range []struct {
		write func(*slog.Logger)
		want  string
	}{
		{func(l *slog.Logger) { l.Info("stopping") }, "INFO stopping\n"},
		{func(l *slog.Logger) { l.Warn("it is so", "file", "a b", "error", errors.New("no")) }, `WARNING it is so: file="a b" error=no` + "\n"},
		{func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Error("x", "b", 2) }, "ERROR x: a=1 g.b=2\n"},
		{func(l *slog.Logger) { l.Info("refused", "by", "somebody else") }, "INFO refused: by=\"somebody else\"\n"},
		{func(l *slog.Logger) { l.Debug("nobody", "sees", "it") }, ""},
	} {
		if got := coturnText(t, "coturn", slog.LevelInfo, tt.write); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// A-L01: whatever a client calls itself, a record is as many lines as it always is,
// in every form of the log, and no part of the name looks like another field.
func TestLogHostileNames(t *testing.T) {
	for _, name := range []string{
		"a\nb", "a\r\nINFO x", "a\x1b[2Jb", "%s%n%d", "a\x00b", "\u2028\u2029\u0085", "\xed\xa0\x80", "\xff\xfe", "\U0001F600", "\u202eevil", "\u009b2J\x7f", "\U000E0041",
		strings.Repeat("x", 763), "x> realm <y> origin <>, local 1.2.3.4:1, remote 192.0.2.99:5, reason: z", "a remote=192.0.2.99:5",
		`a" client=192.0.2.99:5 reason=wrong-password`, `","client":"192.0.2.99:5"`, "",
	} {
		for format, forged := range map[string]string{
			"coturn": `remote[ =]192\.0\.2\.99`, "coturn-4.17": `remote[ =]192\.0\.2\.99`,
			"text": `^[^"]* client=192\.0\.2\.99`, "json": `"client":"192\.0\.2\.99`,
		} {
			write := func(name string) string {
				return coturnText(t, format, slog.LevelDebug, func(l *slog.Logger) {
					l.Warn("refused", stranger(name, "unknown-user")...)
					l.Info("signaling: in a room", "user", name)
				})
			}
			got, want := write(name), write("alice")
			if strings.Count(got, "\n") != strings.Count(want, "\n") {
				t.Errorf("%s: %q makes other lines:\n%s", format, name, got)
			}
			if strings.ContainsAny(got, "\r\x1b\x00") || regexp.MustCompile(`[\x{2028}\x{2029}\x{7f}-\x{9f}\x{202e}]`).MatchString(got) {
				t.Errorf("%s: %q gets through:\n%q", format, name, got)
			}
			if regexp.MustCompile(forged).MatchString(strings.SplitN(got, "\n", 2)[0]) {
				t.Errorf("%s: %q passes for an address:\n%s", format, name, got)
			}
		}
	}
}

// What is escaped in JSON is still what the client said.
func TestLogJSONKeepsNames(t *testing.T) {
	const name = "a\u0085\u009b2J\x7f\u202e\U000E0041é\U0001F600\"\\"
	got := coturnText(t, "json", slog.LevelDebug, func(l *slog.Logger) { l.Warn("refused", "user", name) })
	var line struct{ User string }
	if err := json.Unmarshal([]byte(got), &line); err != nil || line.User != name {
		t.Errorf("%v: %q is %q", err, got, line.User)
	}
}

// The time stands in front, as coturn writes it or as the key says; a whole server
// logs like that.
func TestCoturnTimestamp(t *testing.T) {
	for text, want := range map[string]string{
		"log-format=coturn": `(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} INFO ready: `,
		"log-format=coturn-4.17\nnew-log-timestamp-format=%d/%b/%Y": `(?m)^\d{2}/[A-Z][a-z]{2}/\d{4} INFO ready: `,
	} {
		r := start(t, load(t, text), Options{})
		if line := r.log.Wait(t, "ready: "); !regexp.MustCompile(want).MatchString(line) {
			t.Errorf("%q: got %s", text, line)
		}
	}
}
