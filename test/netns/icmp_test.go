package netns

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/stun/v3"

	"iceserver/test/servertest"
)

// Behind the router is a network with narrow packets, and routes that end.
const (
	routerIP   = "198.18.0.20"
	farRouter  = "198.18.50.1"
	farIP      = "198.18.50.2"
	farMTU     = 1280
	noRoute    = "198.18.60.1"
	prohibited = "198.18.61.1"
	loop       = "198.18.62.1"
)

// probe is a packet that is not going to arrive.
type probe struct {
	Peer string
	Size int
	DF   bool
}

// told is what the client hears of one.
type told struct {
	Peer       string
	Type, Code uint8
	Data       uint32
}

// addRouter puts a router on the public segment, and a host behind it.
func (n network) addRouter(t *testing.T) {
	t.Helper()
	router, far := servertest.Namespace(t, "r"), servertest.Namespace(t, "f")
	servertest.In(t, n.server, "ip link add name torouter type veth peer name pub netns "+router)
	servertest.In(t, n.server, "ip link set torouter master pub up")
	servertest.In(t, router, "ip link add name far type veth peer name eth0 netns "+far)
	servertest.In(t, router, "ip address add "+routerIP+"/24 dev pub")
	servertest.In(t, router, "ip address add "+farRouter+"/24 dev far")
	servertest.In(t, far, "ip address add "+farIP+"/24 dev eth0")
	servertest.In(t, router, fmt.Sprintf("ip link set far mtu %d", farMTU))
	for _, device := range []string{"pub", "far"} {
		servertest.In(t, router, "ip link set "+device+" up")
	}
	servertest.In(t, far, "ip link set eth0 up")
	for _, namespace := range []string{router, far} {
		servertest.In(t, namespace, "sysctl -q -w net.ipv4.ip_forward=1")
	}
	servertest.In(t, far, "ip route add default via "+farRouter)
	servertest.In(t, router, "ip route add unreachable "+noRoute)
	servertest.In(t, router, "ip route add prohibit "+prohibited)
	// The host sends these back, and so to and fro until their time is over.
	servertest.In(t, router, "ip route add "+loop+" via "+farIP)
	for _, to := range []string{"198.18.50.0/24", noRoute, prohibited, loop} {
		servertest.In(t, n.server, "ip route add "+to+" via "+routerIP)
	}
}

// R-8656-11.5-a, R-8656-11.5-b, R-8656-11.5-d, R-8656-18.13-a (RFC 8656, 11.5 and
// 18.13): what real routers say of packets on their way reaches the client, and
// names the peer, not the router.
func TestICMP(t *testing.T) {
	n := build(t)
	n.addRouter(t)
	n.start(t, "allowed-peer-ip=198.18.50.0-198.18.63.255")
	cases := []struct {
		probe
		kind, code uint8
		data       uint32
	}{
		{probe{farIP + ":9", 20, false}, 3, 3, 0},
		{probe{farIP + ":9", 1400, true}, 3, 4, farMTU},
		{probe{noRoute + ":7000", 20, false}, 3, 1, 0},
		{probe{prohibited + ":7001", 20, false}, 3, 13, 0},
		{probe{loop + ":7002", 20, false}, 11, 0, 0},
	}
	var probes []probe
	var want []told
	for _, c := range cases {
		probes = append(probes, c.probe)
		want = append(want, told{c.Peer, c.kind, c.code, c.data})
	}
	client := run(t, n.server, "prober")
	client.tell(t, probes)
	if got := hear[outcome](t, client); got.Error != "" || !slices.Equal(got.Told, want) {
		t.Errorf("told %+v (%s), want %+v", got.Told, got.Error, want)
	}
}

// turnClient is a client in the fewest words: a socket to a server, and who asks.
type turnClient struct {
	*net.UDPConn
	nonce stun.Nonce
}

// prober sends probes through a relay and returns what it is told of them.
func prober(in *json.Decoder) (all []told, err error) {
	var probes []probe
	if err := in.Decode(&probes); err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(serverIP), Port: 3478})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c := &turnClient{UDPConn: conn}
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	if err := c.request(stun.MethodAllocate, udp); err != nil {
		return nil, err
	}
	for _, p := range probes {
		t, err := c.probe(p)
		if err != nil {
			return all, fmt.Errorf("probing %s: %w", p.Peer, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// asPeer writes an address as XOR-PEER-ADDRESS.
type asPeer struct{ *net.UDPAddr }

func (a asPeer) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress{IP: a.IP, Port: a.Port}.AddToAs(m, stun.AttrXORPeerAddress)
}

// request sends a request, and again with the nonce that the server then gives.
func (c *turnClient) request(method stun.Method, add ...stun.Setter) error {
	for range 3 {
		setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, add...)
		if c.nonce != nil {
			setters = append(setters, stun.NewUsername("u"), stun.NewRealm("test"), c.nonce, stun.NewLongTermIntegrity("u", "test", "p"))
		}
		request, err := stun.Build(setters...)
		if err != nil {
			return err
		}
		response, err := c.exchange(request)
		if err != nil {
			return err
		}
		if response.Type.Class == stun.ClassSuccessResponse {
			return nil
		}
		if err := c.nonce.GetFrom(response); err != nil {
			return fmt.Errorf("refused: %v", response)
		}
	}
	return errors.New("challenged again and again")
}

// exchange sends a request until it is answered. What else comes is passed over.
func (c *turnClient) exchange(request *stun.Message) (*stun.Message, error) {
	for range 10 {
		if _, err := c.Write(request.Raw); err != nil {
			return nil, err
		}
		for {
			response, err := c.receive()
			if err != nil {
				break
			}
			if response.TransactionID == request.TransactionID {
				return response, nil
			}
		}
	}
	return nil, fmt.Errorf("%v: no answer", request.Type)
}

// receive waits a second for a message.
func (c *turnClient) receive() (*stun.Message, error) {
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, 1500)
	n, err := c.Read(b)
	if err != nil {
		return nil, err
	}
	m := &stun.Message{Raw: b[:n]}
	return m, m.Decode()
}

// probe sends a probe until it is told of it. Behind one with the don't-fragment
// bit goes a packet without to elsewhere, which must not hide what is said of it.
// The others go alone: routers say little in a second to one that asks much.
func (c *turnClient) probe(p probe) (told, error) {
	to, err := net.ResolveUDPAddr("udp4", p.Peer)
	if err != nil {
		return told{}, err
	}
	aside := &net.UDPAddr{IP: net.ParseIP(routerIP), Port: 4000}
	if err := c.request(stun.MethodCreatePermission, asPeer{to}, asPeer{aside}); err != nil {
		return told{}, err
	}
	for range 20 {
		err := c.indicate(to, p.Size, p.DF)
		if p.DF {
			err = errors.Join(err, c.indicate(aside, 20, false))
		}
		if err != nil {
			return told{}, err
		}
		for {
			m, err := c.receive()
			if err != nil {
				break
			}
			if t, ok := hearsay(m); ok && t.Peer == p.Peer {
				return t, nil
			}
		}
	}
	return told{}, errors.New("nothing is said of it")
}

// indicate sends size bytes to a peer.
func (c *turnClient) indicate(to *net.UDPAddr, size int, df bool) error {
	setters := []stun.Setter{
		stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), asPeer{to},
		stun.RawAttribute{Type: stun.AttrData, Value: make([]byte, size)},
	}
	if df {
		setters = append(setters, stun.RawAttribute{Type: stun.AttrDontFragment})
	}
	m, err := stun.Build(setters...)
	if err == nil {
		_, err = c.Write(m.Raw)
	}
	return err
}

// hearsay reads a Data indication of an ICMP error.
func hearsay(m *stun.Message) (t told, ok bool) {
	const icmp = stun.AttrType(0x8004)
	var peer stun.XORMappedAddress
	v, err := m.Get(icmp)
	if m.Type != stun.NewType(stun.MethodData, stun.ClassIndication) || err != nil || len(v) != 8 ||
		peer.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
		return t, false
	}
	at := net.UDPAddr{IP: peer.IP, Port: peer.Port}
	return told{at.String(), v[2], v[3], binary.BigEndian.Uint32(v[4:])}, true
}
