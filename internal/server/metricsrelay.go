package server

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"iceserver/internal/turn"
)

// relayMetrics are about allocations and packets.
func relayMetrics() []metric {
	return slices.Concat(allocationMetrics(), packetMetrics())
}

func allocationMetrics() []metric {
	const transports = "transport: udp, tcp, tls, dtls"
	return []metric{
		{
			name: "iceserver_allocations", help: "Allocations now.", kind: prometheus.GaugeValue,
			labels: []string{"transport"}, note: transports,
			read: func(x *scrape, k *sink) {
				for p, t := range x.stats.Transports {
					k.value(float64(t.Now), transport(p))
				}
			},
		},
		{
			name: "iceserver_allocations_created_total", help: "Allocations begun.", kind: prometheus.CounterValue,
			labels: []string{"transport"}, note: transports,
			read: func(x *scrape, k *sink) {
				for p, t := range x.stats.Transports {
					k.count(t.Ever, transport(p))
				}
			},
		},
		{
			name: "iceserver_refusals_total", help: "Error responses to requests, but for the 401 that asks a client for its credentials.",
			kind: prometheus.CounterValue, labels: []string{"code", "cause"},
			note: "code: that of STUN; cause: as `reason` in the log, such as wrong-password, user-quota or peer-policy; one that never occurred is not there",
			read: readRefusals,
		},
		gauge("iceserver_relay_ports_used", "Relayed ports in use or held back.", func(x *scrape) float64 { return float64(x.stats.PortsUsed) }),
		gauge("iceserver_relay_ports", "Relayed ports that there are.", func(x *scrape) float64 { return float64(x.stats.Ports) }),
		gauge("iceserver_banned_sources", "Sources that are banned now.", func(x *scrape) float64 { return float64(x.stats.Banned) }),
	}
}

// transport is a transport as labels of ours have it.
func transport(p int) string { return strings.ToLower(turn.Proto(p).String()) }

func readRefusals(x *scrape, k *sink) {
	for _, cause := range slices.Sorted(maps.Keys(x.stats.Refusals)) {
		for _, code := range slices.Sorted(maps.Keys(x.stats.Refusals[cause])) {
			k.count(x.stats.Refusals[cause][code], strconv.Itoa(code), string(cause))
		}
	}
}

func packetMetrics() []metric {
	const directions = "direction: in (from clients and peers), out"
	return []metric{
		{
			name: "iceserver_packets_total", help: "Packets received and sent.", kind: prometheus.CounterValue,
			labels: []string{"direction"}, note: directions,
			read: func(x *scrape, k *sink) {
				k.count(x.stats.PacketsIn, "in")
				k.count(x.stats.PacketsOut, "out")
			},
		},
		{
			name: "iceserver_bytes_total", help: "Bytes received and sent, without headers of UDP and IP.", kind: prometheus.CounterValue,
			labels: []string{"direction"}, note: directions,
			read: func(x *scrape, k *sink) {
				k.count(x.stats.BytesIn, "in")
				k.count(x.stats.BytesOut, "out")
			},
		},
		counter("iceserver_packets_inside_total", "Packets handed from one relayed address of this server to another, without a socket.",
			func(x *scrape) uint64 { return x.stats.HandedOver }),
		{
			name: "iceserver_drops_total", help: "Packets that went nowhere.", kind: prometheus.CounterValue,
			labels: []string{"reason"}, note: "reason: one of a fixed list, of which each is there from the start",
			read: func(x *scrape, k *sink) { k.each(x.stats.Drops) },
		},
		counter("iceserver_panics_total", "Faults of this program that cost a packet or a request each.", func(x *scrape) uint64 { return x.stats.Panics }),
	}
}

// lookupMetrics are about questions for keys of users.
func lookupMetrics() []metric {
	return []metric{
		{
			name: "iceserver_key_lookups_total", help: "Questions for the key of a user.", kind: prometheus.CounterValue,
			labels: []string{"source", "result"}, note: "source: memory, database; result: found, unknown, failed",
			read: func(x *scrape, k *sink) {
				for from, source := range []string{"memory", "database"} {
					for what, result := range []string{"found", "unknown", "failed"} {
						k.count(x.stats.Lookups.Answers[from][what], source, result)
					}
				}
			},
		},
		counter("iceserver_key_lookups_refused_total", "Questions answered with 500, since too many waited for the database.",
			func(x *scrape) uint64 { return x.stats.LookupsRefused }),
		{
			name: "iceserver_key_lookup_duration_seconds", help: "How long the database took to answer a question for a key, with the wait before it.",
			kind: prometheus.UntypedValue, note: "a histogram",
			read: func(x *scrape, k *sink) {
				var count uint64
				for _, n := range x.stats.Lookups.Answers[1] {
					count += n
				}
				k.out <- prometheus.MustNewConstHistogram(k.desc(), count, x.stats.Lookups.Took.Seconds(), x.stats.Lookups.Within)
			},
		},
		{
			name: "iceserver_database_up", help: "Whether the database of users has answered of late.", kind: prometheus.GaugeValue,
			note: "asked every five seconds; not there without a database",
			read: func(x *scrape, k *sink) {
				if x.realms != nil {
					k.yes(x.realms.silent.Load() == nil)
				}
			},
		},
	}
}
