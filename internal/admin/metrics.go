package admin

import (
	"net/http"
	"slices"
	"strings"
)

// metricsPath is where the pages' ports have the metrics.
const metricsPath = "/metrics"

// metrics answers with the metrics.
func (a *API) metrics(c *call) {
	if a.o.Metrics == nil {
		hidden(c.w)
		return
	}
	if reads(c.w, c.r) {
		a.o.Metrics.ServeHTTP(c.w, c.r)
	}
}

// hidden answers as if there were nothing.
func hidden(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, "not-found", "There is nothing at this address.")
}

// direct says whether a client of this machine asks, for itself: not a proxy, be it
// a trusted one or one that nobody has told this server of.
//
// H-26: what the server counts, and why it is not ready, goes to nobody else.
func (c *call) direct() bool {
	return c.client.IsLoopback() && !c.way.proxied && !slices.ContainsFunc(
		[]string{forwardedFor, forwardedProto, "Forwarded", "X-Real-Ip", "Via"},
		func(header string) bool { return len(c.r.Header.Values(header)) > 0 })
}

// Exporter is what the metrics' own port answers.
type Exporter struct {
	Path    string        // where the metrics are
	TLS     bool          // nothing is answered without TLS
	Metrics http.Handler  // the metrics
	Healthy func() string // why this process had better be started anew; empty: it serves
	Ready   func() string // why new clients are not welcome; empty: they are
}

// ServeHTTP answers with the metrics, with "ok" at / as coturn does, and to those
// who ask how the server is.
func (e Exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	switch {
	case e.TLS && r.TLS == nil:
		http.Error(w, "This port answers over TLS only.", http.StatusForbidden)
	case r.URL.Path == "/":
		tell(w, r, "")
	case r.URL.Path == healthPath:
		tell(w, r, e.Healthy())
	case r.URL.Path == readyPath:
		tell(w, r, e.Ready())
	case r.URL.Path != e.Path:
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
	case hop(r.RemoteAddr).IsLoopback() && !localName(r.Host):
		// H-09: a site whose name has been made to mean this machine would read
		// along in a browser of this machine.
		http.Error(w, "Ask this port by its address, or as localhost.", http.StatusMisdirectedRequest)
	case reads(w, r):
		e.Metrics.ServeHTTP(w, r)
	}
}

// localName says whether a Host header is an address or means this machine
// wherever it is read.
func localName(header string) bool {
	host, ok := hostName(header)
	return ok && (hop(host).IsValid() || host == "localhost" || strings.HasSuffix(host, ".localhost"))
}
