package netns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// A cloud gives its machine a private address, and the world another one that is
// translated to it, port by port as it is.
const (
	cloudPublic  = "198.18.0.50"
	cloudPrivate = "198.18.200.2"
	cloudGate    = "198.18.200.1"
	cloudNobody  = "198.18.0.99" // on the public segment, and nobody's
)

// cloud is a machine behind such a translation; its server is the one to examine.
// The public segment's own namespace has a second server, to look from outside.
type cloud struct {
	network
	machine   string // namespace
	gate      string // that of the translation
	authority authority
	link      string // of the second server, with a key
}

// buildCloud makes both, and a client behind a NAT with a browser.
func buildCloud(t *testing.T) cloud {
	t.Helper()
	n := build(t, "b")
	c := cloud{network: n, machine: servertest.Namespace(t, "m"), authority: newAuthority(t)}
	gate := servertest.Namespace(t, "g")
	c.gate = gate
	servertest.In(t, n.server, "ip link add name togate type veth peer name pub netns "+gate)
	servertest.In(t, n.server, "ip link set togate master pub up")
	servertest.In(t, gate, "ip link add name lan type veth peer name eth0 netns "+c.machine)
	servertest.In(t, gate, "ip address add "+cloudPublic+"/24 dev pub")
	servertest.In(t, gate, "ip address add "+cloudGate+"/24 dev lan")
	servertest.In(t, gate, "ip link set pub up")
	servertest.In(t, gate, "ip link set lan up")
	servertest.In(t, gate, "ip route add default via "+serverIP)
	servertest.In(t, gate, "sysctl -q -w net.ipv4.ip_forward=1")
	servertest.In(t, c.machine, "ip address add "+cloudPrivate+"/24 dev eth0")
	servertest.In(t, c.machine, "ip link set eth0 up")
	servertest.In(t, c.machine, "ip route add default via "+cloudGate)
	servertest.Firewall(t, gate, fmt.Sprintf(`
table ip nat {
	chain pre {
		type nat hook prerouting priority -100;
		ip daddr %s dnat to %s
	}
	chain post {
		type nat hook postrouting priority 100;
		ip saddr %s snat to %s
	}
}`, cloudPublic, cloudPrivate, cloudPrivate, cloudPublic))
	c.startSecond(t)
	return c
}

// startSecond starts the server that looks at others, and makes a link there.
func (c *cloud) startSecond(t *testing.T) {
	t.Helper()
	cert, key := c.authority.issue(t, serverIP, life)
	data := t.TempDir()
	servertest.Start(t, servertest.Options{
		Conf: strings.Join([]string{
			"listening-ip=" + serverIP, "relay-ip=" + serverIP, "listening-port=3478", "tls-listening-port=5349", "realm=second",
			"user=s:s", "web=on", "cert=" + cert, "pkey=" + key, "log-file=stdout", "data-dir=" + data,
		}, "\n") + "\n",
		Via: []string{"ip", "netns", "exec", c.server},
	})
	c.link = linkOf(t, c.server, data)
}

// linkOf makes a link to the pages of a server.
func linkOf(t *testing.T, namespace, data string) string {
	t.Helper()
	lines := strings.Fields(servertest.In(t, namespace, servertest.Binary(t)+" link add --data-dir="+data))
	for _, line := range lines {
		if strings.HasPrefix(line, "https://") {
			return line
		}
	}
	t.Fatalf("no link: %q", lines)
	return ""
}

// start runs the server of the machine with further lines of configuration and
// returns where its data is.
func (c cloud) start(t *testing.T, more ...string) (data string) {
	t.Helper()
	data = t.TempDir()
	servertest.Start(t, servertest.Options{
		Conf: strings.Join(append([]string{
			"listening-port=3478", "tls-listening-port=5349", "realm=test", "lt-cred-mech", "web=on", "log-file=stdout",
			"min-port=20000", "max-port=20099", "allowed-peer-ip=198.18.0.0-198.18.255.255", "data-dir=" + data,
		}, more...), "\n") + "\n",
		Via: []string{"ip", "netns", "exec", c.machine},
	})
	return data
}

// authority issues certificates that the doctor and the browser trust.
type authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "iceserver test authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(2 * life),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	a := authority{file: filepath.Join(t.TempDir(), "authority.pem")}
	a.key, a.cert = sign(t, a.file, template, nil, nil)
	return a
}

// life is that of a certificate that nobody has to renew soon.
const life = 60 * 24 * time.Hour

// issue makes a certificate for an address, good for so long from now.
func (a authority) issue(t *testing.T, address string, left time.Duration) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	key, _ := sign(t, certFile, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: address},
		NotBefore: time.Now().Add(-47 * time.Hour), NotAfter: time.Now().Add(left),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.ParseIP(address)},
	}, a.cert, a.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, keyFile, "PRIVATE KEY", der)
	return certFile, keyFile
}

// sign makes a key and a certificate for it, by itself where there is no parent,
// and writes the certificate.
func sign(t *testing.T, file string, template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, file, "CERTIFICATE", der)
	return key, cert
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A machine with two public addresses, which listens at one and relays at the other,
// is as it should be: at the second nobody listens, and nobody has to.
func TestDoctorTwoAddresses(t *testing.T) {
	const door, relay = "198.18.0.60", "198.18.0.61"
	c := buildCloud(t)
	c.machine = servertest.Namespace(t, "d")
	servertest.In(t, c.server, "ip link add name todoor type veth peer name eth0 netns "+c.machine)
	servertest.In(t, c.server, "ip link set todoor master pub up")
	for _, address := range []string{door, relay} {
		servertest.In(t, c.machine, "ip address add "+address+"/24 dev eth0")
	}
	servertest.In(t, c.machine, "ip link set eth0 up")
	servertest.In(t, c.machine, "ip route add default via "+serverIP)
	cert, key := c.authority.issue(t, door, life)
	data := c.start(t, "listening-ip="+door, "relay-ip="+relay, "external-ip="+relay, "user=u:p", "cert="+cert, "pkey="+key)
	r := c.doctor(t, data, "--user=u", "--password=p")
	if bad := r.bad(); len(bad) > 0 || r.code != 0 {
		t.Errorf("exit code %d, %+v\n%s", r.code, bad, r.text)
	}
	for _, name := range []string{"outside udp 3478", "outside tcp 3478", "outside tls 5349", "outside relay range"} {
		if !strings.Contains(r.text, name) {
			t.Errorf("nothing was said of %s:\n%s", name, r.text)
		}
	}
	// What is dropped on the way to the one or the other is seen still.
	servertest.Firewall(t, c.machine, `table ip narrow { chain input { type filter hook input priority 0; ip daddr `+door+` udp dport 3478 drop; }; }`)
	c.doctor(t, data, "--user=u", "--password=p").wantLine(t, "outside udp 3478", "FAIL", `TCP does`, ``)
}
