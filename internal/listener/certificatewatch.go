package listener

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"
)

// watchEvery is how often files are looked at. Asking for their times costs next
// to nothing, and works where notifications do not: network file systems, links
// to folders that are replaced as a whole, as containers have them.
const watchEvery = 5 * time.Second

// watched is what Watch remembers of one certificate. The caller of its methods
// holds the mutex of Certificates.
type watched struct {
	loaded stamp // of the files that the certificate was read from
	seen   stamp // of the files when they were last found wrong
	warned stamp // of the files that the log was told of

	level int       // how near the end was when the log was told
	told  time.Time // when that was
	leaf  *x509.Certificate
}

// Watch looks every few seconds whether files have changed, and shows what they
// hold now. What is wrong with a new one it tells the log once, and that a
// certificate is about to expire 30, 7 and 1 days before, and then once a day.
// It returns when ctx ends.
func (c *Certificates) Watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		c.look(time.Now(), log)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look does what Watch does, once.
func (c *Certificates) look(now time.Time, log *slog.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	alone := true
	for _, s := range c.slots {
		alone = alone && s.pair.Fallback
		if s.pair.CertFile != "" {
			s.look(now, log)
		}
	}
	c.arrange()
	for _, s := range c.slots {
		// Nobody sees the fallback beside another one.
		if s.cert != nil && (alone || !s.pair.Fallback) {
			s.watch.warnBefore(s.cert.Leaf, now, log.With(s.kind(), s.name))
		}
	}
}

// look reads the files of a slot if they have changed.
func (s *slot) look(now time.Time, log *slog.Logger) {
	at := stampOf(s.pair)
	if at.equal(s.watch.loaded) {
		s.refused = nil // somebody may have put the old ones back
		return
	}
	before := s.cert
	err := s.reload(now)
	switch {
	case err == nil && !s.cert.Leaf.Equal(before.Leaf):
		log.Info("a new certificate is in use for new connections", "file", s.name, "names", s.cert.Leaf.DNSNames, "until", s.cert.Leaf.NotAfter)
	case err == nil:
	case !at.equal(s.watch.seen):
		// Somebody may be writing: the two files are never changed at once. If it
		// is the same a while later, it is meant.
		s.watch.seen = at
	case !at.equal(s.watch.warned):
		s.watch.warned, s.refused = at, err
		log.Warn("the certificate cannot be renewed; the old one stays in use until its files are right", "file", s.name,
			"until", before.Leaf.NotAfter, "reason", err)
	}
}

// kind says for the log what the name of a slot is.
func (s *slot) kind() string {
	if s.pair.CertFile == "" {
		return "name"
	}
	return "file"
}

// usualLife is the time that a certificate is good for at least if its last 30
// days are a reason to worry. Those with a shorter life are renewed later, and
// are warned of later in proportion.
const usualLife = 120 * 24 * time.Hour

// nearness says how near a certificate is to its end: 0 not, 1 to 3 within 30, 7
// or 1 days, 4 beyond it.
func nearness(leaf *x509.Certificate, now time.Time) int {
	left := leaf.NotAfter.Sub(now)
	if left <= 0 {
		return 4
	}
	life := min(usualLife, leaf.NotAfter.Sub(leaf.NotBefore))
	level := 0
	for _, days := range []time.Duration{30, 7, 1} {
		if left <= life/120*days {
			level++
		}
	}
	return level
}

// warnBefore tells the log that a certificate is about to expire.
func (w *watched) warnBefore(leaf *x509.Certificate, now time.Time, log *slog.Logger) {
	if w.leaf != leaf {
		*w = watched{loaded: w.loaded, seen: w.seen, warned: w.warned, leaf: leaf}
	}
	level := nearness(leaf, now)
	again := level >= 3 && now.Sub(w.told) >= 24*time.Hour
	if level <= w.level && !again {
		return
	}
	w.level, w.told = level, now
	if level == 4 {
		log.Error("the certificate has run out: browsers will refuse turns; have a new one issued", "since", leaf.NotAfter)
		return
	}
	log.Warn("the certificate expires soon: have it renewed", "until", leaf.NotAfter, "days", int(leaf.NotAfter.Sub(now)/(24*time.Hour)))
}
