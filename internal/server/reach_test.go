package server

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"iceserver/internal/relay"
)

// afar is the address on loopback that the tests ask from.
const afar = "127.0.0.2"

// lookAt asks a server to look at 127.0.0.2, and returns what it says, as words.
func (r *running) lookAt(t *testing.T, body string) (status int, results []string, text string) {
	t.Helper()
	body += strings.Repeat(" ", 8<<10)
	q, err := http.NewRequest(http.MethodPost, "http://"+r.Addrs().TCP[0].String()+"/api/v1/reach", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+r.web.firstKey)
	q.Header.Set("Content-Type", "application/json")
	res, err := r.browser(t, afar).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Address string
		From    []string
		Results []struct {
			Transport string
			Port      uint16
			Result    string
		}
		Error string
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK && (answer.Address != afar || !slices.Equal(answer.From, []string{"127.0.0.1"})) {
		t.Errorf("%+v", answer)
	}
	for _, one := range answer.Results {
		results = append(results, fmt.Sprint(one.Transport, " ", one.Port, " ", one.Result))
	}
	return res.StatusCode, results, answer.Error
}

// A server of every transport, a port that is shut, one where something else
// listens, and one that says nothing.
//
// Of what is not STUN no more is told than that it was silent.
func TestReachLooks(t *testing.T) {
	r := start(t, load(t, "allow-loopback-peers\n"), Options{})
	r.log.Wait(t, "msg=ready")
	other := start(t, load(t, "listening-ip="+afar+"\ndtls\nallow-loopback-peers\n"), Options{})
	other.log.Wait(t, "msg=ready")
	plain, secure := other.Addrs().UDP[0].Port(), other.Addrs().TLS[0].Port()
	shut := freePort(t)

	banner, err := net.Listen("tcp", afar+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer banner.Close()
	go func() {
		for {
			c, err := banner.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.org ESMTP\r\n"))
			_ = c.Close()
		}
	}()
	mail := banner.Addr().(*net.TCPAddr).Port

	body := fmt.Sprintf(`{"udp":[%d,%d],"tcp":[%d,%d,%d],"tls":[%d],"dtls":[%d]}`, plain, shut, plain, shut, mail, secure, secure)
	status, got, text := r.lookAt(t, body)
	want := []string{
		fmt.Sprintf("udp %d answered", plain), fmt.Sprintf("udp %d refused", shut), fmt.Sprintf("tcp %d answered", plain),
		fmt.Sprintf("tcp %d refused", shut), fmt.Sprintf("tcp %d silent", mail), fmt.Sprintf("tls %d answered", secure), fmt.Sprintf("dtls %d answered", secure),
	}
	if status != http.StatusOK || !slices.Equal(got, want) {
		t.Errorf("%d %q %s, want %q", status, got, text, want)
	}
}

// A-O09: what is sent without an answer is less than what the call has to be long,
// and the token reaches the relayed port behind words that the caller does not
// choose.
func TestReachSendsLittle(t *testing.T) {
	r := start(t, load(t, "allow-loopback-peers\n"), Options{})
	r.log.Wait(t, "msg=ready")
	token := bytes.Repeat([]byte{7}, 16)
	// Headers of IPv6 and UDP stand with each datagram.
	const headers = 48
	for transport, most := range map[string]int{"udp": 4 * (48 + 48), "dtls": 1600, "relay": 2 * (32 + 48)} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			sink, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(afar+":0")))
			if err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			port := sink.LocalAddr().(*net.UDPAddr).Port
			status, got, text := r.lookAt(t, fmt.Sprintf(`{%q:[%d],"token":%q}`, transport, port, hex.EncodeToString(token)))
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, text)
			}
			// All has been sent: the answer was the end of it.
			sum, count, last := 0, 0, []byte(nil)
			for {
				b := make([]byte, 2000)
				_ = sink.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				n, err := sink.Read(b)
				if err != nil {
					break
				}
				sum, count, last = sum+n+headers, count+1, b[:n]
			}
			if count == 0 || sum > most {
				t.Errorf("%d datagrams of %d bytes, paid for %d", count, sum, most)
			}
			if transport == "relay" && (!bytes.Equal(last, append([]byte("iceserver reach\n"), token...)) || got[0] != fmt.Sprintf("relay %d sent", port)) {
				t.Errorf("%q %q", last, got)
			}
		})
	}
}

// Whom a server looks at, and whom not.
func TestMayReach(t *testing.T) {
	addr := netip.MustParseAddr
	public := &place{listen: []netip.Addr{addr("192.0.1.1"), addr("127.0.0.1")}, relays: []relay.RelayAddr{{Local: addr("192.0.1.1")}}}
	natted := &place{listen: []netip.Addr{addr("10.0.0.5"), addr("127.0.0.1")}, relays: []relay.RelayAddr{{Local: addr("10.0.0.5"), External: addr("192.0.1.1")}}}
	lan := &place{listen: []netip.Addr{addr("10.0.0.5"), addr("127.0.0.1")}, relays: []relay.RelayAddr{{Local: addr("10.0.0.5")}}, lan: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
	here := &place{listen: []netip.Addr{addr("127.0.0.1")}, relays: []relay.RelayAddr{{Local: addr("127.0.0.1")}}}
	for _, tt := range []struct {
		name, conf, asker string
		place             *place
		says              string // empty: it is looked at
	}{
		{"public", "", "8.8.8.8", public, ""},
		{"public IPv6", "", "2a00::1", public, ""},
		{"itself", "", "192.0.1.1", public, "this server itself"},
		{"itself behind NAT", "", "192.0.1.1", natted, "this server itself"},
		{"itself from inside", "", "10.0.0.5", natted, "this server itself"},
		{"loopback", "", "127.0.0.1", public, "this server itself"},
		{"another loopback", "", "127.0.0.9", public, "loopback"},
		{"loopback allowed as peer", "allow-loopback-peers\n", "127.0.0.9", public, "private address"},
		{"loopback for loopback", "allow-loopback-peers\n", "127.0.0.9", here, ""},
		{"neighbour of a cloud machine", "", "10.0.0.6", natted, "private (10.0.0.0/8)"},
		{"allowed as peer", "allowed-peer-ip=10.0.0.0-10.0.0.255\n", "10.0.0.6", natted, "private address"},
		{"neighbour of a LAN server", "", "10.0.0.6", lan, ""},
		{"not of its subnet", "", "10.0.1.6", lan, "private (10.0.0.0/8)"},
		{"metadata", "", "169.254.169.254", lan, "169.254.0.0/16"},
		{"denied", "denied-peer-ip=8.8.8.0-8.8.8.255\n", "8.8.8.8", public, "denied-peer-ip"},
		{"6to4 of a private one", "", "2002:a00:6::1", public, "6to4"},
		{"NAT64 of loopback", "", "64:ff9b::7f00:1", public, "NAT64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(load(t, tt.conf), &access{}, tt.place)
			got := s.mayReach(addr(tt.asker))
			if (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
				t.Errorf("%q, want %q", got, tt.says)
			}
		})
	}
}
