package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// reachQuestion is what a second server is asked: ports of ours, by transport.
type reachQuestion struct {
	UDP   []uint16 `json:"udp,omitempty"`
	TCP   []uint16 `json:"tcp,omitempty"`
	TLS   []uint16 `json:"tls,omitempty"`
	DTLS  []uint16 `json:"dtls,omitempty"`
	Relay []uint16 `json:"relay,omitempty"`
	Token string   `json:"token,omitempty"` // hexadecimal
}

// reachAnswer is what it says.
type reachAnswer struct {
	Address netip.Addr    `json:"address"` // ours, as it sees us
	From    []netip.Addr  `json:"from"`    // where it sends datagrams from
	Results []reachResult `json:"results"`

	asked netip.Addr // the address of the second server that was asked
}

// reachResult is what became of one port.
type reachResult struct {
	Transport string `json:"transport"`
	Port      uint16 `json:"port"`
	Result    string `json:"result"`
	Millis    int64  `json:"ms"`
}

func (r reachResult) answered() bool { return r.Result == "answered" }

func (r reachResult) datagrams() bool { return r.Transport == "udp" || r.Transport == "dtls" }

// door is the port as firewalls know it.
func (r reachResult) door() portRange {
	if r.datagrams() {
		return portRange{"udp", r.Port, r.Port}
	}
	return portRange{"tcp", r.Port, r.Port}
}

// words says why there was no answer.
func (r reachResult) words() string {
	if r.Result == "refused" {
		return "refused: the packets arrive where nothing listens"
	}
	return "no answer at all"
}

// by is the address that looked.
func (a *reachAnswer) by() netip.Addr {
	if len(a.From) > 0 {
		return a.From[0]
	}
	return a.asked
}

// farServer is the second server.
type farServer struct {
	base   *url.URL
	key    string
	from   netip.Addr // to ask from, if there is a way; zero: whichever the kernel takes
	client *http.Client

	local, remote netip.Addr // of the last connection
}

// farTime bounds one question to it, which takes it six seconds at most.
const farTime = 8 * time.Second

// newFarServer reads a link. Everything is asked from the address from, or where
// that has no way to the second server from whichever the kernel takes: the
// server sees where we come from, so no proxy may come between.
func newFarServer(o Outside, from netip.Addr) (*farServer, error) {
	u, err := url.Parse(o.Link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the link of the second server is no address of a page, https://HOST:PORT/test#key=KEY")
	}
	// Its server would refuse after the key had gone over the wire for all to read.
	if at, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && (err != nil || !at.IsLoopback()) {
		return nil, errors.New("the link of the second server begins with http:, where everybody on the way reads its key; iceserver link add prints one with https: too")
	}
	fragment, _ := url.ParseQuery(u.EscapedFragment())
	f := &farServer{base: &url.URL{Scheme: u.Scheme, Host: u.Host}, key: fragment.Get("key"), from: from}
	if f.key == "" {
		return nil, errors.New("the link of the second server has no key behind its #")
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		var conn net.Conn
		err := errNoAddress
		if from.IsValid() {
			conn, err = d.DialContext(ctx, network, address)
		}
		if err != nil {
			conn, err = new(net.Dialer).DialContext(ctx, network, address)
		}
		if err == nil {
			f.local, f.remote = addrPortOf(conn.LocalAddr()).Addr(), addrPortOf(conn.RemoteAddr()).Addr()
		}
		return conn, err
	}
	f.client = &http.Client{
		Timeout: farTime,
		Transport: &http.Transport{
			// One connection at a time, so that the addresses are its.
			DialContext: dial, MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{InsecureSkipVerify: o.Insecure},
		},
		// The key is for the host in the link and for no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f, nil
}

var errNoAddress = errors.New("no address to ask from")

func (f *farServer) host() string { return f.base.Host }

func (f *farServer) close() { f.client.CloseIdleConnections() }

// farError is a refusal of the second server, in its own words.
type farError struct {
	status int
	text   string
}

func (e *farError) Error() string { return e.text }

// longestAnswer is more than any answer is long, in bytes.
const longestAnswer = 64 << 10

// longestQuestion is as long as the longest question has to be, in bytes: nobody
// may make a server send more than was sent to it. Spaces fill it up.
const longestQuestion = 8 << 10

// ask asks it.
func (f *farServer) ask(ctx context.Context, q reachQuestion) (*reachAnswer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	body = append(body, bytes.Repeat([]byte(" "), max(0, longestQuestion-len(body)))...)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base.JoinPath("/api/v1/reach").String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+f.key)
	r.Header.Set("Content-Type", "application/json")
	res, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, longestAnswer))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusalOf(res.StatusCode, text)
	}
	a := &reachAnswer{asked: f.remote}
	if err := json.Unmarshal(text, a); err != nil || !a.to(q) {
		return nil, errors.New("its answer is not that of an iceserver")
	}
	return a, nil
}

// to says whether an answer is one to that question. What it tells is printed, and
// with --fix firewalls are opened by it: it must not name ports that nobody asked
// for, nor have an address with a zone, which may be any text.
func (a *reachAnswer) to(q reachQuestion) bool {
	plain := func(at netip.Addr) bool { return at.IsValid() && at.Zone() == "" }
	if !plain(a.Address) || slices.ContainsFunc(a.From, func(from netip.Addr) bool { return !plain(from) }) {
		return false
	}
	a.Address = a.Address.Unmap()
	asked := map[string][]uint16{"udp": q.UDP, "tcp": q.TCP, "tls": q.TLS, "dtls": q.DTLS, "relay": q.Relay}
	for i, r := range a.Results {
		again := slices.ContainsFunc(a.Results[:i], func(b reachResult) bool { return b.Transport == r.Transport && b.Port == r.Port })
		if again || !slices.Contains(asked[r.Transport], r.Port) {
			return false
		}
	}
	return true
}

// refusalOf reads an error of the API.
func refusalOf(status int, text []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = http.StatusText(status)
	}
	// A foreign server's text stays one short line, without what a terminal obeys.
	line := strings.Join(strings.FieldsFunc(said.Error, unicode.IsControl), " ")
	return &farError{status, printable(fmt.Sprintf("%.280s (HTTP %d)", line, status))}
}

// advice says what to do when it does not answer.
func (f *farServer) advice(err error) string {
	var refused *farError
	var unknown *tls.CertificateVerificationError
	var host x509.HostnameError
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusUnauthorized:
		return "make a new link on the second server: iceserver link add --ttl 1h"
	case errors.As(err, &refused) && refused.status == http.StatusTooManyRequests:
		return "wait a minute and ask again"
	case errors.As(err, &refused) && refused.status == http.StatusNotFound:
		return "the second server has to be an iceserver with web=on, of this version or a later one"
	case errors.As(err, &refused):
		return "run it from where the second server is outside, or take another one"
	case errors.As(err, &unknown), errors.As(err, &host):
		return "give the second server a certificate that is trusted here, or say --from-insecure if nobody sits in between"
	}
	return "see whether the second server runs, and whether this machine reaches it: the address stands in its link"
}
