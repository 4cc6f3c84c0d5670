package server

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iceserver/internal/relay"
	"iceserver/internal/turn"
)

// metric is one row of the tables of metrics: from it come the metric itself and
// its line in docs/metrics.md.
type metric struct {
	name   string
	help   string
	kind   prometheus.ValueType
	labels []string
	note   string // for the documentation: what differs from coturn, which values labels have
	read   func(*scrape, *sink)
}

// desc is the metric for Prometheus.
func (m *metric) desc() *prometheus.Desc {
	return prometheus.NewDesc(m.name, m.help, m.labels, nil)
}

// metrics are all tables together.
func metrics(users bool) []metric {
	return slices.Concat(coturnMetrics(users), relayMetrics(), lookupMetrics(), connectionMetrics(), serverMetrics())
}

// scrape is what is known at the moment when somebody asks. The workers write their
// counters down for it between two batches; no packet waits for more than that.
type scrape struct {
	*Server
	now      time.Time
	stats    relay.Stats
	carried  map[turn.Account]turn.Usage // by labels
	listener map[string]uint64
}

func (s *Server) scrape() *scrape {
	x := &scrape{Server: s, now: time.Now(), stats: s.relay.Stats(), carried: map[turn.Account]turn.Usage{}, listener: map[string]uint64{}}
	// The own realm is there from the start, so that a rate of it can be had.
	if !s.cfg().PrometheusUsers {
		x.carried[turn.Account{Realm: label(s.access().realm)}] = turn.Usage{}
	}
	for who, u := range s.relay.Carried() {
		if who.Username == s.keys.name {
			who.Username = "self-test" // it has another name at each start
		}
		who = turn.Account{Realm: label(who.Realm), Username: label(who.Username)}
		x.carried[who] = sumUsage(x.carried[who], u)
	}
	maps.Copy(x.listener, s.listener.Stats())
	if port := s.served().port; port != nil {
		for name, n := range port.Stats() {
			x.listener[name] += n
		}
	}
	return x
}

func sumUsage(a, b turn.Usage) turn.Usage {
	return turn.Usage{
		ClientPackets: a.ClientPackets + b.ClientPackets, ClientBytes: a.ClientBytes + b.ClientBytes,
		PeerPackets: a.PeerPackets + b.PeerPackets, PeerBytes: a.PeerBytes + b.PeerBytes,
	}
}

// longestMetricLabel is how much of a name is repeated, in bytes.
const longestMetricLabel = 256

// label is a name as a label may have it: the operator's realms and the names of
// users who have authenticated, and never more than is worth repeating.
//
// A-L03: nothing else that a client says gets into a label.
func label(name string) string {
	if len(name) > longestMetricLabel {
		name = name[:longestMetricLabel]
	}
	return strings.ToValidUTF8(name, "�")
}

// sink takes the values of one metric.
type sink struct {
	*metric
	out chan<- prometheus.Metric
}

// value adds a value for values of the labels, in their order.
func (k *sink) value(v float64, labels ...string) {
	m, err := prometheus.NewConstMetric(k.desc(), k.kind, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(k.desc(), err)
	}
	k.out <- m
}

// count is value for a counter.
func (k *sink) count(n uint64, labels ...string) { k.value(float64(n), labels...) }

// yes is value for a gauge that says whether something is so.
func (k *sink) yes(is bool, labels ...string) {
	if is {
		k.value(1, labels...)
	} else {
		k.value(0, labels...)
	}
}

// each adds the values of a table, in the order of its keys.
func (k *sink) each(table map[string]uint64) {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		k.count(table[name], name)
	}
}

// collector gives Prometheus the metrics of a server.
type collector struct{ *Server }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range metrics(c.cfg().PrometheusUsers) {
		out <- m.desc()
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	x := c.scrape()
	for _, m := range metrics(c.cfg().PrometheusUsers) {
		m.read(x, &sink{metric: &m, out: out})
	}
}

// counter and gauge are rows of one value without labels.
func counter(name, help string, read func(*scrape) uint64) metric {
	return metric{name: name, help: help, kind: prometheus.CounterValue, read: func(x *scrape, k *sink) { k.count(read(x)) }}
}

func gauge(name, help string, read func(*scrape) float64) metric {
	return metric{name: name, help: help, kind: prometheus.GaugeValue, read: func(x *scrape, k *sink) { k.value(read(x)) }}
}

// noted adds a note to a row.
func noted(m metric, note string) metric {
	m.note = note
	return m
}
