package relay

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"iceserver/internal/turn"
)

const (
	// journalQueue is how many events wait to be logged; then they are counted
	// instead. A terminal that was stopped must not stop the media.
	journalQueue = 4096
	// journalPatience is how long all workers together wait for the log when
	// the server ends.
	journalPatience = 2 * time.Second
	// refusalsLogged is how many refusals get a line of their own in each
	// refusalWindow; the others get one line together for each reason.
	// Wrong credentials are counted apart from the rest: some of that anybody can
	// provoke in the name of anybody, and who reads the log for guessers must not
	// be blinded by it.
	refusalsLogged = 20
	refusalWindow  = 10 * time.Second
	// sessionsLogged is how many beginnings and ends of allocations get a line
	// of their own in the same time: a user can make thousands a second.
	sessionsLogged = 200
	// reportEvery is how often the counters of drops and refusals are logged.
	reportEvery = 10 * time.Minute
	// maxLoggedName is how many bytes of a name that a client chose are logged.
	maxLoggedName = 128
)

// journal writes the workers' events to the log, from a goroutine of its own.
type journal struct {
	log    *slog.Logger
	debug  bool
	watch  func(turn.Event) // nil: nobody does
	events chan turn.Event
	lost   atomic.Uint64
	report func() // tells the counters; nil: nobody does

	// The rest is of the goroutine that runs it.
	logged     int // refusals in this window
	guesses    int // wrong credentials, of who was really there
	suppressed map[refusal]*suppression
	sessions   sessions
	lostBefore uint64
}

// sessions are the beginnings and ends of allocations in this window.
type sessions struct {
	logged             int // with a line of their own; the others follow
	allocated, deleted int
	usage              turn.Usage // of those deleted
	last               turn.Event
}

// refusal is what refusals are counted by: closed sets, so that no flood makes
// the table grow.
type refusal struct {
	method string
	code   int
	cause  turn.Cause
}

// suppression is what is told about refusals that got no line of their own.
type suppression struct {
	count int
	last  turn.Event // the latest, as an example
}

// newJournal returns a journal whose run must be started. Whether it tells of
// permissions is settled here: asking the logger for each would cost more than
// most of them are worth.
func newJournal(log *slog.Logger, watch func(turn.Event)) *journal {
	return &journal{
		log:        log,
		watch:      watch,
		debug:      log.Enabled(context.Background(), slog.LevelDebug),
		events:     make(chan turn.Event, journalQueue),
		suppressed: make(map[refusal]*suppression),
	}
}

// put queues an event. When the log is too slow the event is lost, or waits until
// patience ends if that is not nil.
func (j *journal) put(ev *turn.Event, patience <-chan struct{}) {
	switch ev.Kind {
	case turn.Permitted, turn.Refreshed:
		if !j.debug && j.watch == nil {
			return
		}
	case turn.Moved:
		if j.watch == nil {
			return
		}
	case turn.Unpermitted:
		if !j.debug {
			return
		}
	}
	select {
	case j.events <- *ev:
		return
	default:
	}
	if patience != nil {
		select {
		case j.events <- *ev:
			return
		case <-patience:
		}
	}
	j.lost.Add(1)
}

// run logs events until they end.
func (j *journal) run() {
	// One ticker for the whole journal; it costs nothing in a window without
	// refusals.
	window := time.NewTicker(refusalWindow)
	defer window.Stop()
	reports := time.NewTicker(reportEvery)
	defer reports.Stop()
	for {
		select {
		case e, ok := <-j.events:
			if !ok {
				j.endWindow()
				return
			}
			if j.watch != nil {
				j.watch(e)
			}
			j.record(&e)
		case <-window.C:
			j.endWindow()
		case <-reports.C:
			if j.report != nil {
				j.report()
			}
		}
	}
}

// record writes one event. Refusals are warnings, as an operator wants to see
// them; whoever holds something they may hold is information; what goes on
// inside an allocation is for debugging.
func (j *journal) record(e *turn.Event) {
	switch e.Kind {
	case turn.Refused:
		j.recordRefusal(e)
	case turn.Allocated, turn.Deleted:
		if j.sessions.add(e) {
			j.log.LogAttrs(context.Background(), slog.LevelInfo, e.Kind.String(), eventAttrs(e)...)
		}
	case turn.Moved: // for the one who watches
	case turn.Answered:
		// The core has seen to it that there are few.
		j.log.LogAttrs(context.Background(), slog.LevelInfo, e.Kind.String(), eventAttrs(e)...)
	default:
		if j.debug { // or else it came for the one who watches
			j.log.LogAttrs(context.Background(), slog.LevelDebug, e.Kind.String(), eventAttrs(e)...)
		}
	}
}

// add says whether an event gets a line of its own, and adds it up if not. At the
// end of the server every allocation has its line: there are as many as there
// are, and nobody can make more.
func (s *sessions) add(e *turn.Event) bool {
	if s.logged < sessionsLogged || e.Cause == turn.CauseShutdown {
		s.logged++
		return true
	}
	s.last = *e
	if e.Kind == turn.Allocated {
		s.allocated++
		return false
	}
	s.deleted++
	s.usage.ClientPackets += e.Usage.ClientPackets
	s.usage.ClientBytes += e.Usage.ClientBytes
	s.usage.PeerPackets += e.Usage.PeerPackets
	s.usage.PeerBytes += e.Usage.PeerBytes
	return false
}

func (j *journal) recordRefusal(e *turn.Event) {
	n := &j.logged
	if e.Guessed {
		n = &j.guesses
	}
	if *n < refusalsLogged {
		*n++
		j.log.LogAttrs(context.Background(), slog.LevelWarn, e.Kind.String(), eventAttrs(e)...)
		return
	}
	key := refusal{e.Method, e.Code, e.Cause}
	s := j.suppressed[key]
	if s == nil {
		s = &suppression{}
		j.suppressed[key] = s
	}
	s.count++
	s.last = *e
}

// endWindow tells in one line for each reason, and in one for all allocations,
// what was not logged one by one (A-X20).
func (j *journal) endWindow() {
	for key, s := range j.suppressed {
		j.log.Warn("refused more", "count", s.count, "method", key.method,
			"code", key.code, "reason", string(key.cause),
			"last_client", s.last.From.Client, "last_user", clip(s.last.Username))
	}
	clear(j.suppressed)
	j.logged, j.guesses = 0, 0
	if s := &j.sessions; s.allocated+s.deleted > 0 {
		j.log.Info("allocated and deleted more", "allocated", s.allocated, "deleted", s.deleted,
			"client_packets", s.usage.ClientPackets, "client_bytes", s.usage.ClientBytes,
			"peer_packets", s.usage.PeerPackets, "peer_bytes", s.usage.PeerBytes,
			"last_client", s.last.From.Client, "last_user", clip(s.last.Username))
	}
	j.sessions = sessions{}
	if lost := j.lost.Load(); lost != j.lostBefore {
		j.log.Warn("log too slow", "lost_lines", lost-j.lostBefore)
		j.lostBefore = lost
	}
}

// eventAttrs are what a line about an event says. Names are data: slog quotes and
// escapes them, so that nobody can forge a line with a user name (A-D15).
func eventAttrs(e *turn.Event) []slog.Attr {
	a := []slog.Attr{
		slog.Any("client", e.From.Client), slog.String("transport", e.From.Proto.String()),
		slog.String("realm", clip(e.Realm)), slog.String("user", clip(e.Username)),
	}
	if e.Session != 0 {
		a = append(a, slog.String("session", sessionNumber(e.Session)))
	}
	switch e.Kind {
	case turn.Refused:
		a = append(a, slog.Any("server", e.From.Server), slog.String("method", e.Method), slog.Int("code", e.Code))
	case turn.Answered:
		a = append(a, slog.String("method", e.Method), slog.Uint64("more", e.Untold))
	case turn.Allocated, turn.Refreshed:
		a = append(a, slog.Any("relayed", e.Relayed), slog.Duration("lifetime", e.Lifetime))
	case turn.Permitted:
		a = append(a, slog.Any("relayed", e.Relayed), slog.Duration("lifetime", e.Lifetime))
	case turn.Unpermitted:
		a = append(a, slog.Any("relayed", e.Relayed))
	case turn.Deleted:
		a = append(a, slog.Any("relayed", e.Relayed), slog.Any("server", e.From.Server),
			slog.Uint64("client_packets", e.Usage.ClientPackets), slog.Uint64("client_bytes", e.Usage.ClientBytes),
			slog.Uint64("peer_packets", e.Usage.PeerPackets), slog.Uint64("peer_bytes", e.Usage.PeerBytes))
	}
	if e.Peer.IsValid() {
		a = append(a, slog.Any("peer", e.Peer))
	}
	if e.Cause != turn.CauseNone {
		a = append(a, slog.String("reason", string(e.Cause)))
	}
	if e.Rule != "" {
		a = append(a, slog.String("rule", e.Rule))
	}
	if wrongCredential(e) && !e.Guessed {
		// Behind the reason, where the filter for fail2ban has the end of the line.
		a = append(a, slog.Bool("guess", false))
	}
	return a
}

// wrongCredential says whether a line says so of a client. If that was no guess the
// line says that too: else whoever bans by the log would ban who was forged, or a
// user whose credential has run out.
func wrongCredential(e *turn.Event) bool {
	wrong := e.Cause == turn.CauseIntegrity || e.Cause == turn.CauseUnknownUser || e.Cause == turn.CauseExpiredKey
	return e.Kind == turn.Refused && wrong
}

// sessionsPerWorker tells the workers' sessions apart: the number of the worker
// stands in front of fifteen digits for its allocations.
const sessionsPerWorker = 1_000_000_000_000_000

// sessionNumber writes the number of an allocation, as long for every worker.
func sessionNumber(session uint64) string { return fmt.Sprintf("%018d", session) }

// clip cuts a name that a client chose, between two characters.
func clip(name string) string {
	if len(name) <= maxLoggedName {
		return name
	}
	n := maxLoggedName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n] + "..."
}
