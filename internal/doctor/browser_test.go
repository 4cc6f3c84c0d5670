package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// What the server saw of a browser, and what that means.
func TestBrowserChecks(t *testing.T) {
	came := func(transport string) seenAttempt { return seenAttempt{"Allocate", 0, "", transport, "192.0.2.9"} }
	for _, tt := range []struct {
		name string
		seen []seenAttempt
		want []string
	}{
		{"nobody", nil, []string{"WARN browser: no browser has asked"}},
		{"all", []seenAttempt{came("UDP"), came("TCP"), came("TLS")}, []string{
			"OK browser udp: came through from 192.0.2.9", "OK browser tcp: came through from 192.0.2.9", "OK browser tls: came through from 192.0.2.9"}},
		{"no UDP, no TLS", []seenAttempt{came("TCP")}, []string{
			"FAIL browser udp: nothing came over UDP, other transports came through: a firewall drops it -> open UDP 3478", "OK browser tcp",
			"FAIL browser tls: nothing came over TLS: the browser refuses the certificate, or its port is closed"}},
		{"refused", []seenAttempt{{"Allocate", 486, "quota", "UDP", "192.0.2.9"}, {"Allocate", 401, "wrong-password", "TCP", "192.0.2.9"}, came("TLS")}, []string{
			"FAIL browser udp: was refused with 486 quota from 192.0.2.9", "FAIL browser tcp: arrived from 192.0.2.9, and nothing after the challenge did", "OK browser tls"}},
		{"permissions do not count", []seenAttempt{came("TCP"), {"CreatePermission", 0, "", "UDP", "192.0.2.9"}, came("TLS")}, []string{
			"FAIL browser udp: nothing came over UDP", "OK browser tcp", "OK browser tls"}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantLines(t, one("192.0.2.7").browserChecks(tt.seen), tt.want...) })
	}
}

// The server is asked on this machine, with the key of the link, until all
// transports were seen; a link that it does not know yet is waited for.
func TestFollowBrowser(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/attempts" || r.Header.Get("Authorization") != "Bearer ice_k" {
			t.Errorf("%v %v", r.URL, r.Header)
		}
		all := []seenAttempt{{"Allocate", 0, "", "UDP", "192.0.2.9"}, {"Allocate", 0, "", "TCP", "192.0.2.9"}, {"Allocate", 0, "", "TLS", "192.0.2.9"}}
		n := asked.Add(1)
		if n == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"attempts": all[:n]})
	}))
	defer s.Close()
	at := netip.MustParseAddrPort(strings.TrimPrefix(s.URL, "https://"))
	target := one("192.0.2.7")
	target.Listen.TLS = append(target.Listen.TLS, at)
	link := "https://192.0.2.7:" + strings.TrimPrefix(at.String(), "127.0.0.1:") + "/test#key=ice_k"
	wantLines(t, target.FollowBrowser(context.Background(), link), "OK browser udp", "OK browser tcp", "OK browser tls")
	if asked.Load() != 3 {
		t.Errorf("asked %d times", asked.Load())
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	wantLines(t, target.FollowBrowser(over, link), "WARN browser: no browser")
	s.Close()
	wantLines(t, target.FollowBrowser(context.Background(), link), "FAIL browser: the server does not tell what it sees")
}
