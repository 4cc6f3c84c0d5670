package turn

import (
	"net/url"
	"strings"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
)

// Origin returns the form in which origins are compared: scheme and host in lower
// case, and no port that the scheme means anyway. What is no origin stays as it is.
func Origin(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme == "" || u.Host == "" {
		return s
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}

// realms are those that a server has, by the form in which they are compared and
// clients are told them. Of two that are told alike one counts, always the same.
func realms(o *Options) map[string]string {
	all := make(map[string]string)
	for _, realm := range o.Realms {
		told := toldRealm(realm)
		if first, ok := all[told]; !ok || realm < first {
			all[told] = realm
		}
	}
	all[toldRealm(o.Realm)] = o.Realm
	return all
}

// toldRealm is the prepared form of a realm. One that has none stays as it is:
// nobody can log in to it, and everybody else is served.
func toldRealm(realm string) string {
	prepared, err := auth.OpaqueString(realm)
	if err != nil {
		return realm
	}
	return prepared
}

// realmFor is what a client is asked for that sends m: the realm of the page
// that it names in ORIGIN, or else the server's own. ORIGIN is what anybody likes
// to write, so it chooses among realms and gives no right in any of them; nothing
// remembers it before the integrity of a request that carries the realm itself
// has been verified (A-D08).
func (s *Server) realmFor(m *stun.Message) string {
	if realm, ok := s.origin(m); ok {
		return realm
	}
	return s.o.Realm
}

// mostOrigins is how many ORIGINs of a message are looked at.
const mostOrigins = 8

// origin is the realm of the page that m names, if that has one. A page inside
// others may name them all: the first one that has a realm counts, as for coturn.
func (s *Server) origin(m *stun.Message) (string, bool) {
	if len(s.o.Realms) == 0 {
		return "", false
	}
	seen := 0
	for t, v := range m.Attributes() {
		if t != stun.AttrOrigin {
			continue
		}
		if realm, ok := s.o.Realms[Origin(string(v))]; ok {
			return realm, true
		}
		if seen++; seen == mostOrigins {
			break
		}
	}
	return "", false
}

// sentOrigin is the ORIGIN of a message in the form in which they are compared;
// empty: there is none.
func sentOrigin(m *stun.Message) string {
	v, ok := m.Get(stun.AttrOrigin)
	if !ok {
		return ""
	}
	return Origin(string(v))
}

// sameOrigin says whether a request comes from the page that its allocation was
// made for, where that matters.
func (s *Server) sameOrigin(r *request) bool {
	return !s.o.SameOrigin || r.alloc.origin == sentOrigin(&r.msg)
}

// serves decides whether the REALM of a request is one of ours, and makes it the
// request's. A client that names an origin has to name its realm as well; one
// that does not, as browsers do not, may be of any. It costs the same with any
// number of realms: strangers are answered as well.
//
// R-8489-14.9-b (RFC 8489, 14.9): realms are compared as prepared.
func (s *Server) serves(r *request, sent []byte) bool {
	told := toldRealm(string(sent))
	if told == toldRealm(r.realm) {
		return true
	}
	// A realm that is given up, or that a page has no more, goes on for those who
	// hold something in it, until they let it go.
	if r.alloc != nil && told == toldRealm(r.alloc.realm) {
		r.realm = r.alloc.realm
		return true
	}
	if _, ok := s.origin(&r.msg); ok {
		return false
	}
	known, ok := s.realms[told]
	if ok {
		r.realm = known
	}
	return ok
}

// policy is the one that the users of a realm go by.
func (s *Server) policy(realm string) *Policy {
	if p := s.o.Policies[realm]; p != nil {
		return p
	}
	return s.o.Policy
}
