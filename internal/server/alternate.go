package server

import (
	"crypto/sha256"
	"net/netip"

	"iceserver/internal/config"
	"iceserver/internal/turn"
)

// alternates are the servers that clients are sent to, by the transport that they
// came by. As in coturn, what is encrypted goes nowhere else.
func alternates(c *config.Config) (to [4][]netip.AddrPort) {
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
