package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// shipped is the path of a file that the packages bring.
func shipped(t *testing.T, name string) string {
	t.Helper()
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "packaging", name)
}

// alertRules is the path of the alerts that are shipped.
func alertRules(t *testing.T) string { return shipped(t, "prometheus/iceserver.rules.yml") }

// sampled are the metrics in an expression, and the labels that it asks for.
var (
	expression = regexp.MustCompile(`(?m)^ +expr: (.*)$`)
	sampled    = regexp.MustCompile(`\b((?:iceserver|process)_\w+)`)
)

// Every metric that an alert asks for is one that a server has, but for refusals,
// which are not there before the first.
func TestAlertsKnowMetrics(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	server(t, t.TempDir(), "--user=alice:a-long-password", "--web=off", "--prometheus", "--prometheus-port="+strconv.Itoa(port))
	text := scraped(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
	rules, err := os.ReadFile(alertRules(t))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, e := range expression.FindAllStringSubmatch(string(rules), -1) {
		for _, name := range sampled.FindAllString(e[1], -1) {
			asked++
			if !strings.Contains(text, "\n# TYPE "+name+" ") && name != "iceserver_refusals_total" {
				t.Errorf("%s is not there: %s", name, e[1])
			}
		}
	}
	if asked < 9 {
		t.Errorf("the alerts ask for %d metrics", asked)
	}
}

// alertCases are what promtool plays to the alerts: servers that are well, down,
// drained, and ill in every way.
const alertCases = `
rule_files: [%s]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="iceserver",instance="down"}', values: '0x90'}
      - {series: 'up{job="iceserver",instance="well"}', values: '1x90'}
      - {series: 'iceserver_ready{instance="ill"}', values: '0x90'}
      - {series: 'iceserver_draining{instance="ill"}', values: '0x90'}
      - {series: 'iceserver_ready{instance="drained"}', values: '0x90'}
      - {series: 'iceserver_draining{instance="drained"}', values: '1x90'}
      - {series: 'iceserver_ready{instance="well"}', values: '1x90'}
      - {series: 'iceserver_draining{instance="well"}', values: '0x90'}
      - {series: 'iceserver_relay_ports_used{instance="ill"}', values: '90x90'}
      - {series: 'iceserver_relay_ports{instance="ill"}', values: '100x90'}
      - {series: 'iceserver_relay_ports_used{instance="well"}', values: '70x90'}
      - {series: 'iceserver_relay_ports{instance="well"}', values: '100x90'}
      - {series: 'process_open_fds{job="iceserver",instance="ill"}', values: '900x90'}
      - {series: 'process_max_fds{job="iceserver",instance="ill"}', values: '1000x90'}
      - {series: 'iceserver_certificate_expiry_timestamp_seconds{instance="ill",certificate="c"}', values: '86400x90'}
      - {series: 'iceserver_certificate_expiry_timestamp_seconds{instance="well",certificate="c"}', values: '8640000x90'}
      - {series: 'iceserver_database_up{instance="ill"}', values: '0x90'}
      - {series: 'iceserver_database_up{instance="well"}', values: '1x90'}
      - {series: 'iceserver_refusals_total{instance="ill",code="508",cause="no-port"}', values: '0+5x90'}
      - {series: 'iceserver_refusals_total{instance="well",code="486",cause="user-quota"}', values: '0+5x90'}
      - {series: 'iceserver_reloads_total{instance="ill",result="failed"}', values: '0+1x90'}
      - {series: 'iceserver_panics_total{instance="ill"}', values: '0+1x90'}
      - {series: 'iceserver_panics_total{instance="well"}', values: '3x90'}
    promql_expr_test:
      - expr: count by (alertname, instance) (ALERTS{alertstate="firing"})
        eval_time: 80m
        exp_samples:
`

// Each alert comes for the server that is ill, and none for one that is well or that
// somebody drains.
func TestAlertsCome(t *testing.T) {
	var cases strings.Builder
	fmt.Fprintf(&cases, alertCases, alertRules(t))
	for name, instance := range map[string]string{
		"Down": "down", "NotReady": "ill", "PortsScarce": "ill", "DescriptorsScarce": "ill", "CertificateEnds": "ill",
		"DatabaseDown": "ill", "Full": "ill", "ReloadFailed": "ill", "Fault": "ill",
	} {
		fmt.Fprintf(&cases, "          - {labels: '{alertname=\"Iceserver%s\", instance=%q}', value: 1}\n", name, instance)
	}
	file := filepath.Join(t.TempDir(), "cases.yml")
	if err := os.WriteFile(file, []byte(cases.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("promtool", "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
