package server

import (
	"log/slog"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/signaling"
)

// openSignaling makes the signaling of a setup if there is none yet, and what checks
// the tokens of its rooms.
func (s *Server) openSignaling(x *setup) (err error) {
	w := &x.web
	if !w.on() {
		return nil
	}
	if err := w.openTokens(x.cfg, s.log); err != nil || w.signaling != nil {
		return err
	}
	o := w.signalingOptions(x.cfg)
	o.Log = s.log
	w.signaling, err = signaling.New(o)
	return err
}

// configureSignaling has the signaling go by a setup. With an error nothing has
// changed.
func (x *setup) configureSignaling() error {
	if !x.web.on() {
		return nil
	}
	return x.web.signaling.Configure(x.web.signalingOptions(x.cfg))
}

// openTokens reads what the tokens of rooms are checked with.
func (w *webSetup) openTokens(c *config.Config, log *slog.Logger) (err error) {
	w.tokens, w.roomKeys = nil, nil
	switch {
	case c.SignalingAuth != "token":
	case c.SignalingJWKS != "":
		w.roomKeys, err = openRoomKeys(c.SignalingJWKS, c.SignalingAudience, log)
		w.tokens = w.roomKeys
	default:
		w.tokens, err = signaling.NewSecretTokens([]byte(c.SignalingSecret.Reveal()), c.SignalingAudience)
	}
	return err
}

// signalingOptions translates the configuration: what a file calls 0 is what the
// package calls less than nothing, since its own zero stands for the default.
func (w *webSetup) signalingOptions(c *config.Config) signaling.Options {
	o := signaling.Options{
		Tokens: w.tokens, Origins: c.WebOrigins, Grace: c.SignalingGrace, Heartbeat: c.SignalingHeartbeat,
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
