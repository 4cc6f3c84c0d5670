package server

import (
	"maps"
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// connectionMetrics are about clients over TCP, TLS and DTLS.
func connectionMetrics() []metric {
	return []metric{
		gauge("iceserver_connections", "Clients of TURN now over TCP, TLS and DTLS.", func(x *scrape) float64 { return float64(x.stats.Links) }),
		{
			name: "iceserver_connection_events_total", help: "What has become of connections and of DTLS datagrams.", kind: prometheus.CounterValue,
			labels: []string{"event"}, note: "event: one of a fixed list, of which each is there from the start; those of DTLS begin with dtls-",
			read: func(x *scrape, k *sink) { k.each(x.listener) },
		},
		{
			name: "iceserver_handshakes_total", help: "Handshakes of TLS and DTLS.", kind: prometheus.CounterValue,
			labels: []string{"transport", "result"}, note: "transport: tls, dtls; result: ok, failed",
			read: func(x *scrape, k *sink) {
				k.count(x.listener["tls-1.2"]+x.listener["tls-1.3"], "tls", "ok")
				k.count(x.listener["handshake-failed"], "tls", "failed")
				k.count(x.listener["dtls-established"], "dtls", "ok")
				k.count(x.listener["dtls-failed"], "dtls", "failed")
			},
		},
		{
			name: "iceserver_tls_versions_total", help: "Handshakes of TLS that succeeded, by version.", kind: prometheus.CounterValue,
			labels: []string{"version"}, note: "version: 1.2, 1.3",
			read: func(x *scrape, k *sink) {
				k.count(x.listener["tls-1.2"], "1.2")
				k.count(x.listener["tls-1.3"], "1.3")
			},
		},
		{
			name: "iceserver_certificate_expiry_timestamp_seconds", help: "When a certificate expires that clients are shown.", kind: prometheus.GaugeValue,
			labels: []string{"certificate"}, note: "certificate: its file, or the domain that it was issued for by ACME",
			read: func(x *scrape, k *sink) {
				if x.certs == nil {
					return
				}
				all := x.certs.Shown()
				for _, name := range slices.Sorted(maps.Keys(all)) {
					k.value(float64(all[name].Leaf.NotAfter.Unix()), label(name))
				}
			},
		},
	}
}

// serverMetrics are about the server as a whole.
func serverMetrics() []metric {
	return []metric{
		{
			name: "iceserver_build_info", help: "This program.", kind: prometheus.GaugeValue, labels: []string{"version", "goversion"}, note: "always 1",
			read: func(x *scrape, k *sink) { k.value(1, label(x.o.Version), runtime.Version()) },
		},
		{
			name: "iceserver_engine_info", help: "What moves the datagrams.", kind: prometheus.GaugeValue, labels: []string{"engine"}, note: "always 1; engine: mmsg, std",
			read: func(x *scrape, k *sink) { k.value(1, engineInUse(x.cfg().Engine)) },
		},
		{
			name: "iceserver_offload_active", help: "Whether a shortcut of the kernel is in use.", kind: prometheus.GaugeValue,
			labels: []string{"offload"}, note: "offload: gso, gro, xdp; this release uses none of them, so all are 0",
			read: func(_ *scrape, k *sink) {
				active := offloads()
				for _, offload := range slices.Sorted(maps.Keys(active)) {
					k.yes(active[offload], offload)
				}
			},
		},
		gauge("iceserver_self_test_ok", "Whether the test of the own relay at the start has succeeded; 0 before it is over.",
			func(x *scrape) float64 { return one(x.tested.Load() == partOK) }),
		gauge("iceserver_ready", "Whether new clients are welcome, as /readyz says.", func(x *scrape) float64 { return one(x.unready() == "") }),
		gauge("iceserver_draining", "Whether the server ends with its last allocations.", func(x *scrape) float64 { return one(x.draining.Load()) }),
		{
			name: "iceserver_reloads_total", help: "Reloads of the configuration.", kind: prometheus.CounterValue,
			labels: []string{"result"}, note: "result: ok, failed",
			read: func(x *scrape, k *sink) {
				k.count(x.metrics.reloaded.Load(), "ok")
				k.count(x.metrics.reloadFailed.Load(), "failed")
			},
		},
		counter("iceserver_log_lines_lost_total", "Events that were not logged, since the log was too slow.", func(x *scrape) uint64 { return x.stats.LogLinesLost }),
	}
}

// one is a gauge's value for what is so.
func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// offloads are the shortcuts of the kernel, and whether each is in use: this
// release has none of them.
func offloads() map[string]bool { return map[string]bool{"gso": false, "gro": false, "xdp": false} }

// engineInUse is the engine that a configuration leads to.
func engineInUse(name string) string {
	switch {
	case engineName(name) != "":
		return name
	case runtime.GOOS == "linux":
		return "mmsg"
	}
	return "std"
}
