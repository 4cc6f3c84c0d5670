package interop

import (
	"regexp"
	"testing"
)

// coturn's client refreshes its permissions every 30 seconds only. With a
// lifetime of 4 seconds they must end in the middle of its traffic, and the log
// says both.
func TestUclientExpiry(t *testing.T) {
	t.Parallel()
	s := start(t, "use-auth-secret", "static-auth-secret="+secret, "allow-loopback-peers",
		"permission-lifetime=4", "channel-lifetime=4")
	peer := echo(t)
	got, err := s.uclient(t, transports()[0], "127.0.0.1",
		shared("-n", "400", "-e", "127.0.0.1", "-r", peer, "-X", "-g")...)
	if err != nil {
		t.Fatal(err)
	}
	if got.sent != 80_000 || got.received >= got.sent {
		t.Errorf("sent %d bytes, received %d: nothing was stopped", got.sent, got.received)
	}
	// With the usual 300 seconds the second line would not come in time.
	for _, line := range []string{`msg=permitted .*peer=127\.0\.0\.1\b`, `msg=unpermitted .*peer=127\.0\.0\.1\b`} {
		if err := s.WaitFor(regexp.MustCompile(line), patience); err != nil {
			t.Error(err)
		}
	}
}
