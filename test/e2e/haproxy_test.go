package e2e

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// haproxyConf is a load balancer in front of a server: for clients over TCP with
// either version of the header, and for TLS, which goes through as it is. It asks
// with a header of its own whether the server is well, and is patient: an answer that
// comes late on a busy machine is not one of a server that is down.
const haproxyConf = `global
	stats socket %[5]s
defaults
	mode tcp
	timeout connect 10s
	timeout client 60s
	timeout server 60s
	timeout check 60s
listen v1
	bind 127.0.0.1:%[1]d
	server ice %[4]s send-proxy
listen v2
	bind 127.0.0.1:%[2]d
	server ice %[4]s send-proxy-v2 check check-send-proxy inter 1s
listen tls
	bind 127.0.0.1:%[3]d
	option httpchk GET /
	server ice %[4]s send-proxy-v2 check check-send-proxy inter 1s
`

// balancer is a running haproxy.
type balancer struct {
	v1, v2, tls int    // the ports that it listens on
	socket      string // for questions
}

// haproxy starts a load balancer in front of a port.
func haproxy(t *testing.T, behind int) balancer {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		program = "/usr/sbin/haproxy" // which is not in everybody's path
	}
	port := servertest.FreePorts(t, 3)
	b := balancer{port, port + 1, port + 2, filepath.Join(t.TempDir(), "s")}
	conf := write(t, "haproxy.cfg", fmt.Sprintf(haproxyConf, b.v1, b.v2, b.tls, "127.0.0.1:"+strconv.Itoa(behind), b.socket))
	// -db: in the foreground and without children, so that it ends with the test.
	servertest.Run(t, program, "-db", "-f", conf)
	b.await(t, "tls,ice,", "L7OK") // the last that it opens
	return b
}

// await waits until a line of haproxy's statistics that begins with name has a
// field in it.
func (b balancer) await(t *testing.T, name, field string) {
	t.Helper()
	for over := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		all := b.statistics()
		for line := range strings.Lines(all) {
			if strings.HasPrefix(line, name) && strings.Contains(line, ","+field+",") {
				return
			}
		}
		if time.Now().After(over) {
			t.Fatalf("haproxy never says %s of %s:\n%s", field, name, all)
		}
	}
}

// statistics are what haproxy knows, or nothing as long as it is not there.
func (b balancer) statistics() string {
	c, err := net.Dial("unix", b.socket)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := c.Write([]byte("show stat\n")); err != nil {
		return ""
	}
	all, _ := io.ReadAll(c)
	return string(all)
}

// through dials a load balancer from an address of its own, which the server can
// only know from the header.
func through(t *testing.T, url, from, username, password, certFile string) *client {
	t.Helper()
	c := dialFrom(t, url, netip.MustParseAddr(from), username, password, certFile)
	if got := c.conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr().String(); got != from {
		t.Fatalf("the connection comes from %s", got)
	}
	return c
}

// Behind haproxy clients allocate over TCP, with both versions of the header, and
// over TLS that is the server's own, and the log shows their addresses instead of
// the load balancer's. Its checks find the server well.
func TestBehindHAProxy(t *testing.T) {
	cert, err := servertest.NewCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	port := servertest.FreePorts(t, 1)
	p := server(t, t.TempDir(), "--realm=example.org", "--user=alice:a password", "--cert="+cert.CertFile, "--pkey="+cert.KeyFile,
		"--tcp-proxy-port="+strconv.Itoa(port))
	b := haproxy(t, port)
	b.await(t, "v2,ice,", "L4OK")
	for i, url := range []string{
		fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", b.v1),
		fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", b.v2),
		fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", b.tls),
	} {
		from := fmt.Sprintf("127.0.77.%d", i+1)
		if _, code := through(t, url, from, "alice", "a password", cert.CertFile).allocate(); code != 0 {
			t.Errorf("%s: refused with %d", url, code)
		}
		p.wait(t, "client="+from+":")
		relays(t, url, "alice", "a password", cert.CertFile)
	}
	if _, code := through(t, fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", b.v2), "127.0.77.9", "alice", "wrong", "").allocate(); code != 401 {
		t.Errorf("a wrong password: %d", code)
	}
	line := p.wait(t, "client=127.0.77.9:")
	if !strings.Contains(line, "401") {
		t.Error(line)
	}
	if all := p.err.String(); strings.Contains(all, "PROXY header") {
		t.Errorf("the load balancer's headers and checks are not understood:\n%s", all)
	}
}
