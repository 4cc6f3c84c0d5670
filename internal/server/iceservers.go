package server

import (
	"net"
	"strconv"
	"time"

	"iceserver/internal/admin"
	"iceserver/internal/auth"
	"iceserver/internal/config"
)

// ICEServer is one entry of the iceServers array that a browser's
// RTCPeerConnection takes.
type ICEServer = admin.ICEServer

// iceURL is the address of a service at this server; host is a name or an
// address.
func iceURL(scheme, host string, port uint16, transport string) string {
	return scheme + ":" + net.JoinHostPort(host, strconv.Itoa(int(port))) + transport
}

// stunURLs are what needs no credentials. STUN without UDP is of no use to a
// browser.
func stunURLs(cfg *config.Config, host string) []string {
	if cfg.NoUDP || cfg.NoSTUN {
		return nil
	}
	return []string{iceURL("stun", host, cfg.ListeningPort, "")}
}

// iceServers returns what reaches this server at host, a name or an address,
// with a credential for the relay. STUN needs no entry of its own: a turn URL
// gathers both.
func iceServers(cfg *config.Config, host, username, credential string) []ICEServer {
	at := func(scheme string, port uint16, transport string) string {
		return iceURL(scheme, host, port, transport)
	}
	stun := stunURLs(cfg, host)
	var turn []string
	if !cfg.NoUDP {
		turn = append(turn, at("turn", cfg.ListeningPort, "?transport=udp"))
	}
	if !cfg.NoTCP {
		turn = append(turn, at("turn", cfg.ListeningPort, "?transport=tcp"))
	}
	if !cfg.NoTLS {
		turn = append(turn, at("turns", cfg.TLSListeningPort, "?transport=tcp"))
	}
	if cfg.DTLS && len(turn) == 0 {
		// Browsers take this for plain UDP, so it is named only if nothing else is.
		turn = append(turn, at("turns", cfg.TLSListeningPort, "?transport=udp"))
	}
	switch {
	case cfg.STUNOnly && len(stun) == 0:
		return []ICEServer{}
	case cfg.STUNOnly:
		return []ICEServer{{URLs: stun}}
	}
	return []ICEServer{{URLs: turn, Username: username, Credential: credential}}
}

// account returns the credential to print for pasting, and whether it is one
// that works as it stands: the kept account, or a timed credential of a
// configured secret. A configured password is never printed.
func (a *access) account(cfg *config.Config, now time.Time) (username, credential string, ok bool) {
	switch {
	case cfg.NoAuth:
		// Browsers want some name and password for a relay all the same.
		return "anyone", "anything", true
	case a.own:
		return a.kept.User, a.kept.Password, true
	case len(a.secrets) > 0:
		username, credential = mint(a.rest, a.secrets[0], webUser, pasteTTL, now)
		return username, credential, true
	case len(cfg.Users) > 0:
		return cfg.Users[0].Name, "THE-PASSWORD-OF-" + cfg.Users[0].Name, false
	}
	return "NAME", "PASSWORD", false
}

// pasteTTL is how long a printed timed credential is good for: a day of trying
// things out.
const pasteTTL = 24 * time.Hour

// webUser is whom a credential is for that is for nobody in particular: without
// a name it would be somebody else to the quota at every renewal.
const webUser = "web"

// mint makes a timed credential.
//
// R-REST-2-b (TURN REST draft, 2): the name is when it runs out and, if there is
// one, whose it is.
func mint(r auth.REST, secret, id string, ttl time.Duration, now time.Time) (username, credential string) {
	return r.Mint(secret, id, now.Add(ttl))
}
