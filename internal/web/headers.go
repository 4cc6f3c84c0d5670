package web

import (
	"net/http"
	"strings"
)

// permissions are the devices that the demos use, for this origin alone.
const permissions = "camera=(self), microphone=(self), display-capture=(self), clipboard-write=(self), fullscreen=(self), " +
	"geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()"

// secure sets what every answer has, errors and redirects included.
//
// H-11: headers that keep browsers from guessing types, from telling other sites
// where a person came from, and from sharing windows, on every answer; no header names
// the program. Strict-Transport-Security is for who knows the certificate to say.
func secure(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", permissions)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	sitePolicy(h, r)
}

// sitePolicy is for our own pages.
//
// H-10: nothing but this server's own files runs in a page of ours, and nothing
// that stands inside the page does.
func sitePolicy(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"+sockets(r)+
		"; img-src 'self' data:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("X-Frame-Options", "DENY")
}

// foreignPolicy is for scripts that pages of other origins may load as well, as
// they do from the original server, and for the frame that one of them opens.
func foreignPolicy(h http.Header, r *http.Request) {
	demosPolicy(h, r)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// demosPolicy is for the original demos: their scripts stand in the pages, use
// eval in places, and blobs as workers. What they would load from elsewhere stays
// shut out.
func demosPolicy(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "+
		"connect-src 'self' blob: data:"+sockets(r)+"; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "+
		"worker-src 'self' blob:; frame-src 'self' blob: data:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
}

// sockets are the WebSockets of this server: to some browsers 'self' means only
// the scheme of the page. A Host that could write into the header is left out.
func sockets(r *http.Request) string {
	if r.Host == "" || strings.ContainsFunc(r.Host, notHost) {
		return ""
	}
	return " ws://" + r.Host + " wss://" + r.Host
}

func notHost(c rune) bool {
	digit := c >= '0' && c <= '9'
	letter := (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
	return !digit && !letter && !strings.ContainsRune(".-:[]", c)
}
