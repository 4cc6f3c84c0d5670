package server

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var rewrite = flag.Bool("rewrite", false, "write docs/metrics.md anew")

func goVersion() string { return runtime.Version() }

const metricsPage = "../../docs/metrics.md"

const metricsTop = `# Metrics

Made by ` + "`make docs`" + ` from the tables of metrics in ` + "`internal/server`" + `; a test fails when this page is stale.

` + "`prometheus`" + ` in the configuration serves them at http://127.0.0.1:9641/metrics, and at ::1. ` + "`prometheus-address`" + `
lets others have them, ` + "`prometheus-tls`" + ` encrypts them; [configure.md](configure.md) has all keys. With it
the pages' ports have them too, at /metrics, for clients of this machine, unless ` + "`web-trusted-proxies`" + ` names proxies. One that
it does not name, on this machine, counts as a client unless it says whom it asks for (X-Forwarded-For, Forwarded,
X-Real-IP or Via), which nginx does not by itself: name it, or let it keep /metrics back.

| Path | Answer |
|---|---|
| ` + "`/metrics`" + ` | the metrics; another path with ` + "`prometheus-path`" + ` |
| ` + "`/healthz`" + ` | 200 as long as the process serves, while it is drained too; 503 once a thread that relays has not answered for 10 seconds |
| ` + "`/readyz`" + ` | 200 if new clients are welcome; 503 while the server starts, when it is drained, when a thread that relays hangs, and when the test of its own relay has failed |
| ` + "`/`" + ` | 200, as in coturn |

/healthz and /readyz are on the pages' ports too, for everybody. Kubernetes asks from outside the pod: set
` + "`prometheus-address=0.0.0.0`" + ` there.

A label has a value from a fixed list, or the operator's own: realms, files. With ` + "`prometheus-username-labels`" + ` traffic
is counted by user too; only users who have authenticated are named, and of users and realms 1000 at most: further ones are
counted together as ` + "`(others)`" + `. Time-limited credentials of one user count as that user. The account of the test at the
start is called self-test.

Asking for metrics has each worker write its counters down between two batches of packets; nothing else costs a packet more
than an addition. The metrics of the Go runtime (` + "`go_...`" + `) and of the process (` + "`process_...`" + `) are there as well.

Alerts for Prometheus are in ` + "`packaging/prometheus/iceserver.rules.yml`" + `, which the packages have in
` + "`/usr/share/doc/iceserver/examples`" + `: a server that is down or not ready, ports or descriptors that run out, a certificate that
ends, a database that does not answer, a reload that failed.

`

// metricsText is the page.
func metricsText() string {
	var b strings.Builder
	b.WriteString(metricsTop)
	b.WriteString("## coturn's\n\nBy the names that coturn gives them, without `_total`, so that dashboards go on working. coturn counts the traffic\nof a session when it ends; here it counts while it flows: the payloads of packets that were relayed, without headers, without requests and\nwithout what was dropped, which coturn counts too.\n\n")
	metricRows(&b, coturnMetrics(false))
	b.WriteString("\n## Ours\n\n")
	all := metrics(false)
	metricRows(&b, all[len(coturnMetrics(false)):])
	return b.String()
}

func metricRows(b *strings.Builder, all []metric) {
	b.WriteString("| Metric | Kind | Labels | Meaning | |\n|---|---|---|---|---|\n")
	for _, m := range all {
		labels := ""
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", m.name, kindName(m.kind), labels, m.help, m.note)
	}
}

func kindName(k prometheus.ValueType) string {
	switch k {
	case prometheus.CounterValue:
		return "counter"
	case prometheus.GaugeValue:
		return "gauge"
	}
	return "histogram"
}

// TestMetricsPage holds docs/metrics.md against the tables. With -rewrite the page
// is written anew.
func TestMetricsPage(t *testing.T) {
	page := metricsText()
	if *rewrite {
		if err := os.WriteFile(metricsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(metricsPage)
	if err != nil || string(old) != page {
		t.Errorf("%s is stale: run make docs (%v)", metricsPage, err)
	}
	for _, m := range metrics(true) {
		if strings.Count(page, "\n| `"+m.name+"` |") != 1 {
			t.Errorf("%s does not stand there once", m.name)
		}
	}
}
