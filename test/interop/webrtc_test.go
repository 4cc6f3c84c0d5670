package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// Two of pion's peer connections that may use nothing but the relay exchange a
// message. The server denies loopback peers, as it does by default: its own
// relayed addresses are allowed all the same.
func TestPionWebRTC(t *testing.T) {
	t.Parallel()
	s := start(t, "user=u:p", "lt-cred-mech")
	for _, url := range []string{
		fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", s.port),
		fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", s.port),
		fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", s.tlsPort),
		fmt.Sprintf("turns:127.0.0.1:%d?transport=udp", s.tlsPort),
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			caller, callee := relayOnly(t, url), relayOnly(t, url)
			opened := make(chan *webrtc.DataChannel, 1)
			channel, err := caller.CreateDataChannel("greeting", nil)
			if err != nil {
				t.Fatal(err)
			}
			channel.OnOpen(func() { opened <- channel })
			answers := echoes(callee)
			greetings := make(chan string, 1)
			channel.OnMessage(func(m webrtc.DataChannelMessage) { greetings <- string(m.Data) })
			connect(t, caller, callee)
			if err := wait(t, opened, "an open data channel").SendText("hello"); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, answers, "the callee's message"); got != "hello" {
				t.Errorf("the callee received %q", got)
			}
			if got := wait(t, greetings, "the caller's message"); got != "hello" {
				t.Errorf("the caller received %q", got)
			}
			for _, pc := range []*webrtc.PeerConnection{caller, callee} {
				wantRelayed(t, pc)
			}
		})
	}
}

func relayOnly(t *testing.T, url string) *webrtc.PeerConnection {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{
		ICEServers:         []webrtc.ICEServer{{URLs: []string{url}, Username: "u", Credential: "p"}},
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc
}

// echoes sends back on every channel what comes, and tells it.
func echoes(pc *webrtc.PeerConnection) <-chan string {
	heard := make(chan string, 1)
	pc.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(m webrtc.DataChannelMessage) {
			heard <- string(m.Data)
			_ = channel.SendText(string(m.Data))
		})
	})
	return heard
}

// connect exchanges the descriptions once both sides have all their candidates.
func connect(t *testing.T, caller, callee *webrtc.PeerConnection) {
	t.Helper()
	offer, err := caller.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(caller)
	if err := caller.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	wait(t, gathered, "the caller's candidates")
	if err := callee.SetRemoteDescription(*caller.LocalDescription()); err != nil {
		t.Fatal(err)
	}
	answer, err := callee.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered = webrtc.GatheringCompletePromise(callee)
	if err := callee.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	wait(t, gathered, "the callee's candidates")
	if err := caller.SetRemoteDescription(*callee.LocalDescription()); err != nil {
		t.Fatal(err)
	}
}

func wantRelayed(t *testing.T, pc *webrtc.PeerConnection) {
	t.Helper()
	pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		t.Fatalf("no candidate pair: %v", err)
	}
	if pair.Local.Typ != webrtc.ICECandidateTypeRelay || pair.Remote.Typ != webrtc.ICECandidateTypeRelay {
		t.Errorf("selected %v, want relay on both sides", pair)
	}
}

func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}
