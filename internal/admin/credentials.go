package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// How long credentials live.
const (
	usualTTL   = time.Hour      // where none is asked for
	longestTTL = 24 * time.Hour // where the link says nothing
	// anonymousTTL is short enough that a credential that got about is soon
	// worth nothing, and long enough for a test.
	anonymousTTL = 10 * time.Minute
)

// AnonymousQuota is how many allocations all who come without a key from one
// address may hold at a time: one run of the test page.
const AnonymousQuota = 8

// maxBody is the longest body of a request for credentials, in bytes (H-13).
const maxBody = 64 << 10

// What may stand in a user name: it goes through headers, logs and databases.
var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9._@+-]{0,64}$`)
	otherThings = regexp.MustCompile(`[^A-Za-z0-9_@+-]+`)
)

// longestLabel is how much of a label is taken, in bytes.
const longestLabel = 64

// issued is a credential that was made.
type issued struct {
	username, password string
	ttl                time.Duration
	servers            []ICEServer
}

// credentials answers POST /api/v1/credentials.
func (a *API) credentials(c *call) {
	var body struct {
		TTL   *int64 `json:"ttl"`   // seconds
		Label string `json:"label"` // any words; becomes part of the user name
	}
	if !readJSON(c, &body) {
		return
	}
	ttl := usualTTL
	switch {
	case body.TTL == nil:
	case *body.TTL < 1 || *body.TTL > int64(maxLife/time.Second):
		fail(c.w, http.StatusBadRequest, "ttl", "ttl is a whole number of seconds from 1 to 31536000.")
		return
	default:
		ttl = time.Duration(*body.TTL) * time.Second
	}
	if len(body.Label) > longestLabel {
		fail(c.w, http.StatusBadRequest, "label", "A label has at most 64 bytes.")
		return
	}
	i := a.issue(c, strings.Trim(otherThings.ReplaceAllLiteralString(body.Label, "-"), "-"), ttl)
	reply(c.w, http.StatusOK, struct {
		ICEServers []ICEServer `json:"iceServers"`
		TTL        int64       `json:"ttl"`
	}{i.servers, int64(i.ttl / time.Second)})
}

// maxLife is more than any credential lives.
const maxLife = 365 * 24 * time.Hour

// draft answers GET and POST /?service=turn, for clients of the TURN REST draft.
//
// R-REST-2-a (TURN REST draft, 2): name, password, seconds and URIs; the ready
// array stands beside them.
func (a *API) draft(c *call) {
	q := c.r.URL.Query()
	if q.Get("service") != "turn" {
		fail(c.w, http.StatusBadRequest, "service", "The one service there is is turn.")
		return
	}
	name := q.Get("username")
	if !namePattern.MatchString(name) {
		fail(c.w, http.StatusBadRequest, "username", "A username has at most 64 letters, digits and . _ @ + - in it.")
		return
	}
	i := a.issue(c, name, longestTTL)
	uris := []string{}
	for _, s := range i.servers {
		uris = append(uris, s.URLs...)
	}
	reply(c.w, http.StatusOK, struct {
		Username   string      `json:"username"`
		Password   string      `json:"password"`
		TTL        int64       `json:"ttl"`
		URIs       []string    `json:"uris"`
		ICEServers []ICEServer `json:"iceServers"`
	}{i.username, i.password, int64(i.ttl / time.Second), uris, i.servers})
}

// ServersFor is the array for a page that cannot ask for it: one of the original
// demos. The key stands in its address, since it has no other place for it;
// without one that is good it gets what strangers get. It cannot come again for
// another either, and a relayed call ends with its credential: so it is good for
// as long as the link allows.
func (a *API) ServersFor(r *http.Request) []ICEServer {
	// What proxies say was looked at when the request came.
	client, _ := clientOf(r, nil)
	c := &call{r: r, client: client, now: a.o.Clock()}
	if !a.clients.take(c.now, sourceOf(c.client), 1) || a.judge(c, r.URL.Query().Get("key"), true) != nil {
		if urls := a.o.Status().STUNURLs; len(urls) > 0 {
			return []ICEServer{{URLs: urls}}
		}
		return []ICEServer{}
	}
	return a.issue(c, "", longestTTL).servers
}

// issue makes a credential for whoever asks, whom judge has let in.
//
// R-REST-2-b (TURN REST draft, 2): the name is when it ends and whose it is: the
// link's id first, so that what is done with it can be told and limited, and
// ended with the link.
func (a *API) issue(c *call, name string, ttl time.Duration) issued {
	holder, limit := c.link.ID, c.link.MaxTTL
	if limit <= 0 {
		limit = longestTTL
	}
	if !c.link.Expires.IsZero() {
		limit = min(limit, c.link.Expires.Sub(c.now))
	}
	if c.stranger {
		// H-19: ten minutes each, and all from one address share a small quota.
		holder, limit = a.stranger(c), anonymousTTL
	}
	if name != "" {
		holder += holderEnd + name
	}
	i := issued{ttl: max(min(ttl, limit), time.Second)}
	i.username, i.password = a.o.REST.Mint(a.o.Secret, holder, c.now.Add(i.ttl))
	host, _ := hostName(c.r.Host)
	i.servers = a.o.Servers(host, i.username, i.password)
	a.o.Log.Info("credentials", "client", c.client, "user", i.username, "ttl", i.ttl)
	return i
}

// stranger is the id of somebody without a key: always the same for an address,
// and nothing from which the address could be found out.
func (a *API) stranger(c *call) string {
	mac := hmac.New(sha256.New, []byte(a.o.Secret))
	mac.Write([]byte("stranger " + sourceOf(c.client)))
	return anonPrefix + shortName(mac.Sum(nil)[:5])
}
