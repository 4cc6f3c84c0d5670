package engineio

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// fault is a refusal of a request. Code and text are those that clients of the
// original server know.
type fault struct {
	status int
	code   int
	text   string
}

func unknownTransport() *fault { return &fault{http.StatusBadRequest, 0, "Transport unknown"} }
func unknownSession() *fault   { return &fault{http.StatusBadRequest, 1, "Session ID unknown"} }
func badMethod() *fault        { return &fault{http.StatusBadRequest, 2, "Bad handshake method"} }
func badRequest() *fault       { return &fault{http.StatusBadRequest, 3, "Bad request"} }
func forbidden() *fault        { return &fault{http.StatusForbidden, 4, "Forbidden"} }
func badRevision() *fault      { return &fault{http.StatusBadRequest, 5, "Unsupported protocol version"} }

// tooMany is the refusal of an address or a server that has its fill. The code
// is that of Forbidden, the nearest that clients know.
func tooMany() *fault { return &fault{http.StatusTooManyRequests, 4, "Too many sessions"} }

// closing is the answer before Run and after it.
func closing() *fault { return &fault{http.StatusServiceUnavailable, 3, "Server is not running"} }

// retryAfter is in seconds; clients of socket.io wait about as long by themselves.
const retryAfter = 5

// write answers the request with the fault.
func (f *fault) write(w http.ResponseWriter) {
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{f.code, f.text})
	if err != nil {
		panic(err) // two plain fields
	}
	if f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	answer(w, f.status, "application/json", body)
}

// answer writes a whole response that no cache keeps and no browser guesses at.
func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A client that is gone is noticed by its missing next request.
	_, _ = w.Write(body)
}
