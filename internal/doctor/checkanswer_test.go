package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// target is what the doctor would know of a server that runs.
func (s testServer) target() *Target {
	t := &Target{Running: true, Account: Account{User: "alice", Password: "pw"}}
	at := func(p turn.Proto) []netip.AddrPort { return []netip.AddrPort{s.endpoint(p).server} }
	t.Listen.UDP, t.Listen.TCP, t.Listen.TLS, t.Listen.DTLS = at(turn.UDP), at(turn.TCP), at(turn.TLS), at(turn.DTLS)
	t.Host, t.Realm, t.MinPort, t.MaxPort = "127.0.0.1", "example.org", 49152, 65535
	t.Relays = relayAt("127.0.0.1", "127.0.0.1")
	return t
}

func TestAnswers(t *testing.T) {
	s := startServer(t)
	target := s.target()
	compareChecks(t, checkAnswers(t.Context(), target),
		want{OK, fmt.Sprint("udp ", s.port), "answers at 127.0.0.1", ""},
		want{OK, fmt.Sprint("tcp ", s.port), "answers", ""},
		want{OK, fmt.Sprint("tls ", s.tlsPort), "answers", ""},
		want{OK, fmt.Sprint("dtls ", s.tlsPort), "answers", ""})

	// UDP alone is closed, which no firewall in front of this machine does.
	closed := udpSocket(t)
	free := addrPortOf(closed.LocalAddr())
	closed.Close()
	target.Listen.UDP, target.Listen.TLS, target.Listen.DTLS = []netip.AddrPort{free}, nil, nil
	closedChecks := checkAnswers(t.Context(), target)
	compareChecks(t, closedChecks,
		want{Fail, fmt.Sprint("udp ", free.Port()), "nothing listens, seen from this very machine", "see in the log why"},
		want{OK, fmt.Sprint("tcp ", s.port), "answers", ""})
	if c := closedChecks[0]; len(c.remedies) > 0 || strings.Contains(c.Seen+c.Advice, "drops") {
		t.Errorf("%+v", c)
	}
	// It is silent: the line says that TCP is not.
	mute := endpoint{proto: turn.UDP, server: free}
	compareChecks(t, target.judgeAnswers([]answer{{mute, &silenceError{to: mute, what: "Binding"}}, {s.endpoint(turn.TCP), nil}}),
		want{Fail, fmt.Sprint("udp ", free.Port()), "TCP answers, so that something drops UDP", fmt.Sprint("open UDP ", free.Port())},
		want{OK, fmt.Sprint("tcp ", s.port), "answers", ""})
	if target.Running = false; checkAnswers(t.Context(), target) != nil {
		t.Error("a server that does not run was asked")
	}
}

func TestAccount(t *testing.T) {
	target := startServer(t, "user-quota=1").target()
	compareChecks(t, checkAccount(t.Context(), target),
		want{OK, "account", `user "alice" logs in`, ""}, want{OK, "relay", "relays at 127.0.0.1:", ""})

	target.Account.Password = "wrong"
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "account", "the password is not the one", "iceserver user set alice"})

	target.Account.Password = "pw"
	held := withAllocation(t, endpoint{server: target.Listen.UDP[0], username: "alice", password: "pw", patience: patience})
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "relay", "486", "user-quota"})
	held.close(t.Context())

	target.STUNOnly = true
	compareChecks(t, checkAccount(t.Context(), target), want{OK, "account", "stun-only", ""})
}

// A time-limited credential that is refused stands in no database, so that nothing
// can be set there: what is said is when it ended, or that its secret is another.
func TestTimedAccount(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	servertest.Start(t, servertest.Options{Conf: fmt.Sprintf("listening-ip=127.0.0.1\nlistening-port=%d\nno-tls\nuse-auth-secret\nstatic-auth-secret=right\nrealm=r\n", port)})
	secrets := 1
	target := &Target{Running: true, Facts: Facts{Realm: "r", MinPort: 49152, MaxPort: 65535},
		UserExists:  func(context.Context, string) (bool, error) { return false, nil },
		AskDatabase: func(context.Context) (Accounts, error) { return Accounts{Secrets: secrets}, nil }}
	target.Listen.UDP = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))}
	set := func(secret string, left time.Duration) {
		name, password := auth.REST{}.Mint(secret, "web", time.Now().Add(left))
		target.Account = Account{User: name, Password: password}
	}
	set("right", time.Hour)
	compareChecks(t, checkAccount(t.Context(), target), want{OK, "account", "logs in", ""}, want{OK, "relay", "relays at", ""})
	set("right", -time.Hour)
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "account", "its time was over at", "iceserver credentials"})
	set("wrong", time.Hour)
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "account", "not made with a shared secret that the server knows", "static-auth-secret"})
	secrets = 0
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "account", "the server knows no shared secret", "use-auth-secret"})
	target.Account.Password = ""
	secrets = 1
	compareChecks(t, checkAccount(t.Context(), target), want{OK, "account", "stands in no database", ""})
}

// A user of the configuration counts before the database, which takes no password for
// that name.
func TestConfiguredAccount(t *testing.T) {
	target := startServer(t).target()
	target.Account.Password = "wrong"
	target.Config, target.ConfigFile = &config.Config{Users: []config.User{{Name: "alice", Password: "pw"}}}, "/etc/turnserver.conf"
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "account", "the password is not the one", "/etc/turnserver.conf, at user=alice"})
}

func TestNoAuth(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	servertest.Start(t, servertest.Options{Conf: fmt.Sprintf("listening-ip=127.0.0.1\nlistening-port=%d\nno-tls\nno-auth\n", port)})
	target := &Target{Running: true, Facts: Facts{NoAuth: true}}
	target.Listen.UDP = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))}
	compareChecks(t, checkAccount(t.Context(), target), want{Warn, "account", "no-auth", "take no-auth out"}, want{OK, "relay", "relays at", ""})
}

// A server with IPv6 alone gives IPv4 to clients that name no family: the key that
// mends it is named.
func TestRelaysIPv6Alone(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	servertest.Start(t, servertest.Options{Conf: fmt.Sprintf("listening-ip=::1\nlistening-port=%d\nno-tls\nuser=alice:pw\nrealm=r\n", port)})
	target := &Target{Running: true, Account: Account{User: "alice", Password: "pw"}}
	target.Listen.UDP = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Loopback(), uint16(port))}
	compareChecks(t, checkAccount(t.Context(), target), want{Fail, "relay", "440", "write allocation-default-address-family=keep to a file that the server is started with"})
}
