package admin

import (
	"io"
	"net/http"
)

// The paths that orchestrators ask. The first says that the process serves, as
// long as it does; the second whether it takes new clients.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// health answers whether this process serves: whoever gets an answer knows.
func (a *API) health(c *call) { tell(c.w, c.r, "") }

// ready answers whether new clients are welcome. Why they are not is for this
// machine alone.
func (a *API) ready(c *call) {
	why := ""
	if a.o.Ready != nil {
		why = a.o.Ready()
	}
	if why != "" && !c.direct() {
		why = "not ready"
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
