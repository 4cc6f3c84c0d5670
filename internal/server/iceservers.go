package server

import (
	"net/netip"
	"strconv"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
)

// ICEServer is one entry of the iceServers array that a browser's
// RTCPeerConnection takes.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// iceServers returns what reaches this server at host, with a credential for
// the relay. STUN needs no entry of its own: a turn URL gathers both.
func iceServers(cfg *config.Config, host netip.Addr, username, credential string) []ICEServer {
	at := func(scheme string, port uint16, transport string) string {
		name := host.String()
		if host.Is6() {
			name = "[" + name + "]"
		}
		return scheme + ":" + name + ":" + strconv.Itoa(int(port)) + transport
	}
	var stun, turn []string
	if !cfg.NoUDP {
		stun = append(stun, at("stun", cfg.ListeningPort, ""))
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
		return []ICEServer{} // STUN without UDP is of no use to a browser
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
		username, credential = mint(a.rest, a.secrets[0], "", pasteTTL, now)
		return username, credential, true
	case len(cfg.Users) > 0:
		return cfg.Users[0].Name, "THE-PASSWORD-OF-" + cfg.Users[0].Name, false
	}
	return "NAME", "PASSWORD", false
}

// pasteTTL is how long a printed timed credential is good for: a day of trying
// things out.
const pasteTTL = 24 * time.Hour

// mint makes a timed credential.
//
// R-REST-2-b (TURN REST draft, 2): the name is when it runs out and, if there is
// one, whose it is.
func mint(r auth.REST, secret, id string, ttl time.Duration, now time.Time) (username, credential string) {
	return r.Mint(secret, id, now.Add(ttl))
}
