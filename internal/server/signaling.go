package server

import (
	"time"

	"iceserver/internal/config"
	"iceserver/internal/signaling"
)

// openSignaling makes the signaling, and what checks the tokens of its rooms.
func (s *Server) openSignaling() error {
	o := signalingOptions(s.cfg())
	o.Log = s.log
	var err error
	switch {
	case s.cfg().SignalingAuth != "token":
	case s.cfg().SignalingJWKS != "":
		s.web.roomKeys, err = openRoomKeys(s.cfg().SignalingJWKS, s.cfg().SignalingAudience, s.log)
		o.Tokens = s.web.roomKeys
	default:
		o.Tokens, err = signaling.NewSecretTokens([]byte(s.cfg().SignalingSecret.Reveal()), s.cfg().SignalingAudience)
	}
	if err != nil {
		return err
	}
	s.web.signaling, err = signaling.New(o)
	return err
}

// signalingOptions translates the configuration: what a file calls 0 is what the
// package calls less than nothing, since its own zero stands for the default.
func signalingOptions(c *config.Config) signaling.Options {
	o := signaling.Options{
		Origins: c.WebOrigins, Grace: c.SignalingGrace, Heartbeat: c.SignalingHeartbeat,
		Limits: signaling.Limits{
			Sessions: c.SignalingMaxConnections, PerAddress: c.SignalingMaxPerAddress,
			Rooms: c.SignalingMaxRooms, Participants: c.SignalingMaxParticipants,
			MessageBytes: c.SignalingMaxMessage, Buffer: c.SignalingMaxBuffer, MessageRate: float64(c.SignalingMessageRate),
		},
	}
	if c.SignalingGrace == 0 {
		o.Grace = -time.Second
	}
	if c.SignalingMessageRate == 0 {
		o.Limits.MessageRate = -1
	}
	return o
}
