package admin

import (
	"io"
	"net/http"
)

// The paths that orchestrators ask. The first says whether the process serves, or
// had better be started anew; the second whether it takes new clients.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// health answers whether this process serves.
func (a *API) health(c *call) { c.tell(a.o.Healthy, "not healthy") }

// ready answers whether new clients are welcome.
func (a *API) ready(c *call) { c.tell(a.o.Ready, "not ready") }

// tell answers with what ask says. Why something is wrong is for this machine alone:
// all others read what instead.
func (c *call) tell(ask func() string, instead string) {
	why := ""
	if ask != nil {
		why = ask()
	}
	if why != "" && !c.direct() {
		why = instead
	}
	tell(c.w, c.r, why)
}

// tell writes one line: that all is well, or why not.
func tell(w http.ResponseWriter, r *http.Request, wrong string) {
	if !reads(w, r) {
		return
	}
	text, code := "ok", http.StatusOK
	if wrong != "" {
		text, code = wrong, http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // who has gone away does not matter
}

// reads says whether a request only wants to see something, and answers if not.
func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "This address is for GET and HEAD.", http.StatusMethodNotAllowed)
	return false
}
