package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
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
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		fail(c.w, http.StatusRequestEntityTooLarge, "too-long", "The body is too long.")
		return false
	case err != nil:
		fail(c.w, http.StatusBadRequest, "json", "The body broke off.")
		return false
	}
	if problem := strictly(body, v); problem != "" {
		fail(c.w, http.StatusBadRequest, "json", "The body is not the JSON that is wanted: "+problem+".")
		return false
	}
	return true
}

// strictly reads one object into v, or says what is wrong with it in words that
// do not speak of this program.
func strictly(body []byte, v any) (problem string) {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return "it has to be an object, {}"
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var kind *json.UnmarshalTypeError
	switch unknown, is := strings.CutPrefix(fmt.Sprint(err), "json: unknown field "); {
	case errors.As(err, &kind):
		return "the value of " + strconv.Quote(clip(kind.Field)) + " cannot be a " + clip(kind.Value)
	case is:
		return "there is no field " + clip(unknown)
	case err != nil:
		return "it is not well-formed"
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "there is more behind it"
	}
	return ""
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
