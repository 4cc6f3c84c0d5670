// Package netns puts the server and foreign clients into network namespaces of
// their own, with NATs between them.
package netns

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"iceserver/test/servertest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(role); role != "" {
		os.Exit(client(role, os.Stdin, os.Stdout))
	}
	os.Exit(servertest.Main(m))
}

// process is a client in its namespace.
type process struct {
	in  *json.Encoder
	out *json.Decoder
}

// run starts this test program as a client in a namespace.
func run(t *testing.T, namespace, as string) process {
	t.Helper()
	command := exec.Command("ip", "netns", "exec", namespace, os.Args[0])
	command.Env = append(os.Environ(), role+"="+as)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	// A client that hangs is ended, which ends the reading of its output.
	timer := time.AfterFunc(2*patience, func() { _ = command.Process.Kill() })
	t.Cleanup(func() {
		_ = in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("a client ended with %v", err)
		}
		timer.Stop()
	})
	return process{json.NewEncoder(in), json.NewDecoder(out)}
}

func (p process) tell(t *testing.T, v any) {
	t.Helper()
	if err := p.in.Encode(v); err != nil {
		t.Fatalf("telling a client: %v", err)
	}
}

func hear[T any](t *testing.T, p process) T {
	t.Helper()
	var v T
	if err := p.out.Decode(&v); err != nil {
		t.Fatalf("hearing from a client: %v", err)
	}
	return v
}

// start runs the server, with further lines of configuration.
func (n network) start(t *testing.T, more ...string) *servertest.Server {
	t.Helper()
	return servertest.Start(t, servertest.Options{
		Conf: strings.Join(append([]string{
			"listening-ip=" + serverIP, "listening-ip=" + serverOther, "relay-ip=" + serverIP,
			"listening-port=3478", "realm=test", "lt-cred-mech", "user=u:p", "log-file=stdout", "verbose",
		}, more...), "\n") + "\n",
		Via: []string{"ip", "netns", "exec", n.server},
	})
}

// talk lets two clients call each other and returns what became of it.
func (n network) talk(t *testing.T, from, to string, servers ...webrtc.ICEServer) (caller, callee outcome) {
	t.Helper()
	a, b := run(t, n.clients[from], "caller"), run(t, n.clients[to], "callee")
	a.tell(t, task{servers})
	b.tell(t, task{servers})
	offer := hear[webrtc.SessionDescription](t, a)
	wantCandidates(t, offer, servers)
	b.tell(t, offer)
	answer := hear[webrtc.SessionDescription](t, b)
	wantCandidates(t, answer, servers)
	a.tell(t, answer)
	return hear[outcome](t, a), hear[outcome](t, b)
}

// wantCandidates makes sure that a client got from the servers what they are
// for; otherwise a failing call would prove nothing.
func wantCandidates(t *testing.T, d webrtc.SessionDescription, servers []webrtc.ICEServer) {
	t.Helper()
	for _, s := range servers {
		kind := "typ srflx"
		if strings.HasPrefix(s.URLs[0], "turn") {
			kind = "typ relay"
		}
		if !strings.Contains(d.SDP, kind) {
			t.Fatalf("no candidate %q from %s:\n%s", kind, s.URLs[0], d.SDP)
		}
	}
}

// Two clients behind symmetric NATs hear each other through the relay, and a
// third that has only STUN cannot reach either: there is no other way.
func TestSymmetricNATs(t *testing.T) {
	n := build(t, "a", "b", "c")
	n.start(t)
	stunOnly := webrtc.ICEServer{URLs: []string{"stun:" + serverIP + ":3478"}}
	relayed := func(transport string) webrtc.ICEServer {
		url := fmt.Sprintf("turn:%s:3478?transport=%s", serverIP, transport)
		return webrtc.ICEServer{URLs: []string{url}, Username: "u", Credential: "p"}
	}

	for name, namespace := range n.clients {
		t.Run("mapping/"+name, func(t *testing.T) {
			t.Parallel()
			got := hear[outcome](t, run(t, namespace, "mapping"))
			if got.Error != "" || len(got.Ports) != 2 || got.Ports[0] == got.Ports[1] {
				t.Errorf("%+v: the NAT of %s is not symmetric", got, name)
			}
		})
	}
	for _, transport := range []string{"udp", "tcp"} {
		t.Run("relay/"+transport, func(t *testing.T) {
			t.Parallel()
			a, b := n.talk(t, "a", "b", stunOnly, relayed(transport))
			wantHeard(t, a, "hello from the callee")
			wantHeard(t, b, "hello from the caller")
		})
	}
	for _, other := range []string{"a", "b"} {
		t.Run("direct/"+other, func(t *testing.T) {
			t.Parallel()
			c, o := n.talk(t, "c", other, stunOnly)
			if !c.Failed || !o.Failed {
				t.Errorf("without the relay: %+v and %+v, want both to fail", c, o)
			}
		})
	}
}

func wantHeard(t *testing.T, got outcome, text string) {
	t.Helper()
	if got.Error != "" || got.Received != text {
		t.Errorf("%+v, want to hear %q", got, text)
	}
	if got.Local != "relay" && got.Remote != "relay" {
		t.Errorf("candidates %s and %s: not through the relay", got.Local, got.Remote)
	}
}
