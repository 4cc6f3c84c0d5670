package server

import (
	"crypto/sha256"
	"net/netip"
	"slices"

	"iceserver/internal/config"
	"iceserver/internal/turn"
)

// alternates are the servers that clients are sent to, by the transport that they
// came by. This server is none of them: who was sent away would come back for ever.
func (s *Server) alternates() (to [4][]netip.AddrPort) {
	to = configuredAlternates(s.cfg())
	own := s.listening()
	for i, servers := range to {
		to[i] = slices.DeleteFunc(slices.Clone(servers), func(a netip.AddrPort) bool {
			return slices.Contains(own, a)
		})
	}
	return to
}

// warnAlternates tells of an alternate server that is this one.
func (s *Server) warnAlternates() {
	own := s.listening()
	for _, servers := range configuredAlternates(s.cfg()) {
		for _, a := range servers {
			if slices.Contains(own, a) {
				s.log.Warn("an alternate server is this server itself, to which nobody is sent: name another one", "alternate", a)
				return
			}
		}
	}
}

// configuredAlternates are those that the configuration names. As in coturn, what
// is encrypted goes nowhere else.
func configuredAlternates(c *config.Config) (to [4][]netip.AddrPort) {
	to[turn.UDP], to[turn.TCP] = c.AlternateServers, c.AlternateServers
	if len(c.UDPAlternateServers) > 0 {
		to[turn.UDP] = c.UDPAlternateServers
	}
	if len(c.TCPAlternateServers) > 0 {
		to[turn.TCP] = c.TCPAlternateServers
	}
	to[turn.TLS], to[turn.DTLS] = c.TLSAlternateServers, c.TLSAlternateServers
	return to
}

// resident is the account of the self test, which is about this server.
func (s *Server) resident() string {
	if s.keys == nil {
		return ""
	}
	return s.keys.name
}

// nonceLabel keeps what is made of stateless-nonce-secret apart from anything else
// that is made of the same secret.
const nonceLabel = "iceserver nonce key\x00"

// nonceKey is what nonces are made with: of the secret that servers share, or of
// the data directory, so that nonces outlive a restart and no client has to ask
// again. Without either each start has its own.
func (s *Server) nonceKey() ([]byte, error) {
	if secret := s.cfg().NonceSecret.Reveal(); secret != "" {
		key := sha256.Sum256([]byte(nonceLabel + secret))
		return key[:], nil
	}
	if k := s.access().kept; k != nil {
		return k.nonceKey()
	}
	return nil, nil
}
