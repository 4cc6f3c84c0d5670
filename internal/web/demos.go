package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// originals is where the list of the original demos is; the demos themselves
// keep their paths, which their pages name.
const originals = "/demos/original/"

// literal is how sixteen of the demos name their servers, all alike.
var literal = regexp.MustCompile(`connection\.iceServers\s*=\s*\[\s*\{\s*['"]?urls['"]?\s*:\s*\[[^\]]*\]\s*,?\s*\}\s*\]\s*;?`)

// socketURL stands in every demo; those without the literal get their servers
// behind it.
var socketURL = regexp.MustCompile(`connection\.socketURL\s*=\s*['"]/['"];`)

// demos serves the original demos of RTCMultiConnection from a folder.
type demos struct {
	files      fs.FS
	iceServers func(*http.Request) json.RawMessage
}

func newDemos(o Options) *demos {
	d := &demos{files: o.DemosDir, iceServers: o.ICEServers}
	if d.files == nil {
		return d
	}
	if info, err := fs.Stat(d.files, "demos"); err == nil && info.IsDir() {
		if sub, err := fs.Sub(d.files, "demos"); err == nil {
			d.files = sub
		}
	}
	return d
}

// serve answers a path below /demos/ and says whether it did.
func (d *demos) serve(w http.ResponseWriter, r *http.Request, p string) bool {
	rest, ok := strings.CutPrefix(p, "/demos/")
	if d.files == nil || (!ok && p+"/" != originals) {
		return false
	}
	if p+"/" == originals {
		redirect(w, r, originals)
		return true
	}
	name := strings.TrimPrefix(p, originals)
	if name == p {
		name = rest
	}
	return d.serveFile(w, r, p, name)
}

func (d *demos) serveFile(w http.ResponseWriter, r *http.Request, p, name string) bool {
	if strings.HasSuffix(name, "/") || name == "" {
		name += "index.html"
	} else if info, err := fs.Stat(d.files, valid(name)); err == nil && info.IsDir() {
		// Their pages build addresses from their own, so the slash has to be there.
		redirect(w, r, p+"/")
		return true
	}
	kind := contentType(name)
	if valid(name) == "" || kind == "" {
		return false
	}
	f := d.open(name)
	if f == nil {
		// Their own list links to Video-Broadcasting.html, which is a file in
		// small letters.
		f = d.open(strings.ToLower(name))
	}
	if f == nil {
		return false
	}
	defer f.Close()
	content, filled, err := d.content(r, name, f)
	if err != nil {
		return false
	}
	h := w.Header()
	demosPolicy(h, r)
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	if filled {
		h.Set("Cache-Control", "no-store") // there are credentials in it
		if r.Method == http.MethodHead {
			return true // how long it would be is not worth a credential
		}
	}
	http.ServeContent(w, r, "", time.Time{}, content)
	return true
}

// errLong is about a page that is longer than a page has reason to be.
var errLong = errors.New("web: the page is too long")

// content is what is sent of a file, and whether that depends on who asks. Only what
// names ICE servers is read as a whole.
func (d *demos) content(r *http.Request, name string, f demo) (content io.ReadSeeker, filled bool, err error) {
	ext := strings.ToLower(path.Ext(name))
	if ext != ".html" && ext != ".js" {
		return f, false, nil
	}
	text, err := io.ReadAll(io.LimitReader(f, longestPage+1))
	switch {
	case err != nil:
		return nil, false, err
	case ext == ".html" && len(text) > longestPage:
		return nil, false, errLong
	case ext == ".js" && (len(text) > longestPage || !literal.Match(text)):
		_, err = f.Seek(0, io.SeekStart)
		return f, false, err
	}
	if r.Method != http.MethodHead {
		text = d.fill(text, r)
	}
	return bytes.NewReader(text), true, nil
}

// longestPage bounds what is held in memory to be filled in, in bytes; all files
// of the original demos together have less.
const longestPage = 1 << 20

// demo is a file of the folder. Only pages are read as a whole.
type demo interface {
	fs.File
	io.ReadSeeker
}

// open returns nil for what is no ordinary file: opening a pipe would wait, and
// the end of the server with it.
func (d *demos) open(name string) demo {
	if info, err := fs.Stat(d.files, name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := d.files.Open(name)
	if err != nil {
		return nil
	}
	file, ok := f.(demo)
	if !ok {
		f.Close() // a file system without seeking; that of the disk has it
		return nil
	}
	return file
}

// valid is the name, or "" if it is none or one that begins with a dot anywhere:
// a checkout has folders that are nobody's business.
func valid(name string) string {
	if !fs.ValidPath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return ""
	}
	return name
}

// fill puts this server's ICE servers where a page names others, and none are
// left that belong to somebody else.
func (d *demos) fill(page []byte, r *http.Request) []byte {
	named := literal.Match(page)
	if !named && !socketURL.Match(page) {
		return page
	}
	line := append([]byte("connection.iceServers = "), d.servers(r)...)
	line = append(line, ';')
	if named {
		return literal.ReplaceAllLiteral(page, line)
	}
	return socketURL.ReplaceAllFunc(page, func(found []byte) []byte {
		return append(append(append([]byte{}, found...), '\n'), line...)
	})
}

// servers is JSON that may stand in a script of a page: "<" cannot end it.
func (d *demos) servers(r *http.Request) []byte {
	none := []byte("[]")
	if d.iceServers == nil {
		return none
	}
	raw := d.iceServers(r)
	if !json.Valid(raw) {
		return none
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, raw)
	return escaped.Bytes()
}
