package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// dist has .gitkeep alone until npm builds the pages.
//
//go:embed all:dist
var dist embed.FS

//go:embed static/unbuilt.html
var unbuilt []byte

// embedded is the folder that the pages were built into.
func embedded() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// site is everything that was built, by the path that a browser asks for.
type site struct {
	files    map[string]*file
	moved    map[string]string // other ways to write the path of a page
	notFound *file
}

// file is one answer, ready to be sent.
type file struct {
	body, packed []byte // packed is gzip, or nil
	contentType  string
	cache        string
	tag          string // without quotes
	policy       func(http.Header, *http.Request)
}

// newSite reads all files once: the answers are then look-ups in a map, and no
// request reaches a file system.
func newSite(files fs.FS) *site {
	s := &site{files: map[string]*file{}, moved: map[string]string{}}
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(name, ".gz") && !strings.HasPrefix(path.Base(name), ".") {
			s.add(files, name)
		}
		return nil // what cannot be read is not there
	})
	if s.files["/"] == nil {
		page := newFile("unbuilt.html", unbuilt, nil)
		for _, p := range []string{"/", "/test", "/demos/"} {
			s.files[p] = page
		}
	}
	return s
}

func (s *site) add(files fs.FS, name string) {
	body, err := fs.ReadFile(files, name)
	if err != nil {
		return
	}
	packed, err := fs.ReadFile(files, name+".gz")
	if err != nil {
		packed = nil
	}
	f := newFile(name, body, packed)
	page, isPage := strings.CutSuffix(name, ".html")
	switch {
	case name == "404.html":
		s.notFound = f
	case !isPage || foreign(name):
		s.files["/"+name] = f
	case path.Base(page) == "index":
		s.addFolder("/"+strings.TrimSuffix(page, "index"), "/"+name, f)
	default:
		s.files["/"+page] = f
		s.moved["/"+page+"/"] = "/" + page
		// Among the original demos there is a one-to-one.html as well.
		if !strings.HasPrefix(name, "demos/") {
			s.moved["/"+name] = "/" + page
		}
	}
}

func (s *site) addFolder(folder, name string, f *file) {
	s.files[folder] = f
	s.moved[name] = folder
	if folder != "/" {
		s.moved[strings.TrimSuffix(folder, "/")] = folder
	}
}

// foreign says whether a file is somebody else's, under a path that the pages of
// RTCMultiConnection expect.
func foreign(name string) bool {
	for _, folder := range []string{"dist/", "dev/", "socket.io/", "node_modules/"} {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	return false
}

func newFile(name string, body, packed []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{body: body, packed: packed, contentType: contentType(name), tag: hex.EncodeToString(sum[:12]), policy: sitePolicy}
	switch {
	case strings.HasPrefix(name, "assets/"):
		// The name has a hash of the content: it never means anything else.
		f.cache = "public, max-age=31536000, immutable"
	case foreign(name):
		f.cache = "public, max-age=3600"
		f.policy = foreignPolicy
	default:
		f.cache = "no-cache"
	}
	return f
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) { f.serveAs(w, r, http.StatusOK) }

func (f *file) serveAs(w http.ResponseWriter, r *http.Request, code int) {
	h := w.Header()
	f.policy(h, r)
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	body, tag := f.body, f.tag
	if f.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		// Parts are parts of the plain bytes.
		if r.Header.Get("Range") == "" && acceptsGzip(r.Header.Get("Accept-Encoding")) {
			body, tag = f.packed, f.tag+"-gzip"
			h.Set("Content-Encoding", "gzip")
		}
	}
	if code != http.StatusOK {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(code)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // a client that has gone away needs no answer
		}
		return
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads an Accept-Encoding header: gzip counts unless its quality is 0.
func acceptsGzip(header string) bool {
	for _, item := range strings.Split(header, ",") {
		name, quality, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		value, found := strings.CutPrefix(strings.TrimSpace(quality), "q=")
		q, err := strconv.ParseFloat(value, 64)
		return !found || (err == nil && q > 0)
	}
	return false
}

// contentType is a table of its own, since the one of the system differs from
// machine to machine. "" is a file that is not for browsers.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".png", ".gif", ".webp":
		return "image/" + strings.ToLower(path.Ext(name))[1:]
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".ico":
		return "image/x-icon"
	case ".mp3":
		return "audio/mpeg"
	case ".mp4", ".webm":
		return "video/" + strings.ToLower(path.Ext(name))[1:]
	case ".woff", ".woff2":
		return "font/" + strings.ToLower(path.Ext(name))[1:]
	}
	return ""
}
