package netns

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"
)

// role is the environment variable that makes this test program a client; its
// value is what the client does.
const role = "ICESERVER_NETNS_ROLE"

var errNoPair = errors.New("no candidate pair")

// patience is longer than ICE takes to give up.
const patience = 90 * time.Second

// task is what a client is told: the first line of its standard input.
type task struct {
	ICEServers []webrtc.ICEServer
}

// outcome is what a client tells at the end: the last line of its standard
// output.
type outcome struct {
	Received      string // from the other side
	Local, Remote string // kinds of the selected candidates
	Failed        bool   // ICE gave up
	Ports         []int  // of a role "mapping": as the servers saw it
	Told          []told // of a role "prober": what the network said
	Error         string
}

// client runs in a namespace, in a process of its own, and talks lines of JSON.
func client(role string, in io.Reader, out io.Writer) int {
	lines, writer := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	var result outcome
	var err error
	switch role {
	case "caller", "callee":
		result, err = call(role == "caller", lines, writer)
	case "mapping":
		result.Ports, err = mapping(serverIP, serverOther)
	case "prober":
		result.Told, err = prober(lines)
	default:
		err = fmt.Errorf("no role %q", role)
	}
	if err != nil {
		result.Error = err.Error()
	}
	if err := writer.Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The other side may not have heard everything yet: this one stays until
	// its standard input ends.
	_, _ = io.Copy(io.Discard, in)
	return 0
}

// call is one side of a call with every kind of candidate: ICE takes whatever
// works.
func call(caller bool, in *json.Decoder, out *json.Encoder) (outcome, error) {
	var t task
	if err := in.Decode(&t); err != nil {
		return outcome{}, err
	}
	var settings webrtc.SettingEngine
	settings.SetICETimeouts(10*time.Second, 20*time.Second, time.Second)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).
		NewPeerConnection(webrtc.Configuration{ICEServers: t.ICEServers})
	if err != nil {
		return outcome{}, err
	}
	heard, failed := make(chan string, 1), make(chan struct{}, 1)
	pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		if s == webrtc.ICEConnectionStateFailed {
			failed <- struct{}{}
		}
	})
	greet(pc, caller, heard)
	if err := describe(pc, caller, in, out); err != nil {
		return outcome{}, err
	}
	select {
	case text := <-heard:
		return selected(pc, outcome{Received: text})
	case <-failed:
		return outcome{Failed: true}, nil
	case <-time.After(patience):
		return outcome{}, errors.New("neither connected nor failed")
	}
}

// greet makes each side say hello and hands on what comes.
func greet(pc *webrtc.PeerConnection, caller bool, heard chan<- string) {
	use := func(channel *webrtc.DataChannel, text string) {
		channel.OnOpen(func() { _ = channel.SendText(text) })
		channel.OnMessage(func(m webrtc.DataChannelMessage) { heard <- string(m.Data) })
	}
	if !caller {
		pc.OnDataChannel(func(channel *webrtc.DataChannel) { use(channel, "hello from the callee") })
		return
	}
	if channel, err := pc.CreateDataChannel("greeting", nil); err == nil {
		use(channel, "hello from the caller")
	}
}

// describe exchanges the descriptions with all candidates over in and out.
func describe(pc *webrtc.PeerConnection, caller bool, in *json.Decoder, out *json.Encoder) error {
	var remote webrtc.SessionDescription
	if caller {
		offer, err := pc.CreateOffer(nil)
		if err != nil {
			return err
		}
		if err := announce(pc, offer, out); err != nil {
			return err
		}
		if err := in.Decode(&remote); err != nil {
			return err
		}
		return pc.SetRemoteDescription(remote)
	}
	if err := in.Decode(&remote); err != nil {
		return err
	}
	if err := pc.SetRemoteDescription(remote); err != nil {
		return err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return announce(pc, answer, out)
}

func announce(pc *webrtc.PeerConnection, d webrtc.SessionDescription, out *json.Encoder) error {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return err
	}
	<-gathered
	return out.Encode(pc.LocalDescription())
}

func selected(pc *webrtc.PeerConnection, o outcome) (outcome, error) {
	pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return o, errors.Join(errNoPair, err)
	}
	o.Local, o.Remote = pair.Local.Typ.String(), pair.Remote.Typ.String()
	return o, nil
}

// mapping asks two servers from one socket which port they see.
func mapping(hosts ...string) ([]int, error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var ports []int
	for _, host := range hosts {
		port, err := binding(conn, &net.UDPAddr{IP: net.ParseIP(host), Port: 3478})
		if err != nil {
			return ports, fmt.Errorf("asking %s: %w", host, err)
		}
		ports = append(ports, port)
	}
	return ports, nil
}

func binding(conn *net.UDPConn, to *net.UDPAddr) (int, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return 0, err
	}
	p := make([]byte, 1500)
	for range 10 {
		if _, err = conn.WriteToUDP(request.Raw, to); err != nil {
			return 0, err
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		var n int
		if n, err = conn.Read(p); err != nil {
			continue
		}
		response := &stun.Message{Raw: p[:n]}
		var address stun.XORMappedAddress
		if err = response.Decode(); err == nil && response.TransactionID == request.TransactionID {
			err = address.GetFrom(response)
			return address.Port, err
		}
	}
	return 0, err
}
