package server

import (
	"testing"

	"iceserver/internal/turn"
)

// A machine that has only IPv6 relays for browsers, which name no family, without a
// configuration; what somebody has written counts, and so does what a file leaves out.
//
// R-8656-7.2-i (RFC 8656, 7.2): no family named and no IPv4 to be had gets 440.
func TestFamilyWithoutIPv4(t *testing.T) {
	for _, tt := range []struct {
		text, file string
		code       int
	}{
		{"", "", 0},
		{"allocation-default-address-family=ipv4", "", 440},
		{"", "turnserver.conf", 440},
		{"allocation-default-address-family=keep", "turnserver.conf", 0},
	} {
		r := start(t, load(t, "realm=r\nuser=alice:a-long-password\nno-tls\nlistening-ip=::1\nrelay-ip=::1\n"+tt.text), Options{ConfigFile: tt.file})
		r.log.Wait(t, "msg=ready")
		c := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
		res, err := c.request("Allocate", func(now turn.Now, out *turn.ClientOutbox) { c.client.Allocate(now, turn.NoFamily, out) })
		if res.Code != tt.code || (tt.code == 0) != (err == nil && res.Relayed.Addr().Is6()) {
			t.Errorf("%q in %q: %+v, %v", tt.text, tt.file, res, err)
		}
	}
}
