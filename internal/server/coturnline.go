package server

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// strangerSessions is the number before the first one made up: clients that hold
// nothing have no session here, but coturn numbers theirs. No worker is the 999th.
const strangerSessions = 999_000_000_000_000_000

// staleSession is coturn's word for a client that goes without an allocation.
const staleSession = "allocation watchdog determined stale session state"

// coturnLine is one line before it is written.
type coturnLine struct {
	level   string
	session string // its number; empty: the line is about no session
	text    string
	behind  string // in 4.18 the text begins with this word
	remote  string // who was refused; what coturn does not tell
}

// write appends the line with its end.
func (l *coturnLine) write(b *strings.Builder, front bool) {
	b.WriteString(l.level + " ")
	switch {
	case l.session == "":
		b.WriteString(l.text)
	case front:
		b.WriteString("session " + l.session + ": " + l.text)
	default:
		b.WriteString(l.behind + l.text + " (session " + l.session + ")")
	}
	if l.remote != "" {
		b.WriteString(" remote=" + l.remote)
	}
	b.WriteByte('\n')
}

// sessionRecord is a record about a session.
type sessionRecord struct {
	values  map[string]slog.Value
	verbose bool
	session string
	user    string
	realm   string
	lines   []coturnLine
}

// sessionLines are coturn's lines for a record of the relay's journal, or nil for
// any other record. verbose adds the lines about requests that succeeded.
func sessionLines(r *slog.Record, verbose bool, strangers *atomic.Uint64) []coturnLine {
	write := map[string]func(*sessionRecord){
		"allocated": (*sessionRecord).allocated, "refreshed": (*sessionRecord).refreshed, "deleted": (*sessionRecord).deleted,
		"permitted": (*sessionRecord).permitted, "unpermitted": (*sessionRecord).unpermitted,
		"refused": (*sessionRecord).refused, "answered": (*sessionRecord).answered,
	}[r.Message]
	if write == nil {
		return nil
	}
	t := &sessionRecord{values: make(map[string]slog.Value, r.NumAttrs()), verbose: verbose}
	r.Attrs(func(a slog.Attr) bool {
		t.values[a.Key] = a.Value
		return true
	})
	if _, ok := t.values["client"]; !ok {
		return nil // of somebody else, in the same word
	}
	t.user, t.realm, t.session = plain(t.text("user")), plain(t.text("realm")), t.text("session")
	if t.session == "" {
		t.session = fmt.Sprint(strangerSessions + strangers.Add(1))
	}
	write(t)
	return t.lines
}

// text is the value of an attribute, empty if there is none.
func (t *sessionRecord) text(key string) string {
	if v, ok := t.values[key]; ok {
		return v.String()
	}
	return ""
}

func (t *sessionRecord) line(format string, args ...any) *coturnLine {
	t.lines = append(t.lines, coturnLine{level: "INFO", session: t.session, text: fmt.Sprintf(format, args...)})
	return &t.lines[len(t.lines)-1]
}

// lived tells of an allocation, in coturn's word for what became of it.
func (t *sessionRecord) lived(word string, seconds int) {
	t.line("%s, realm=<%s>, username=<%s>, lifetime=%d", word, t.realm, t.user, seconds).behind = "allocation "
}

func (t *sessionRecord) lifetime() int {
	if v := t.values["lifetime"]; v.Kind() == slog.KindDuration {
		return int(v.Duration() / time.Second)
	}
	return 0
}

// processed tells of a request. Those that succeeded are for who wants to see
// everything.
func (t *sessionRecord) processed(method, result string) *coturnLine {
	return t.line("realm <%s> user <%s>: incoming packet %s processed, %s", t.realm, t.user, method, result)
}

func (t *sessionRecord) succeeded(method string) {
	if t.verbose {
		t.processed(method, "success")
	}
}

func (t *sessionRecord) allocated() {
	t.lived("new", t.lifetime())
	t.succeeded("ALLOCATE")
}

func (t *sessionRecord) refreshed() {
	t.lived("refreshed", t.lifetime())
	t.succeeded("REFRESH")
}

// permitted is of CreatePermission and ChannelBind alike.
func (t *sessionRecord) permitted() {
	t.line("peer %s lifetime updated: %d", t.peer(), t.lifetime())
	t.succeeded("CREATE_PERMISSION")
}

func (t *sessionRecord) unpermitted() { t.line("peer %s deleted", t.peer()) }

// peer is the address of a peer; a permission is for all its ports.
func (t *sessionRecord) peer() string { return strings.TrimSuffix(t.text("peer"), ":0") }

// answered is a Binding request, which the operator asked to see.
func (t *sessionRecord) answered() { t.processed(method(t.text("method")), "success") }

// deleted ends a session, with what it has carried: seen from the client, and seen
// from its peers.
func (t *sessionRecord) deleted() {
	if t.text("reason") == "released" {
		t.succeeded("REFRESH")
	}
	who := fmt.Sprintf("realm=<%s>, username=<%s>", t.realm, t.user)
	t.line("usage: %s, rp=%s, rb=%s, sp=%s, sb=%s", who,
		t.text("client_packets"), t.text("client_bytes"), t.text("peer_packets"), t.text("peer_bytes"))
	t.line("peer usage: %s, rp=%s, rb=%s, sp=%s, sb=%s", who,
		t.text("peer_packets"), t.text("peer_bytes"), t.text("client_packets"), t.text("client_bytes"))
	t.closed(ending(t.text("reason")))
	t.line("delete: %s", who).behind = "allocation "
}

// closed is the one line of coturn's that tells the client's address.
func (t *sessionRecord) closed(reason string) {
	t.line("closed (2nd stage), user <%s> realm <%s> origin <>, local %s, remote %s, reason: %s",
		t.user, t.realm, t.text("server"), t.text("client"), reason)
}

// refused is a request that failed. Where the credential was wrong coturn says so
// first; and there the session of who holds nothing ends with it.
//
// A-X04: the lines that filters ban by name an address only if the client was
// really there, since everybody can be refused in the name of anybody.
func (t *sessionRecord) refused() {
	remote, wrong := t.text("client"), credentials(t.text("reason"), t.user)
	guess := wrong != "" && t.text("guess") != "false"
	if wrong != "" {
		l := t.line("check_stun_auth: %s", wrong)
		l.level = "ERROR"
		if guess {
			l.remote = remote
		}
	}
	if peer := t.peer(); peer != "" {
		l := t.line("A peer IP %s denied in the range: %s", peer, plain(t.text("rule")))
		l.level, l.remote = "ERROR", remote
	}
	code, name := t.text("code"), method(t.text("method"))
	if code == "401" {
		name = "message" // it is told who asks before what is asked
	}
	t.processed(name, "error "+code+": "+phrase(code)).remote = remote
	if _, holds := t.values["session"]; !holds && guess {
		t.closed(staleSession)
	}
}

// credentials is what was wrong with them, or empty if nothing was.
func credentials(reason, user string) string {
	switch reason {
	case "wrong-password":
		return "user " + user + " credentials are incorrect"
	case "unknown-user":
		return "Cannot find credentials of user <" + user + ">"
	case "expired-credential":
		return "credentials of user <" + user + "> have expired (the time-limited username timestamp is in the past)"
	}
	return ""
}

// method is the name that coturn has for one.
func method(name string) string {
	switch name {
	case "CreatePermission":
		return "CREATE_PERMISSION"
	case "ChannelBind":
		return "CHANNEL_BIND"
	case "ConnectionBind":
		return "CONNECTION_BIND"
	}
	return strings.ToUpper(name)
}

// phrase is what coturn says to an error code.
func phrase(code string) string {
	text, ok := map[string]string{
		"300": "Try Alternate", "400": "Bad Request", "401": "Unauthorized", "403": "Forbidden IP",
		"420": "Unknown Attribute", "437": "Allocation Mismatch", "438": "Stale nonce",
		"440": "Address Family not Supported", "441": "Wrong Credentials", "442": "Unsupported Transport Protocol",
		"443": "Peer Address Family Mismatch", "446": "Connection Already Exists", "447": "Connection Timeout or Failure",
		"486": "Allocation Quota Reached", "500": "Server Error", "508": "Insufficient Capacity",
	}[code]
	if !ok {
		return "Unknown error"
	}
	return text
}

// ending is what coturn calls the end of an allocation; reasons that it does not
// have are told in ours.
func ending(reason string) string {
	switch reason {
	case "expired":
		return "allocation timeout"
	case "disconnected":
		return "TCP connection closed by client (callback)"
	}
	return reason
}

// plain writes a name so that nobody can make a line, or a part of one, with it:
// letters and digits stay, of the rest what names of users are made of, and
// everything else becomes its percent-encoded bytes.
//
// A-L01: a name like "x> ..., remote 192.0.2.1:5" would have a stranger banned by
// whoever reads the log for that.
func plain(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		if r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-@:/+~|", r)) {
			b.WriteRune(r)
		} else {
			for _, c := range []byte(name[:size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		name = name[size:]
	}
	return b.String()
}

// oneLine keeps the end of a line out of a message.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
