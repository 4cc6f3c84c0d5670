package config

import (
	"net/url"
	"strings"
)

// checkMetrics finds keys of the exporter that together do not do what they say.
// Where there is none they do nothing, whatever they say.
func (l *loader) checkMetrics() {
	c := l.cfg
	if !c.Prometheus {
		return
	}
	l.checkMetricsPath()
	switch {
	case c.PrometheusCert != "" && c.PrometheusKey == "":
		l.conflict(faultf("set prometheus-key to the file with its private key", "prometheus-cert is set and prometheus-key is not"), "prometheus-cert")
	case c.PrometheusKey != "" && c.PrometheusCert == "":
		l.conflict(faultf("set prometheus-cert to the file with its certificate", "prometheus-key is set and prometheus-cert is not"), "prometheus-key")
	}
	if c.PrometheusCert != "" && !c.PrometheusTLS {
		l.advise(faultf("set prometheus-tls", "prometheus-cert has no effect without prometheus-tls"), "prometheus-cert")
	}
	if a := c.PrometheusAddress; a.IsValid() && !a.IsLoopback() {
		l.advise(faultf("let only Prometheus through the firewall", "prometheus-address %s gives the metrics to everybody who can reach it", a), "prometheus-address")
	}
	for _, other := range []struct {
		key  string
		port uint16
	}{{"listening-port", c.ListeningPort}, {"tls-listening-port", c.TLSListeningPort}, {"web-port", c.WebPort}} {
		if c.PrometheusPort == other.port {
			l.conflict(faultf("choose another one", "prometheus-port and %s are both %d", other.key, c.PrometheusPort), "prometheus-port", other.key)
		}
	}
}

// checkMetricsPath wants a path that a request can ask for, and that nothing else
// has.
func (l *loader) checkMetricsPath() {
	p := l.cfg.PrometheusPath
	u, err := url.Parse(p)
	switch {
	case err != nil || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || u.Path != p:
		l.conflict(faultf("write one such as /metrics", "prometheus-path %s is not the path of a URL", quote(p)), "prometheus-path")
	case p == "/" || p == "/healthz" || p == "/readyz":
		l.conflict(faultf("write another one, such as /metrics", "prometheus-path %s has a meaning of its own", quote(p)), "prometheus-path")
	}
}
