package doctor

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"iceserver/internal/auth"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
)

// phrase is the standard's name of an error code, for servers that send none.
func phrase(code int) string {
	if p := stun.ErrorPhrase(code); p != "" {
		return p
	}
	return "(no reason given)"
}

// longestText is how much of what a server says of itself is shown, in bytes.
const longestText = 300

// printable is what somebody else wrote without what would move the cursor of a
// terminal or begin a line.
func printable(s string) string {
	if len(s) > longestText {
		s = s[:longestText] + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}

// explain says what an error of a session means and what to change.
func explain(err error, now time.Time) string {
	var refused *refusedError
	var silence *silenceError
	var bindingOnly *bindingOnlyError
	var unreachable *unreachableError
	var handshake *handshakeError
	var protocol *protocolError
	var certificate *certificateError
	switch {
	case errors.As(err, &refused):
		return refused.explain(now)
	case errors.As(err, &bindingOnly):
		return "It is a STUN server alone: give clients it as stun:, or take stun-only out of its configuration so that it relays."
	case errors.As(err, &silence):
		return silence.explain()
	case errors.As(err, &unreachable):
		return unreachable.explain()
	case errors.As(err, &handshake):
		return fmt.Sprintf("What listens on %s does not speak %v, or no version of it that is still safe. Check the port, and that the server has a certificate.", handshake.to.port(), handshake.to.proto)
	case errors.As(err, &protocol):
		return fmt.Sprintf("Another program than a STUN or TURN server answers on %s, or something between refuses what it does not know. Check the port; if it is right, see in the server's log whether this address is banned for wrong passwords.", protocol.to.port())
	case errors.As(err, &certificate):
		return certificate.shown.advice()
	}
	return ""
}

func (e *silenceError) explain() string {
	// No firewall keeps a port closed to which the connection has just been made.
	if e.to.proto.Stream() && e.what != waitsToConnect {
		return fmt.Sprintf("The connection to %s was made, and then no answer came over it: another program listens there, the server is overloaded, or something between passes only what it knows. Check the port.", e.to.port())
	}
	if e.what == stun.MethodBinding.String() || e.to.proto == turn.UDP || e.to.proto == turn.DTLS {
		return fmt.Sprintf("Either nothing listens there, or a firewall between you and the server drops it. Open %s in the server's firewall and in the cloud's (security group, VPC firewall rule, NSG). Who sent wrong passwords before may be banned: the server's log says so.", e.to.port())
	}
	return fmt.Sprintf("A firewall between you and the server drops it, or the server is overloaded. Open %s in the server's firewall and in the cloud's (security group, VPC firewall rule, NSG).", e.to.port())
}

func (e *unreachableError) explain() string {
	switch {
	case e.closed:
		return fmt.Sprintf("The machine answers but nothing listens on %s there: start the server, or check the port.", e.to.port())
	case noRoute(e):
		return fmt.Sprintf("This machine has no way to %v: it has no such network, or the address is wrong.", e.to.server.Addr())
	}
	return "Check the address and the network of this machine."
}

// advice says what to do about a certificate that is not trusted.
func (s *ShownCertificate) advice() string {
	switch {
	case s.SelfSigned:
		return "Browsers and native apps refuse it. Get a certificate from a public authority, by ACME for one."
	case !s.Complete:
		return "Configure the file with the whole chain (fullchain.pem, not cert.pem)."
	case strings.HasPrefix(s.Problem, "it expired"):
		return "Renew the certificate, and see that the server reads the new file."
	case strings.HasPrefix(s.Problem, "it is not for"):
		return "Use one of the certificate's names in the URL, or get a certificate for this one."
	}
	return "Browsers refuse it unless they know the authority."
}

// explain says what a refusal means and what to change.
func (e *refusedError) explain(now time.Time) string {
	switch e.Code {
	case 300:
		return "The server sends its clients to another one, and following that leads to none that serves them: it is of no use for this transport, or they send clients round in a circle. Check alternate-server on all of them."
	case 400:
		return e.explain400()
	case 401:
		return e.explain401(now)
	case 403:
		return e.explain403()
	case 420:
		return "The server does not know an attribute that every TURN client sends: it is a STUN server alone, or too old."
	case 437:
		return e.explain437()
	case 438:
		return "Every nonce that the server hands out is stale when it comes back: its clients reach another server each time (a balancer without affinity), or their address changes on the way."
	case 440:
		return "The server has no relay address of that family. Give it one (relay-ip), or ask for the other family; browsers ask for none, and get the one that they came with if it has allocation-default-address-family=keep."
	case 441:
		return "The allocation on this 5-tuple belongs to somebody else, or the server holds other credentials for it. Use one user for the life of an allocation."
	case 442:
		return "The server does not relay UDP, which is all that WebRTC asks for. Check its configuration (no-udp-relay)."
	case 443:
		return "The peer's address is of the other family than the relayed one. Allocate in the family of the peers."
	case 486:
		return "The user, or the server as a whole, has as many allocations as it may have. Raise user-quota or total-quota, or wait until old ones end (up to 10 minutes)."
	case 500:
		return "The server failed inside, most often because its user database is down. Its log says more."
	case 508:
		return "The server has no free relayed port or no capacity left. Widen min-port and max-port, check max-bps and bps-capacity, and that the relay address exists on the machine."
	}
	return "The server's log says more."
}

// explain400 knows that not every server says 401 where it should: those made with
// pion/turn say 400 to a signature that does not fit.
func (e *refusedError) explain400() string {
	if e.Signed && e.Method == stun.MethodAllocate {
		return fmt.Sprintf("The server made sense of the request until it was signed. Some servers, those built on pion/turn among them, answer so when there is no user %q in the realm %q or the password is another one: check both.", printable(e.server.username), printable(e.Realm))
	}
	return "The server could not make sense of the request: it is no TURN server for UDP relays as RFC 8656 has them, or something on the way changes packets."
}

// explain401 tells which part was wrong as far as that can be known: the server
// says the same of all, so that nobody finds out names, but what was sent says
// something too.
func (e *refusedError) explain401(now time.Time) string {
	switch {
	case e.Realm == "":
		return "The server asks for credentials but names no realm, so none can be made: it is not set up for long-term credentials (lt-cred-mech or use-auth-secret, and realm)."
	case e.server.username == "":
		return fmt.Sprintf("The server wants credentials of the realm %q. Give --user and --password.", printable(e.Realm))
	case !e.Signed:
		return "The credentials could not be used: name, realm or password hold characters that RFC 8265 forbids."
	}
	in := fmt.Sprintf(" in the realm %q", printable(e.Realm))
	expires, _, err := auth.REST{Separator: separator(e.server.username)}.Parse(e.server.username)
	switch {
	case err == nil && expires.Before(now) && expires.Year() > 2000:
		return fmt.Sprintf("The time-limited user name ended at %s, %v ago: get a new one; if it is new, the clock of this machine or of who made it is wrong.", expires.UTC().Format(time.RFC3339), now.Sub(expires).Round(time.Second))
	case err == nil && expires.Year() > 2000:
		return "The time-limited name is well formed and has not ended" + in + ": the secret is not the server's (static-auth-secret), the server's clock is ahead, or it takes no time-limited credentials (use-auth-secret)."
	}
	return fmt.Sprintf("The server does not say which of the two is wrong: there is no user %q%s, or the password is another one. Make the user (iceserver user add, turnadmin -a) or correct the password; names and realm count exactly as they are spelt.", printable(e.server.username), in)
}

// separator is what stands between the time and the rest of a time-limited name
// that begins with the time: each server may have its own (rest-api-separator).
// It is 0, for the usual one, in any other name.
func separator(username string) byte {
	rest := strings.TrimLeft(username, "0123456789")
	if rest == "" || rest == username || !strings.ContainsRune("!#$%&*+,-./:;=?@^_|~", rune(rest[0])) {
		return 0
	}
	return rest[0]
}

// explain403 tells a denied peer from a denied client.
func (e *refusedError) explain403() string {
	switch {
	case e.Method == stun.MethodAllocate:
		return "The server gives this client no allocation: it drains before a restart, the user may not relay, or the origin does not fit. Its log names the reason."
	case e.peer.IsValid():
		return fmt.Sprintf("The server's rules forbid %v as a peer (denied-peer-ip, or the built-in ones for private addresses). Where that peer is meant, allow it: allowed-peer-ip=%v.", e.peer, e.peer)
	}
	return "The server's rules forbid it. Its log names the rule."
}

// explain437 tells a tuple in use from an allocation that is gone.
func (e *refusedError) explain437() string {
	if e.Method == stun.MethodAllocate {
		return "The server still has an allocation for this 5-tuple, from a client that had the same port before. It ends by itself, at the latest after its lifetime."
	}
	return "The server knows no allocation for this 5-tuple any more: it ended or was revoked, the server was started anew, or a NAT on the way gave this client another port."
}
