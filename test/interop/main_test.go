// Package interop lets foreign clients judge the server: coturn's own tools and
// pion's TURN and WebRTC stacks.
package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"iceserver/test/servertest"
)

const (
	realm  = "north.gov"
	secret = "secret"
)

// Relayed ports come from above those that kernels hand out by themselves, each
// server's from its own slice: a port held back for a reservation could
// otherwise be gone when its client comes.
const (
	firstRelayed  = 61000
	relayedSlice  = 500
	relayedSlices = 9
)

var servers atomic.Int64 // started so far

// certificate is what every server of these tests shows. Go's clients trust it,
// because TestMain says so before the first of them looks at the system's roots.
var certificate servertest.Certificate

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "iceserver-interop-")
	if err == nil {
		defer os.RemoveAll(dir)
		certificate, err = servertest.NewCertificate(dir)
	}
	if err == nil {
		err = os.Setenv("SSL_CERT_FILE", certificate.CertFile)
	}
	if err == nil {
		err = os.Setenv("SSL_CERT_DIR", filepath.Join(dir, "none"))
	}
	// coturn's client waits seconds before it sends, so that these tests wait
	// more than they work. A -parallel on the command line prevails.
	if err == nil {
		err = flag.Set("test.parallel", "6")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		return 1
	}
	return servertest.Main(m)
}

// server is a running server and where it listens.
type server struct {
	*servertest.Server
	port, tlsPort int
}

// ports are the keys that put a server on free ports of both loopback
// addresses, each --key=value. coturn's clients of Debian take channel numbers
// that only RFC 5766 had.
func ports(t *testing.T) (port, tlsPort int, keys []string) {
	t.Helper()
	port = servertest.FreePorts(t, 2)
	tlsPort = servertest.FreePorts(t, 2)
	low := firstRelayed + relayedSlice*int(servers.Add(1)%relayedSlices)
	return port, tlsPort, []string{
		fmt.Sprint("min-port=", low), fmt.Sprint("max-port=", low+relayedSlice-1),
		"listening-ip=127.0.0.1", "listening-ip=::1", "relay-ip=127.0.0.1", "relay-ip=::1",
		fmt.Sprint("listening-port=", port), fmt.Sprint("tls-listening-port=", tlsPort),
		"rfc5766-channel-numbers", "dtls", "cert=" + certificate.CertFile, "pkey=" + certificate.KeyFile,
		"realm=" + realm, "log-file=stdout", "verbose",
	}
}

// start runs a server with the given keys besides ports, all in a file.
func start(t *testing.T, keys ...string) server {
	t.Helper()
	port, tlsPort, common := ports(t)
	conf := strings.Join(append(common, keys...), "\n") + "\n"
	return server{servertest.Start(t, servertest.Options{Conf: conf}), port, tlsPort}
}

// startByFlags does the same with all of them on the command line.
func startByFlags(t *testing.T, keys ...string) server {
	t.Helper()
	port, tlsPort, common := ports(t)
	var flags []string
	for _, key := range append(common, keys...) {
		flags = append(flags, "--"+key)
	}
	return server{servertest.Start(t, servertest.Options{Flags: flags}), port, tlsPort}
}
