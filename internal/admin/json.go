package admin

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// reply writes v as JSON.
func reply(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil { // none of the types here can
		code, text = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // who has gone away does not matter
}

// fail answers with an error: a word for programs and a sentence for people.
func fail(w http.ResponseWriter, code int, word, text string) {
	reply(w, code, struct {
		Code  string `json:"code"`
		Error string `json:"error"`
	}{word, text})
}

// refusal is why somebody gets nothing.
type refusal struct {
	status     int
	code, text string
	after      int // seconds until it is worth asking again; 0: it is not
}

// answer tells it.
func (f *refusal) answer(w http.ResponseWriter) {
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="iceserver"`)
	}
	if f.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.after))
	}
	fail(w, f.status, f.code, f.text)
}

// readJSON reads the body of a request into v, and answers if it cannot be.
//
// H-13: one object of the fields that there are, called JSON, and not long. The
// type also keeps out what a page can send elsewhere without asking (H-06).
func readJSON(c *call, v any) bool {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		fail(c.w, http.StatusUnsupportedMediaType, "content-type", "The body has to be application/json.")
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return true
		}
		err = errors.New("there is more behind it")
	}
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		fail(c.w, http.StatusRequestEntityTooLarge, "too-long", "The body is too long.")
		return false
	}
	fail(c.w, http.StatusBadRequest, "json", "The body is not the JSON that is wanted: "+clip(err.Error())+".")
	return false
}

// clip cuts text that a client chose, between two characters.
func clip(s string) string {
	const longest = 128
	if len(s) <= longest {
		return s
	}
	n := longest
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
