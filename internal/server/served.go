package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"iceserver/internal/listener"
	"iceserver/internal/signaling"
	"iceserver/internal/web"
)

// webSetup is the HTTP side as the configuration has it.
type webSetup struct {
	mode      string
	holders   *holders // nil: the pages have never been on
	pages     http.Handler
	signaling *signaling.Server // nil: the pages are off
	tokens    signaling.Tokens  // nil: rooms need none
	roomKeys  *roomKeys         // nil: tokens of rooms need no file
	port      *pagesPort        // nil: the pages have no port of their own

	endSignaling func()
}

func (w *webSetup) on() bool { return w.mode != "" && w.mode != webOff }

// pagesPort is a port that the pages have for themselves.
type pagesPort struct {
	*listener.Listener
	number uint16
	end    func()
}

// modeOf is what a setup can serve of what its configuration asks for.
func (s *Server) modeOf(x *setup) string {
	mode := webMode(x.cfg, s.o.ConfigFile)
	switch {
	case mode == webOff:
	case x.cfg.NoTCP && x.cfg.NoTLS && x.cfg.WebPort == 0:
		s.log.Warn("there are no pages, since no-tcp and no-tls leave no TCP port for them: set web-port")
		return webOff
	case x.access.kept == nil && x.cfg.Web == "":
		s.log.Warn("there are no pages, since there is no data directory to keep their links in: set data-dir, or web=off")
		return webOff
	}
	return mode
}

// openHolders decides whether there are pages, and opens the links if they are not
// open yet.
func (s *Server) openHolders(x *setup) error {
	x.web.mode = s.modeOf(x)
	if !x.web.on() || x.web.holders != nil {
		return nil
	}
	if x.access.kept == nil {
		return errors.New("the pages need a directory to keep their links in: set data-dir, or web=off")
	}
	h, err := openHolders(x.access, s.log)
	x.web.holders = h
	return err
}

// openSite makes what answers all that is no API.
func openSite(x *setup, iceServers func(*http.Request) json.RawMessage) error {
	if !x.web.on() {
		return nil
	}
	o := web.Options{ICEServers: iceServers}
	if x.cfg.DemosDir != "" {
		// H-16: a root that no path and no symbolic link leads out of.
		//
		// Nobody closes it by name: a reload may take another one while requests
		// still read this one, and the last of them lets go of it.
		root, err := os.OpenRoot(x.cfg.DemosDir)
		if err != nil {
			return fmt.Errorf("demos-dir: %w; give the folder with the demos of RTCMultiConnection", err)
		}
		o.DemosDir = root.FS()
	}
	x.web.pages = web.New(o)
	return nil
}

// iceServers is the array for one request of an original demo.
func (w *webSide) iceServers(r *http.Request) json.RawMessage {
	array, _ := json.Marshal(w.api.Load().ServersFor(r)) // strings only: it cannot fail
	return array
}

// serveOn has the ports of TURN answer HTTP as a setup wants it.
func (s *Server) serveOn(x *setup) func(*listener.Options) {
	return func(o *listener.Options) {
		o.HTTP, o.Limits.PerSource, o.Limits.Proxies = nil, 0, nil
		if x.web.on() && x.cfg.WebPort == 0 {
			o.HTTP, o.Limits.PerSource, o.Limits.Proxies = s.web.serve(), pagesPerSource, x.cfg.TrustedProxies
		}
	}
}

// openPort opens the port that a setup has for the pages, or none if it has none or
// has it already.
func (s *Server) openPort(x *setup) error {
	c := x.cfg
	switch {
	case !x.web.on() || c.WebPort == 0:
		x.web.port = nil
		return nil
	case x.web.port != nil && x.web.port.number == c.WebPort:
		return nil
	case s.certs == nil:
		return errors.New("web-port needs a certificate, and with no-tls this server has loaded none: that takes a restart")
	}
	l, err := listener.New(listener.Options{
		TCP: s.at(true, c.WebPort), Certificates: s.certs, HTTP: s.web.serve(), Log: s.log,
		Limits:    listener.Limits{PerSource: pagesPerSource, Proxies: c.TrustedProxies},
		TLS13Only: c.TLS13Only, CipherSuites: c.CipherSuites,
		Challenges: s.challenges(), ChallengeCertificate: s.challengeCertificate(),
	})
	if err != nil {
		return fmt.Errorf("web-port: %w", advise(err))
	}
	x.web.port = &pagesPort{Listener: l, number: c.WebPort}
	return nil
}

// openWeb opens what a new configuration wants of the HTTP side and is not open yet.
// It is in use after begin; with an error nothing stays open.
func (s *Server) openWeb(x *setup) (undo func(), err error) {
	before := x.web
	undo = func() {
		if p := x.web.port; p != nil && p != before.port {
			p.Close()
		}
		if h := x.web.holders; h != nil && h != before.holders {
			h.db.Close()
		}
	}
	for _, step := range []func(*setup) error{s.openHolders, s.openSignaling, s.readSite, s.openPort} {
		if err := step(x); err != nil {
			undo()
			return nil, err
		}
	}
	if !x.web.on() {
		x.web.signaling = nil
	}
	return undo, nil
}

func (s *Server) readSite(x *setup) error { return openSite(x, s.web.iceServers) }

// readWeb reads the files anew that the configuration names for the HTTP side.
func (s *Server) readWeb(x *setup) error {
	if err := s.openSignaling(x); err != nil {
		return err
	}
	return s.readSite(x)
}

// beginWeb runs what is new since a setup before, and ends what is no more. The rooms
// of a signaling that is there before and after notice nothing.
func (s *Server) beginWeb(before *webSetup) {
	x, parts := *s.setup.Load(), &s.web.parts
	w := &x.web
	if h := w.holders; h != nil && h != before.holders {
		parts.keep(func() { h.db.Close() })
		parts.begin(h.run)
	}
	if w.signaling != nil && w.signaling != before.signaling {
		w.endSignaling = parts.begin(w.signaling.Run)
	}
	if p := w.port; p != nil && p != before.port {
		parts.keep(p.Close)
		p.end = parts.begin(func(ctx context.Context) { _ = p.Run(ctx) }) // which has no error
	}
	s.adopt(func(now *setup) { now.web = *w })
	// Nobody is sent to what ends.
	if s.listener != nil {
		s.listener.Reconfigure(s.serveOn(&x))
	}
	if p := w.port; p != nil && p == before.port {
		p.Reconfigure(func(o *listener.Options) { o.Limits.Proxies = x.cfg.TrustedProxies })
	}
	if before.signaling != nil && w.signaling != before.signaling {
		before.endSignaling()
	}
	if before.port != nil && w.port != before.port {
		before.port.end()
	}
}

// runRoomKeys looks at the file of the keys from time to time until ctx ends.
func (s *Server) runRoomKeys(ctx context.Context) {
	every(ctx, keysEvery, func(time.Time) {
		if k := s.served().roomKeys; k != nil {
			k.refresh()
		}
	})
}

// openWebPort opens the pages' own port and has the whole HTTP side begin with Run.
func (s *Server) openWebPort() error {
	x := *s.setup.Load()
	if err := s.openPort(&x); err != nil {
		return err
	}
	s.adopt(func(now *setup) { now.web = x.web })
	s.beginWeb(new(webSetup))
	s.web.parts.begin(s.runRoomKeys)
	return nil
}
