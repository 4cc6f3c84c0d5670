// Package web serves the pages: the start, the test, the demos, and the scripts
// that pages of RTCMultiConnection load. They are built by npm into the folder
// dist, which is embedded; without them a page says how to build them.
package web

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Options says what the pages need to know of the server around them.
type Options struct {
	// DemosDir is a checkout of the original demos of RTCMultiConnection, or
	// the folder demos of one. Nil: they are not served. A folder of the disk
	// should come from os.Root, which does not follow links that lead out.
	DemosDir fs.FS
	// ICEServers gives the iceServers array for one request of an original
	// demo, as JSON. Nil, or an answer that is not JSON: an empty array.
	ICEServers func(*http.Request) json.RawMessage
}

type handler struct {
	site  *site
	demos *demos
}

// New returns the handler of all pages and scripts. What is not a page, a script
// or one of the original demos gets 404, and what is not GET or HEAD 405.
func New(o Options) http.Handler {
	return newHandler(embedded(), o)
}

func newHandler(files fs.FS, o Options) http.Handler {
	return &handler{site: newSite(files), demos: newDemos(o)}
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header(), r)
	// H-13: these answers depend on nothing but the path, so no other method has a meaning.
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.plain(w, http.StatusMethodNotAllowed)
		return
	}
	p := r.URL.Path
	if !canonical(p) {
		h.missing(w, r)
		return
	}
	if f := h.site.files[p]; f != nil {
		f.serve(w, r)
		return
	}
	if to, ok := h.site.moved[p]; ok {
		redirect(w, r, to)
		return
	}
	if h.demos.serve(w, r, p) {
		return
	}
	h.missing(w, r)
}

// canonical says whether a path is written in the one way that is looked up.
//
// H-16: whatever decodes to "..", "//", a backslash or a NUL is not looked for.
func canonical(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\x00") {
		return false
	}
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}

// redirect leads to another path of the same server, with the query: that is
// where links to the original demos have their key.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusPermanentRedirect)
}

// missing answers 404 in the style of the pages, to programs as well.
func (h *handler) missing(w http.ResponseWriter, r *http.Request) {
	if h.site.notFound == nil {
		h.plain(w, http.StatusNotFound)
		return
	}
	h.site.notFound.serveAs(w, r, http.StatusNotFound)
}

func (h *handler) plain(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// A client that has gone away needs no answer.
	_, _ = w.Write([]byte(http.StatusText(code) + "\n"))
}
