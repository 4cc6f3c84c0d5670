package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"iceserver/internal/turn"
)

// How a client is connected is told in coturn's words: the transport, the version
// of TLS, the cipher as OpenSSL calls it.
func TestStatsOfEncryption(t *testing.T) {
	port := freePort(t)
	db := redisServer(t, port)
	r := start(t, load(t, "realm=r\nuser=alice:a-long-password\ndtls\n"+
		fmt.Sprintf("redis-statsdb=ip=127.0.0.1 port=%d dbname=3 password=of-the-test", port)), Options{})
	r.log.Wait(t, "msg=ready")
	heard := db.PSubscribe(t.Context(), "turn/realm/r/user/alice/allocation/*/status")
	defer heard.Close()
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	over := func(version uint16, suite uint16) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			return tls.Dial("tcp", r.Addrs().TLS[0].String(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite}})
		}
	}
	for want, c := range map[string]struct {
		proto turn.Proto
		dial  func() (net.Conn, error)
	}{
		"type=TCP, ssl=NONE, cipher=NONE":                                 {turn.TCP, func() (net.Conn, error) { return net.Dial("tcp", r.Addrs().TCP[0].String()) }},
		"type=TLS/TCP, ssl=TLSv1.2, cipher=ECDHE-ECDSA-AES256-GCM-SHA384": {turn.TLS, over(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)},
		"type=TLS/TCP, ssl=TLSv1.3, cipher=TLS_":                          {turn.TLS, over(tls.VersionTLS13, 0)},
		"type=DTLS/UDP, ssl=DTLSv1.2, cipher=ECDHE-ECDSA-AES128-GCM-SHA256": {turn.DTLS, func() (net.Conn, error) {
			at := net.UDPAddrFromAddrPort(r.Addrs().DTLS[0])
			return dtls.DialWithOptions("udp", at, dtls.WithInsecureSkipVerify(true), dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
		}},
	} {
		conn, err := c.dial()
		if err != nil {
			t.Fatal(want, err)
		}
		alice := &tester{
			conn: conn, in: bufio.NewReader(conn), proto: c.proto, start: time.Now(), until: time.Now().Add(15 * time.Second),
			client: turn.NewClient(turn.ClientOptions{Username: "alice", Password: "a-long-password", Proto: c.proto, NewID: newTransactionID}),
		}
		if _, err := alice.allocate(); err != nil {
			t.Fatal(want, err)
		}
		status := hear(t, heard).Payload
		kind, rest, _ := strings.Cut(want, ", ")
		if !strings.Contains(status, kind+", ") || !strings.Contains(status, ", "+rest) {
			t.Errorf("told is %q, want %s", status, want)
		}
		local := netip.MustParseAddrPort(conn.LocalAddr().String())
		conn.Close()
		if said := hear(t, heard).Payload; said != "deleted" {
			t.Errorf("after the end of %v: %q", local, said)
		}
	}
}
