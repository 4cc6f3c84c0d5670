package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"iceserver/internal/admin"
	"iceserver/internal/listener"
)

// metricsSide is what serves the metrics.
type metricsSide struct {
	handler  http.Handler           // for whoever may have them
	listener *listener.Listener     // of their own port; nil: there is none
	certs    *listener.Certificates // of that port alone; nil: it has none of its own

	reloaded, reloadFailed atomic.Uint64
}

// scrapesAtOnce bounds how many may ask at a time: nobody needs more, and each
// costs a moment.
const scrapesAtOnce = 4

// openMetrics makes what answers those who ask for metrics. The registry is this
// server's own: two servers of one process have nothing to do with each other.
func (s *Server) openMetrics() error {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{s},
	} {
		if err := registry.Register(c); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	s.metrics.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapesAtOnce, ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError),
	})
	return nil
}

// unready says why new clients are not welcome, or nothing if they are.
func (s *Server) unready() string {
	switch tested, _ := s.tested.Load().(string); {
	case s.draining.Load():
		return "draining"
	case s.hung.Load():
		return hungText
	case tested == "":
		return partStarting
	case tested != partOK:
		return "the test of the own relay failed"
	}
	return ""
}

// openPrometheus opens the port of the metrics.
func (s *Server) openPrometheus() error {
	c := s.cfg()
	if !c.Prometheus {
		return nil
	}
	certs, err := s.metricsCertificates()
	if err != nil {
		return err
	}
	l, err := listener.New(listener.Options{
		TCP: s.metricsAddrs(), Certificates: certs, Log: s.log,
		HTTP:      admin.Exporter{Path: c.PrometheusPath, TLS: c.PrometheusTLS, Metrics: s.metrics.handler, Healthy: s.unhealthy, Ready: s.unready},
		TLS13Only: c.TLS13Only, CipherSuites: c.CipherSuites,
	})
	if err != nil {
		return fmt.Errorf("prometheus: %w", advise(err))
	}
	s.metrics.listener = l
	s.defers(func() {
		if !s.running {
			l.Close()
		}
	})
	return nil
}

// metricsAddrs are where the metrics are: as the operator says, or on loopback
// alone. Who has seen them knows who talks how much.
func (s *Server) metricsAddrs() []netip.AddrPort {
	c := s.cfg()
	if c.PrometheusAddress.IsValid() {
		return []netip.AddrPort{netip.AddrPortFrom(c.PrometheusAddress, c.PrometheusPort)}
	}
	out := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), c.PrometheusPort)}
	if slices.ContainsFunc(s.found, func(l local) bool { return l.addr == netip.IPv6Loopback() }) {
		out = append(out, netip.AddrPortFrom(netip.IPv6Loopback(), c.PrometheusPort))
	}
	return out
}

// metricsCertificates are what the port of the metrics shows; nil: it has no TLS.
func (s *Server) metricsCertificates() (*listener.Certificates, error) {
	c := s.cfg()
	switch {
	case !c.PrometheusTLS:
		return nil, nil
	case c.PrometheusCert == "" && s.certs == nil:
		return nil, errors.New("prometheus-tls needs a certificate, and this server has none: set prometheus-cert and prometheus-key")
	case c.PrometheusCert == "":
		return s.certs, nil
	}
	own, err := listener.LoadCertificates(listener.Pair{CertFile: c.PrometheusCert, KeyFile: c.PrometheusKey, Passphrase: c.KeyPassword.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("cannot use prometheus-tls: %w; correct prometheus-cert and prometheus-key", err)
	}
	s.metrics.certs = own
	return own, nil
}

// reloadCertificates reads the files of the own certificate anew, if there is one.
func (m *metricsSide) reloadCertificates() error {
	if m.certs == nil {
		return nil
	}
	return m.certs.Reload()
}

// runPrometheus serves the metrics until ctx ends.
func (s *Server) runPrometheus(ctx context.Context, running *sync.WaitGroup) {
	if s.metrics.listener == nil {
		return
	}
	running.Go(func() { _ = s.metrics.listener.Run(ctx) }) // which has no error
	if own := s.metrics.certs; own != nil {
		running.Go(func() { own.Watch(ctx, s.log) })
	}
}

// countReload counts a reload by its result.
func (s *Server) countReload(err error) {
	if err != nil {
		s.metrics.reloadFailed.Add(1)
	} else {
		s.metrics.reloaded.Add(1)
	}
}
