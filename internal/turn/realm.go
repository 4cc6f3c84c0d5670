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

// realms are those that a server has, each with the form in which clients are
// told it.
func realms(o *Options) map[string]string {
	all := make(map[string]string)
	prepare := func(realm string) {
		prepared, err := auth.OpaqueString(realm)
		if err != nil {
			prepared = realm // nobody can log in to it, and everybody else is served
		}
		all[realm] = prepared
	}
	prepare(o.Realm)
	for _, realm := range o.Realms {
		prepare(realm)
	}
	return all
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

// origin is the realm of the page that m names, if that has one.
func (s *Server) origin(m *stun.Message) (string, bool) {
	if len(s.o.Realms) == 0 {
		return "", false
	}
	v, ok := m.Get(stun.AttrOrigin)
	if !ok {
		return "", false
	}
	realm, ok := s.o.Realms[Origin(string(v))]
	return realm, ok
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
// that does not, as browsers do not, may be of any.
func (s *Server) serves(r *request, realm []byte) bool {
	if s.sameRealm(realm, r.realm) {
		return true
	}
	if _, ok := s.origin(&r.msg); ok {
		return false
	}
	for known := range s.realms {
		if s.sameRealm(realm, known) {
			r.realm = known
			return true
		}
	}
	return false
}

// sameRealm says whether a client names a realm of ours.
//
// R-8489-14.9-b (RFC 8489, 14.9): realms are compared as prepared.
func (s *Server) sameRealm(sent []byte, ours string) bool {
	if string(sent) == ours || string(sent) == s.realms[ours] {
		return true
	}
	prepared, err := auth.OpaqueString(string(sent))
	return err == nil && prepared == s.realms[ours]
}

// policy is the one that the users of a realm go by.
func (s *Server) policy(realm string) *Policy {
	if p := s.o.Policies[realm]; p != nil {
		return p
	}
	return s.o.Policy
}
