package rooms

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// longestID is how long an id of a user or a room may be, in bytes.
const longestID = 256

// forbiddenIDs are names that mean something else to the client library, which
// uses ids as keys of JavaScript objects.
//
// W-02: no id is a trick on the prototype of somebody's object.
func forbiddenIDs() []string {
	return []string{
		"__proto__", "constructor", "prototype", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable",
		"toLocaleString", "toString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
		"getAllParticipants", "getLength", "selectFirst", "streams", "send", "forEach", "system", "admin",
	}
}

// validID says whether a client may have or make this id. Markup is refused
// because pages out there show ids unescaped.
func validID(id string) bool {
	if id == "" || len(id) > longestID || !utf8.ValidString(id) || strings.ContainsAny(id, `<>"`) {
		return false
	}
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return !strings.ContainsFunc(id, control) && !slices.Contains(forbiddenIDs(), id)
}

var eventName = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// reservedEvents are names that this server or the client library emits itself.
func reservedEvents() []string {
	return []string{
		"error", "admin", "logs", "user-connected", "user-disconnected", "closed-entire-session", "userid-already-taken",
		"number-of-broadcast-viewers-updated", "set-isInitiator-true", "join-broadcaster", "start-broadcasting",
		"rejoin-broadcast", "broadcast-stopped", "user-not-found", "connect", "disconnect", "reconnect", "iceserver-mark",
	}
}

// validEvent says whether a client may choose this name for its messages or
// custom events.
func (r *Rooms) validEvent(name string) bool {
	return eventName.MatchString(name) && r.handlers[name] == nil &&
		!slices.Contains(reservedEvents(), name) && !slices.Contains(forbiddenIDs(), name)
}
