package server

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"iceserver/internal/turn"
)

// coturnMetrics are those of coturn, by its names, so that dashboards go on
// working. Where coturn counts when a session ends, these move while it lives.
func coturnMetrics(users bool) []metric {
	return slices.Concat(coturnRequests(), coturnTraffic(users), coturnPackets())
}

// core reads one of the core's counters.
func core(c turn.Count) func(*scrape) uint64 {
	return func(x *scrape) uint64 { return x.stats.Counts[c] }
}

func coturnRequests() []metric {
	const everywhere = "over every transport; coturn counts UDP alone"
	return []metric{
		counter("stun_binding_request", "Binding requests.", core(turn.CountBindingRequest)),
		counter("stun_binding_response", "Success responses to Binding requests.", core(turn.CountBindingResponse)),
		counter("stun_binding_error", "Error responses to Binding requests.", core(turn.CountBindingError)),
		noted(counter("turn_unauthenticated_401_requests", "Requests without or with wrong credentials, which deserve a 401.",
			core(turn.CountUnauthenticated)), everywhere),
		noted(counter("turn_unauthenticated_401_responses", "401 responses sent.", core(turn.CountChallenge)), everywhere),
		noted(counter("turn_unauthenticated_401_dropped_responses", "401 responses kept back by the limits on answers to strangers.",
			core(turn.CountChallengeDropped)), everywhere),
		noted(counter("turn_ratelimit_hash_collisions", "Sources that met another one in their bucket of the limit.",
			func(*scrape) uint64 { return 0 }), "always 0: a bucket does not know whose it is"),
		noted(gauge("turn_ratelimit_occupied_buckets", "Buckets of the limit on answers to strangers that were used of late.",
			func(x *scrape) float64 { return float64(x.stats.BucketsUsed) }), "of late: within the time in which a bucket is full again, five seconds"),
		noted(gauge("turn_ratelimit_total_buckets", "Buckets of the limit on answers to strangers.",
			func(x *scrape) float64 { return float64(x.stats.Buckets) }), "4096 for each worker; 0 without unauthorized-ratelimit"),
	}
}

// Which of the numbers of a usage a metric shows. What a client sends is what its
// peers are sent: what is dropped is in neither.
func clientPackets(u turn.Usage) uint64 { return u.ClientPackets }
func clientBytes(u turn.Usage) uint64   { return u.ClientBytes }
func peerPackets(u turn.Usage) uint64   { return u.PeerPackets }
func peerBytes(u turn.Usage) uint64     { return u.PeerBytes }

func coturnTraffic(users bool) []metric {
	var out []metric
	for _, row := range []struct {
		end, help string
		of        func(turn.Usage) uint64
	}{
		{"rcvp", "Packets relayed that came from clients", clientPackets},
		{"rcvb", "Bytes relayed that came from clients", clientBytes},
		{"sentp", "Packets relayed to clients", peerPackets},
		{"sentb", "Bytes relayed to clients", peerBytes},
		{"peer_rcvp", "Packets relayed that came from peers", peerPackets},
		{"peer_rcvb", "Bytes relayed that came from peers", peerBytes},
		{"peer_sentp", "Packets relayed to peers", clientPackets},
		{"peer_sentb", "Bytes relayed to peers", clientBytes},
	} {
		out = append(out, traffic("turn_traffic_"+row.end, row.help, users, row.of),
			counter("turn_total_traffic_"+row.end, row.help+", in all realms.", func(x *scrape) (sum uint64) {
				for _, u := range x.carried {
					sum += row.of(u)
				}
				return sum
			}))
	}
	return out
}

// traffic is a row with a value for each realm or, where users are told apart, for
// each user.
func traffic(name, help string, users bool, of func(turn.Usage) uint64) metric {
	m := metric{name: name, help: help + ", by realm.", kind: prometheus.CounterValue, labels: []string{"realm"}}
	if users {
		m.labels = append(m.labels, "user")
	}
	m.read = func(x *scrape, k *sink) {
		for who, u := range x.carried {
			if users {
				k.count(of(u), who.Realm, who.Username)
			} else {
				k.count(of(u), who.Realm)
			}
		}
	}
	return m
}

func coturnPackets() []metric {
	return []metric{
		{
			name: "turn_total_allocations", help: "Allocations now, by the transport of their clients.", kind: prometheus.GaugeValue,
			labels: []string{"type"}, note: "type: UDP, TCP, TLS, DTLS",
			read: func(x *scrape, k *sink) {
				for p, t := range x.stats.Transports {
					k.value(float64(t.Now), turn.Proto(p).String())
				}
			},
		},
		noted(counter("turn_packet_processed", "Packets received from clients and peers.", func(x *scrape) uint64 { return x.stats.PacketsIn }),
			"the same as `iceserver_packets_total{direction=\"in\"}`"),
		noted(counter("turn_packet_dropped", "Packets dropped, for whatever reason.", func(x *scrape) (sum uint64) {
			for _, n := range x.stats.Drops {
				sum += n
			}
			return sum
		}), "the sum of `iceserver_drops_total`"),
		noted(counter("turn_udp_recvmmsg_calls", "Calls of recvmmsg.", func(x *scrape) uint64 { return x.stats.ReceiveCalls }), "single datagrams come by recvfrom"),
		counter("turn_udp_recvmmsg_packets", "Datagrams received by recvmmsg.", func(x *scrape) uint64 { return x.stats.Received }),
		noted(counter("turn_udp_sendmmsg_flushes", "Calls of sendmmsg.", func(x *scrape) uint64 { return x.stats.SendCalls }), "few datagrams leave by sendto"),
		counter("turn_udp_sendmmsg_datagrams", "Datagrams sent by sendmmsg.", func(x *scrape) uint64 { return x.stats.Sent }),
		noted(counter("turn_udp_sendmmsg_gso_datagrams", "Datagrams sent by segmentation offload.", func(*scrape) uint64 { return 0 }),
			"always 0: this release does not use segmentation offload"),
	}
}
