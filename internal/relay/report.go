package relay

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
)

// tell logs the counters, without those that are zero: at the end all of them,
// and before that what was lost and refused, if there is more of it than the
// last time. The journal's goroutine calls it, and Run after that has ended.
func (r *Relay) tell(end bool) {
	s := r.Stats()
	msg, attrs := "lost and refused since the start", lossAttrs(&s)
	switch {
	case end:
		msg, attrs = "relayed since the start", append(trafficAttrs(&s), attrs...)
	case s.sameLosses(&r.told):
		return
	}
	r.told = s
	if len(attrs) > 0 {
		r.log.LogAttrs(context.Background(), slog.LevelInfo, msg, attrs...)
	}
}

// sameLosses says whether nothing more was lost or refused than in t.
func (s *Stats) sameLosses(t *Stats) bool {
	same := s.Panics == t.Panics && s.LookupsRefused == t.LookupsRefused && s.LogLinesLost == t.LogLinesLost &&
		maps.Equal(s.Refused, t.Refused)
	for reason, n := range s.Drops {
		same = same && n == t.Drops[reason]
	}
	return same
}

// trafficAttrs are what was done.
func trafficAttrs(s *Stats) []slog.Attr {
	return positive([]slog.Attr{
		slog.Uint64("packets_in", s.PacketsIn), slog.Uint64("bytes_in", s.BytesIn),
		slog.Uint64("packets_out", s.PacketsOut), slog.Uint64("bytes_out", s.BytesOut),
		slog.Uint64("handed_over", s.HandedOver), slog.Uint64("allocated", s.Allocated),
	})
}

// lossAttrs are what was not: drops by reason, refusals by code, faults.
func lossAttrs(s *Stats) []slog.Attr {
	attrs := positive([]slog.Attr{
		slog.Uint64("panics", s.Panics), slog.Uint64("lookups_refused", s.LookupsRefused),
		slog.Uint64("log_lines_lost", s.LogLinesLost),
	})
	if drops := group(s.Drops, func(reason string) string { return reason }); len(drops) > 0 {
		attrs = append(attrs, slog.GroupAttrs("drops", drops...))
	}
	if refused := group(s.Refused, strconv.Itoa); len(refused) > 0 {
		attrs = append(attrs, slog.GroupAttrs("refused", refused...))
	}
	return attrs
}

// positive leaves the zeros out.
func positive(attrs []slog.Attr) []slog.Attr {
	return slices.DeleteFunc(attrs, func(a slog.Attr) bool { return a.Value.Uint64() == 0 })
}

// group makes attributes of counters, in the order of their keys.
func group[K cmp.Ordered](counts map[K]uint64, name func(K) string) []slog.Attr {
	var attrs []slog.Attr
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		attrs = append(attrs, slog.Uint64(name(k), counts[k]))
	}
	return positive(attrs)
}
