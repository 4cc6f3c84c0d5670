//go:build linux

package e2e

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
	"iceserver/test/servertest"
)

// reference is a configuration as another project has people write it, on a
// machine that has the addresses which the file names. The file is taken as it
// is; what it names by relative paths is made where it names it.
type reference struct {
	name      string   // of the file in internal/config/testdata
	addresses []string // of the machine, beside loopback
	cert, key string   // where the file wants its certificate, or empty
	program   string   // the name to call the program by
	args      []string // beyond -c FILE
	log       string   // where the log goes, or empty for standard error
	data      string   // the directory of what is kept
}

// start runs the program in a network of its own. The thread of the test moves
// there with it, so that all sockets of the test are there too; it is given up
// with the test, since it cannot come back.
func (r *reference) start(t *testing.T) *process {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "internal/config/testdata", r.name+".conf"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("turnserver.conf", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if r.cert != "" {
		r.certificate(t)
	}
	if err := os.Symlink(servertest.Binary(t), r.program); err != nil {
		t.Fatal(err)
	}
	ownNetwork(t, r.addresses)
	r.data = filepath.Join(dir, "data")
	args := []string{"-c", "turnserver.conf", "--data-dir=" + r.data}
	p := serveAs(t, "./"+r.program, append(args, r.args...)...)
	if r.log == "" {
		p.wait(t, "msg=ready")
		return p
	}
	for over := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		log, err := os.ReadFile(r.log)
		if err == nil && bytes.Contains(log, []byte("msg=ready")) {
			return p
		}
		if time.Now().After(over) {
			t.Fatalf("%s never says ready (%v):\n%s\n%s%s", r.log, err, log, p.out, p.err)
		}
	}
}

// certificate makes one at the places that the file names.
func (r *reference) certificate(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.cert), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := servertest.NewCertificate(filepath.Dir(r.cert))
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{c.CertFile: r.cert, c.KeyFile: r.key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
}

// ownNetwork moves this thread into a namespace with nothing but loopback, which
// gets the addresses.
func ownNetwork(t *testing.T, addresses []string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Fatalf("a network namespace: %v", err)
	}
	commands := []string{"link set lo up"}
	for _, a := range addresses {
		commands = append(commands, "address add "+a+" dev lo")
	}
	for _, c := range commands {
		if text, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", c, err, text)
		}
	}
}

// minted are time-limited credentials, made as the application does that shares
// the secret.
func minted(secret, user string) (username, credential string) {
	return auth.REST{}.Mint(secret, user, time.Now().Add(time.Hour))
}

// allocated connects, allocates, and returns the relayed address too.
func allocated(t *testing.T, url, username, credential string) (*client, netip.AddrPort) {
	t.Helper()
	c := dial(t, url, username, credential, "")
	relayed, code := c.allocate()
	if code != 0 {
		t.Fatalf("%s as %q: refused with %d", url, username, code)
	}
	return c, relayed
}

// reaches requires that a peer which is no client gets packets and that its
// answers come back.
func reaches(t *testing.T, c *client, at string) {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(at), 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if code := c.permit(peer.Addr()); code != 0 {
		t.Fatalf("the permission for %v is refused with %d", peer, code)
	}
	there, back := []byte("to the peer"), []byte("and back")
	var from netip.AddrPort
	buf := make([]byte, 64)
	for over := time.Now().Add(limit); !from.IsValid(); {
		c.turn.Send(peer, there, &c.out)
		for _, m := range c.out.Sends {
			if _, err := c.conn.Write(m); err != nil {
				t.Fatal(err)
			}
		}
		c.out.Sends = nil
		if err := conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, a, err := conn.ReadFromUDPAddrPort(buf); err == nil && bytes.Equal(buf[:n], there) {
			from = a
		}
		if time.Now().After(over) {
			t.Fatalf("nothing came to %v", peer)
		}
	}
	c.receive(peer, back, func() {
		if _, err := conn.WriteToUDPAddrPort(back, from); err != nil {
			t.Fatal(err)
		}
	})
}

// closed requires that nobody listens on a TCP port.
func closed(t *testing.T, at string) {
	t.Helper()
	if c, err := net.Dial("tcp", at); err == nil {
		c.Close()
		t.Errorf("somebody listens on TCP %s", at)
	}
}

// Synapse: a relay for a homeserver behind NAT, which mints the credentials. The
// world may be reached and no private network but the homeserver; four streams
// for each of three calls are enough for a user.
func TestReferenceSynapse(t *testing.T) {
	r := reference{
		name: "synapse", addresses: []string{"198.18.20.1/32", "198.18.20.7/32", "2001:db8:20::1/128"},
		cert: "turn/fullchain.pem", key: "turn/privkey.pem", program: "iceserver",
	}
	r.start(t)
	const secret, udp = "uPx5Qm#Zt9-homeserver", "turn:198.18.20.1:3478?transport=udp"
	name, credential := minted(secret, "@alice:example.org")
	for _, url := range []string{udp, "turn:198.18.20.1:3478?transport=tcp", "turn:[2001:db8:20::1]:3478?transport=udp"} {
		relays(t, url, name, credential, "")
	}
	refused(t, udp, name, "guessed")
	closed(t, "198.18.20.1:5349")

	name, credential = minted(secret, "@bob:example.org")
	c, relayed := allocated(t, udp, name, credential)
	if relayed.Addr() != netip.MustParseAddr("198.18.20.9") {
		t.Errorf("the relayed address is %v, not external-ip", relayed)
	}
	reaches(t, c, "198.18.20.7")
	for _, peer := range []string{"10.0.0.9", "192.168.1.1", "198.18.20.8", "127.0.0.1", "169.254.169.254", "224.0.0.1"} {
		if code := c.permit(netip.MustParseAddr(peer)); code != 403 {
			t.Errorf("the permission for %s: %d, want 403", peer, code)
		}
	}
	for i := 2; i <= 12; i++ {
		allocated(t, udp, name, credential)
	}
	if _, code := dial(t, udp, name, credential, "").allocate(); code != 486 {
		t.Errorf("the thirteenth allocation of a user: %d, want 486", code)
	}
}

// Nextcloud Talk: time-limited credentials, FINGERPRINT in every message, and a
// log file of its own.
func TestReferenceNextcloud(t *testing.T) {
	r := reference{name: "nextcloud", addresses: []string{"198.18.80.1/32"}, program: "iceserver", log: "turnserver.log"}
	p := r.start(t)
	name, credential := minted("7d0b8e3f1a7d0b8e3f1a", "talk")
	for _, url := range []string{"turn:198.18.80.1:3478?transport=udp", "turn:198.18.80.1:3478?transport=tcp"} {
		relays(t, url, name, credential, "")
		refused(t, url, name, "guessed")
	}
	c := dial(t, "turn:198.18.80.1:3478?transport=udp", name, credential, "")
	if _, code := c.allocate(); code != 0 {
		t.Fatalf("refused with %d", code)
	}
	// FINGERPRINT is the last attribute: type, length 4, value.
	answer := c.packet[:stun.HeaderSize+int(c.packet[2])<<8+int(c.packet[3])]
	if tail := answer[len(answer)-8:]; !bytes.HasPrefix(tail, []byte{0x80, 0x28, 0, 4}) {
		t.Errorf("an answer does not end with FINGERPRINT: %x", tail)
	}
	if strings.Contains(p.out.String()+p.err.String(), "msg=ready") {
		t.Errorf("with no-stdout-log the log is not in its file alone:\n%s%s", p.out, p.err)
	}
}

// Jitsi: UDP on 443 and TLS on a port behind a load balancer, no plain TCP, and a
// relayed address of the family that the client came with.
func TestReferenceJitsi(t *testing.T) {
	r := reference{
		name: "jitsi", addresses: []string{"198.18.44.1/32"}, program: "iceserver",
		cert: "turn/meet.crt", key: "turn/meet.key",
	}
	r.start(t)
	name, credential := minted("r4nd0m-enough-to-do", "focus")
	const udp = "turn:198.18.44.1:443?transport=udp"
	relays(t, udp, name, credential, "")
	relays(t, "turns:127.0.0.1:4445?transport=tcp", name, credential, r.cert)
	refused(t, udp, name, "guessed")
	closed(t, "198.18.44.1:443")
	if _, relayed := allocated(t, udp, name, credential); relayed.Addr() != netip.MustParseAddr("198.18.44.9") {
		t.Errorf("the relayed address is %v, not external-ip", relayed)
	}
}

// BigBlueButton: started by its unit under coturn's name, for the media server on
// the same machine and for nobody else.
func TestReferenceBigBlueButton(t *testing.T) {
	r := reference{
		name: "bigbluebutton", addresses: []string{"198.18.66.1/32"}, program: "turnserver", log: "turnserver.log",
		args: []string{"--pidfile=", "--no-stdout-log", "--simple-log", "--log-file", "turnserver.log"},
	}
	p := r.start(t)
	name, credential := minted("c1a55r00m-enough-to-do", "teacher")
	const udp = "turn:198.18.66.1:3478?transport=udp"
	relays(t, udp, name, credential, "")
	relays(t, "turn:198.18.66.1:3478?transport=tcp", name, credential, "")
	refused(t, udp, name, "guessed")
	c, relayed := allocated(t, udp, name, credential)
	if relayed.Port() < 32769 {
		t.Errorf("the relayed port %d lies below min-port", relayed.Port())
	}
	reaches(t, c, "198.18.66.1")
	for _, peer := range []string{"9.9.9.9", "198.18.66.2", "127.0.0.1"} {
		if code := c.permit(netip.MustParseAddr(peer)); code != 403 {
			t.Errorf("the permission for %s: %d, want 403", peer, code)
		}
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d:\n%s", code, p.err)
	}
}

// Debian: started by its unit under coturn's name, with a file that says nothing
// of users, which the operator adds to the database.
func TestReferenceDebian(t *testing.T) {
	r := reference{name: "debian", addresses: []string{"198.18.9.1/32"}, program: "turnserver", args: []string{"--pidfile="}}
	p := r.start(t)
	must(t, "", nil, "user", "add", "dave", "-p", "a password", "--data-dir="+r.data)
	for _, url := range []string{"turn:198.18.9.1:3478?transport=udp", "turn:198.18.9.1:3478?transport=tcp", "turn:198.18.9.1:5349?transport=tcp"} {
		relays(t, url, "dave", "a password", "")
	}
	refused(t, "turn:198.18.9.1:3478?transport=udp", "dave", "guessed")
	refused(t, "turn:198.18.9.1:3478?transport=udp", "nobody", "")
	for _, key := range []string{"no-rfc5780", "no-stun-backward-compatibility", "response-origin-only-with-rfc5780"} {
		if n := strings.Count(p.err.String(), "warning: "+key+" has no effect any more"); n != 1 {
			t.Errorf("%d warnings of %s:\n%s", n, key, p.err)
		}
	}
}
