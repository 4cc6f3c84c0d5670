// Package admin is the server's HTTP side: who may ask what, the API, and the
// way to the pages and the signaling.
//
// Knows: routes, keys of links, origins, hosts, rates; how credentials are made.
// Does not know: sockets, SQL, TURN; it sees links and the relay through small
// interfaces of its own. Owns: the counters of its rates and what was noted of
// requests to the relay.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"iceserver/internal/auth"
)

// Options say what stands behind the routes. Links, Status, Servers and Attempts
// are needed.
type Options struct {
	// Links knows the keys, Status tells how the server is: both are asked for
	// each request. Attempts is what Attempts.Add was called on.
	Links    Links
	Status   func() Status
	Attempts *Attempts

	// REST and Secret make the credentials. Servers puts one into an iceServers
	// array for clients that know this server by the given host, which may be
	// empty.
	REST    auth.REST
	Secret  string
	Servers func(host, username, credential string) []ICEServer
	// Anonymous gives credentials without a key too, few and short ones.
	Anonymous bool
	// Reach looks at those who ask for it; the zero value looks at nobody.
	Reach Reach

	// Local serves clients of this machine alone; all others see nothing.
	Local bool
	// Host is this server's own name or address, and TLSPort where HTTPS is, for
	// those who come without TLS; 0: nowhere.
	Host    string
	TLSPort uint16
	// HSTS makes browsers stay with HTTPS. It holds for all ports of a host, so
	// it is for certificates that browsers trust.
	HSTS bool
	// KnownHost says whether a name is this server's; nil knows none. Addresses
	// and localhost always are.
	KnownHost func(name string) bool
	// TrustedProxies may say in X-Forwarded-For and X-Forwarded-Proto for whom
	// they ask. Nobody who comes through one counts as a client of this machine.
	TrustedProxies []netip.Prefix
	// Origins are further sites that may use the API, as scheme://host[:port].
	Origins []string

	// Signaling has /socket.io/, Pages all the rest, the scripts below that path
	// too; nil: 404.
	Signaling, Pages http.Handler
	// Metrics are for clients of this machine; nil: there are none. Ready says why
	// new clients are not welcome, or nothing if they are; nil: always. Healthy says
	// in the same way why this process had better be started anew.
	Metrics http.Handler
	Ready   func() string
	Healthy func() string
	Log     *slog.Logger     // nil logs nothing
	Clock   func() time.Time // nil: time.Now
}

// ErrNoLink is what Links answers where there is no such key.
var ErrNoLink = errors.New("no such link")

// Links knows the keys of links.
type Links interface {
	// Find returns the link with a key of that sum, ended or not, or ErrNoLink.
	Find(ctx context.Context, sum [32]byte) (Link, error)
	// Used notes that a link was used. It does not wait.
	Used(id string, now time.Time)
}

// Status is how the server is, for everybody: it holds no secret.
type Status struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	STUN    string    `json:"stun"` // "ok", "failed", "off", or "starting"
	TURN    string    `json:"turn"` // the same
	TLS     TLSStatus `json:"tls"`
	Host    string    `json:"host"` // how clients reach it
	// STUNURLs are for those who have no credentials.
	STUNURLs []string `json:"stunUrls,omitempty"`
	// Demos says that the original demos are served (demos-dir).
	Demos bool `json:"demos,omitempty"`
	// Anonymous says that there are credentials for those without a key too, so
	// that a page does not ask in vain. The API fills it in.
	Anonymous bool `json:"anonymousCredentials,omitempty"`
	// Signaling says what it takes to get into a room: "token", or empty for nothing.
	Signaling string `json:"signalingAuth,omitempty"`
}

// TLSStatus is how the certificate is.
type TLSStatus struct {
	Status string `json:"status"`         // "ok", "self-signed", "expired" or "off"
	Days   int    `json:"days,omitempty"` // until it ends, rounded down
}

// ICEServer is one entry of the iceServers array that a browser's
// RTCPeerConnection takes.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// API is the handler for every HTTP request to this server.
type API struct {
	o       Options
	routes  []route
	origins map[string]bool
	names   map[string]bool // hosts of origins

	clients   *rate // requests, by address
	keys      *rate // requests, by link
	strangers *rate // anonymous credentials, by address

	reaches, allReaches *rate         // looks from outside, by key and address, and of all
	reaching            chan struct{} // holds one for each that is under way
}

// What a client, a key and a stranger may ask for, in requests a second and at
// once (H-18, H-19).
const (
	clientRate, clientBurst     = 20, 100
	keyRate, keyBurst           = 20, 100
	strangerRate, strangerBurst = 6.0 / 60, 6
	// wrongKey is what a key that is none costs in requests, so that guessing
	// ends after a handful.
	wrongKey = 10
)

// New returns the handler.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.KnownHost == nil {
		o.KnownHost = func(string) bool { return false }
	}
	missing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not-found", "There is nothing at this address.")
	})
	if o.Signaling == nil {
		o.Signaling = missing
	}
	if o.Pages == nil {
		o.Pages = missing
	}
	a := &API{
		o: o, origins: map[string]bool{}, names: map[string]bool{},
		clients: newRate(clientRate, clientBurst), keys: newRate(keyRate, keyBurst), strangers: newRate(strangerRate, strangerBurst),
		reaches: newRate(reachRate, reachBurst), allReaches: newRate(reachAllRate, reachAllBurst), reaching: make(chan struct{}, reachAtOnce),
	}
	for _, origin := range o.Origins {
		a.origins[origin] = true
		a.names[hostOfOrigin(origin)] = true
	}
	a.routes = a.table()
	return a
}

// call is one request on its way to its route.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	client netip.Addr
	way    way
	now    time.Time
	link   Link // whose key came along
	// stranger says that none did, and that this will do.
	stranger bool
}

// ServeHTTP answers a request: first whether it may be here at all, then whose
// it is.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	c := &call{w: w, r: r, now: a.o.Clock()}
	c.client, c.way = clientOf(r, a.o.TrustedProxies)
	if c.way.proxied {
		c.r = direct(r, c.client, c.way.secure)
	}
	if a.enter(c) {
		a.dispatch(c)
	}
}
