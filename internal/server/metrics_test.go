package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/stun"
	"iceserver/internal/turn"
	"iceserver/test/servertest"
)

// exporting starts a server that has metrics, on a port of its own.
func exporting(t *testing.T, text string, o Options) *running {
	t.Helper()
	port := freePort(t)
	r := start(t, load(t, fmt.Sprintf("prometheus\nprometheus-port=%d\n", port)+text), o)
	r.log.Wait(t, "msg=ready")
	return r
}

// sample is one line of the text that Prometheus reads.
var sample = regexp.MustCompile(`^([a-z0-9_A-Z]+(?:\{.*\})?) (\S+)$`)

// metricsOf are the values at the port of the metrics, by name and labels.
func (r *running) metricsOf(t *testing.T) map[string]float64 {
	t.Helper()
	answer, text := get(t, r.browser(t, ""), "http://"+r.Addrs().Metrics[0].String()+"/metrics")
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", answer.Status, text)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if m := sample.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil && !strings.HasPrefix(line, "#") {
			v, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				t.Error(err)
			}
			all[m[1]] = v
		}
	}
	return all
}

// awaitMetrics asks until the values are as they should be: some are of what
// is done behind the packet that a test has seen already.
func (r *running) awaitMetrics(t *testing.T, want map[string]float64) {
	t.Helper()
	over := time.Now().Add(15 * time.Second)
	for {
		all, wrong := r.metricsOf(t), ""
		for name, v := range want {
			if got, ok := all[name]; !ok || got != v {
				wrong += fmt.Sprintf("\n%s is %v, want %v", name, got, v)
			}
		}
		if wrong == "" {
			return
		}
		if time.Now().After(over) {
			t.Fatal(wrong)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

const metricsUsers = "realm=r\nuser=alice:a-long-password\nuser=\"b{o}b,x=\\y:a-long-password\"\nallow-loopback-peers\n"

// Values move while an allocation lives, in coturn's metrics as in ours.
func TestMetricsMove(t *testing.T) {
	r := exporting(t, metricsUsers, Options{Version: "1.2.3"})
	before := r.metricsOf(t)
	alice := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password")
	peer, to := listenPeer(t)
	if _, err := alice.allocate(); err != nil {
		t.Fatal(err)
	}
	if err := alice.permit(to.Addr()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		alice.client.Send(to, []byte("hello"), &alice.out)
		if err := alice.flush(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := peer.ReadFrom(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
	}
	own := `{realm="r"}`
	r.awaitMetrics(t, map[string]float64{
		`turn_total_allocations{type="UDP"}`: 1, `iceserver_allocations{transport="udp"}`: 1,
		`iceserver_allocations_created_total{transport="udp"}`: 2,
		"turn_traffic_rcvp" + own:                              before["turn_traffic_rcvp"+own] + 3,
		"turn_traffic_rcvb" + own:                              before["turn_traffic_rcvb"+own] + 15,
		"turn_traffic_peer_sentp" + own:                        before["turn_traffic_peer_sentp"+own] + 3,
		"turn_total_traffic_rcvp":                              before["turn_total_traffic_rcvp"] + 3,
		"iceserver_relay_ports_used":                           1,
		"turn_unauthenticated_401_responses":                   before["turn_unauthenticated_401_responses"] + 1,
		"iceserver_self_test_ok":                               1,
		"iceserver_ready":                                      1,
		"iceserver_database_up":                                1,
		fmt.Sprintf(`iceserver_build_info{goversion=%q,version="1.2.3"}`, goVersion()):            1,
		`iceserver_key_lookups_total{result="unknown",source="database"}`:                         0,
		fmt.Sprintf("iceserver_certificate_expiry_timestamp_seconds{certificate=%q}", r.certFile): float64(r.certs.NotAfter().Unix()),
	})
	c := listenPacket(t)
	ask(t, c, r.Addrs().UDP[0], stun.MethodBinding, func(*stun.Builder) {})
	if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "wrong").allocate(); err == nil {
		t.Error("a wrong password was taken")
	}
	if err := alice.refresh(0); err != nil {
		t.Fatal(err)
	}
	r.awaitMetrics(t, map[string]float64{
		"stun_binding_request": before["stun_binding_request"] + 1, "stun_binding_response": before["stun_binding_response"] + 1,
		`iceserver_refusals_total{cause="wrong-password",code="401"}`: 1,
		`turn_total_allocations{type="UDP"}`:                          0, "iceserver_relay_ports_used": 0,
	})
}

func listenPacket(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	return c
}

func listenPeer(t *testing.T) (net.PacketConn, netip.AddrPort) {
	t.Helper()
	c := listenPacket(t)
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// A-L03: whatever a stranger calls himself, his realm and his page, no label says
// it; a user who has authenticated is named only where the operator asked for it,
// and then in one piece.
func TestMetricsLabels(t *testing.T) {
	const hostile = "canary\"} 1\nturn_evil{x=\"y"
	for _, users := range []bool{false, true} {
		text := metricsUsers
		if users {
			text += "prometheus-username-labels\n"
		}
		r := exporting(t, text, Options{})
		if _, err := clientOf(t, r.Addrs().UDP[0], hostile, "x").allocate(); err == nil {
			t.Error("a stranger was let in")
		}
		c := listenPacket(t)
		ask(t, c, r.Addrs().UDP[0], stun.MethodAllocate, func(b *stun.Builder) {
			b.AddString(stun.AttrOrigin, "https://canary.example")
			b.AddString(stun.AttrSoftware, hostile)
			b.AddString(stun.AttrRealm, hostile)
			b.AddTransport(17)
		})
		if _, err := clientOf(t, r.Addrs().UDP[0], `b{o}b,x=\y`, "a-long-password").allocate(); err != nil {
			t.Fatal(err)
		}
		_, text = get(t, r.browser(t, ""), "http://"+r.Addrs().Metrics[0].String()+"/metrics")
		if strings.Contains(text, "canary") || strings.Contains(text, "evil") {
			t.Errorf("users %v: what a stranger says is there:\n%s", users, text)
		}
		named := strings.Contains(text, `turn_traffic_rcvp{realm="r",user="b{o}b,x=\\y"} 0`)
		if named != users || strings.Contains(text, "b{o}b") != users || users != strings.Contains(text, `user="self-test"`) {
			t.Errorf("users %v: %s", users, text)
		}
		if strings.Contains(text, "self-test-") {
			t.Error("the account of the self test has its name in the metrics")
		}
	}
}

// The own port is on loopback unless it is told otherwise, has the path that is
// wanted and nothing else, and is never a peer.
func TestMetricsPort(t *testing.T) {
	r := exporting(t, "prometheus-path=/turn/metrics\n", Options{})
	for _, a := range r.Addrs().Metrics {
		if !a.Addr().IsLoopback() {
			t.Errorf("metrics at %v", a)
		}
	}
	base := "http://" + r.Addrs().Metrics[0].String()
	for path, want := range map[string]int{"/": 200, "/turn/metrics": 200, "/metrics": 404, "/api/v1/status": 404, "/healthz": 200, "/readyz": 200} {
		if answer, body := get(t, r.browser(t, ""), base+path); answer.StatusCode != want {
			t.Errorf("%s: %s %s", path, answer.Status, body)
		}
	}
	if v := r.turnOptions().Policy; !v.Listener(r.Addrs().Metrics[0]) {
		t.Error("the metrics may be a peer")
	}
	elsewhere := exporting(t, "prometheus-address=127.0.0.2\nweb=off\n", Options{})
	if got := elsewhere.Addrs().Metrics; len(got) != 1 || got[0].Addr() != ip("127.0.0.2") {
		t.Errorf("metrics at %v", got)
	}
	if got := start(t, load(t, ""), Options{}).Addrs().Metrics; got != nil {
		t.Errorf("metrics at %v, and nobody asked for them", got)
	}
	cfg := load(t, fmt.Sprintf("prometheus\nprometheus-port=%d", r.Addrs().Metrics[0].Port()))
	if _, err := New(cfg, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "prometheus: ") {
		t.Errorf("a port that is taken: %v", err)
	}
}

// With prometheus-tls there is nothing without TLS; the certificate is the one of
// the keys, or the server's own.
func TestMetricsTLS(t *testing.T) {
	cert, key := issue(t, "metrics.example")
	for _, c := range []struct{ text, name string }{
		{"prometheus-tls\n", "localhost"},
		{"prometheus-tls\nprometheus-cert=" + cert + "\nprometheus-key=" + key + "\n", "metrics.example"},
	} {
		r := exporting(t, c.text, Options{})
		at := r.Addrs().Metrics[0].String()
		if answer, body := get(t, r.browser(t, ""), "http://"+at+"/metrics"); answer.StatusCode != http.StatusForbidden || strings.Contains(body, "turn_") {
			t.Errorf("without TLS: %s %s", answer.Status, body)
		}
		client := r.browser(t, "")
		client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
		answer, body := get(t, client, "https://"+at+"/metrics")
		if answer.StatusCode != 200 || !strings.Contains(body, "turn_total_allocations") {
			t.Errorf("%s %s", answer.Status, body)
		}
		if err := answer.TLS.PeerCertificates[0].VerifyHostname(c.name); err != nil {
			t.Error(err)
		}
	}
	cfg := load(t, "no-tls\nprometheus\nprometheus-tls\nweb=off\n")
	if _, err := New(cfg, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "set prometheus-cert") {
		t.Errorf("without any certificate: %v", err)
	}
	missing := load(t, "prometheus\nprometheus-tls\nprometheus-cert=/nowhere\nprometheus-key=/nowhere\n")
	if _, err := New(missing, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log)}); err == nil || !strings.Contains(err.Error(), "correct prometheus-cert") {
		t.Errorf("with files that are not there: %v", err)
	}
}

// The pages' ports have the metrics for this machine, and for nobody else: not
// without the key that asks for metrics, and not where clients come through proxies,
// of which some look like this machine.
//
// H-26: a proxy that was put before the pages shows no metrics to the world.
func TestMetricsOnTheWeb(t *testing.T) {
	const pages = "web=on\nlistening-ip=127.0.0.1\n"
	silent := start(t, load(t, pages), Options{})
	silent.log.Wait(t, "msg=ready")
	for _, r := range []*running{silent, exporting(t, pages+"web-trusted-proxies=192.0.2.1\n", Options{})} {
		if answer, body := get(t, r.browser(t, ""), "http://"+r.Addrs().TCP[0].String()+"/metrics"); answer.StatusCode != 404 || strings.Contains(body, "iceserver_") {
			t.Errorf("%s %s", answer.Status, body)
		}
	}
	other := elsewhere(t)
	r := exporting(t, pages+"listening-ip="+other+"\n", Options{})
	if answer, body := get(t, r.browser(t, ""), "http://"+r.Addrs().TCP[0].String()+"/metrics"); answer.StatusCode != 200 || !strings.Contains(body, "iceserver_ready 1") {
		t.Errorf("%s %s", answer.Status, body)
	}
	for _, a := range r.Addrs().TLS {
		if a.Addr() != ip(other) {
			continue
		}
		client := r.browser(t, other)
		for path, want := range map[string]int{"/metrics": 404, "/healthz": 200, "/readyz": 200} {
			if answer, body := get(t, client, "https://"+a.String()+path); answer.StatusCode != want || strings.Contains(body, "iceserver_") {
				t.Errorf("%s from elsewhere: %s %s", path, answer.Status, body)
			}
		}
		return
	}
	t.Errorf("nothing listens at %s", other)
}

// A server that is drained serves and takes no new clients; one whose own test
// has failed takes none, and one that has not been tested yet takes none yet.
func TestReadiness(t *testing.T) {
	r := exporting(t, metricsUsers, Options{})
	if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password").allocate(); err != nil {
		t.Fatal(err)
	}
	at := "http://" + r.Addrs().Metrics[0].String()
	if err := r.Drain(); err != nil {
		t.Fatal(err)
	}
	if answer, body := get(t, r.browser(t, ""), at+"/readyz"); answer.StatusCode != 503 || body != "draining\n" {
		t.Errorf("%s %q", answer.Status, body)
	}
	if answer, body := get(t, r.browser(t, ""), at+"/healthz"); answer.StatusCode != 200 || body != "ok\n" {
		t.Errorf("%s %q", answer.Status, body)
	}
	r.awaitMetrics(t, map[string]float64{"iceserver_ready": 0, "iceserver_draining": 1})
	fresh := newServer(load(t, ""), nil, nil)
	if got := fresh.unready(); got != "starting" {
		t.Errorf("before the test: %q", got)
	}
	fresh.tested.Store(partFailed)
	if got := fresh.unready(); !strings.Contains(got, "failed") {
		t.Errorf("after a test that failed: %q", got)
	}
}

// Reloads are counted by what came of them, and a new value of a key of the
// exporter takes a restart, and is named.
func TestMetricsOfReloads(t *testing.T) {
	var next *config.Config
	r := exporting(t, metricsUsers, Options{Load: func() (*config.Config, error) {
		if next == nil {
			return nil, os.ErrNotExist
		}
		return next, nil
	}})
	if _, err := r.Reload(); err == nil {
		t.Error("a file that is not there was read")
	}
	changed := *r.cfg()
	changed.PrometheusPath, changed.PrometheusUsers = "/other", true
	next = &changed
	got, err := r.Reload()
	if err != nil || len(got.Restart) != 2 || got.Restart[0] != "prometheus-path" {
		t.Errorf("%+v, error %v", got, err)
	}
	r.awaitMetrics(t, map[string]float64{`iceserver_reloads_total{result="ok"}`: 1, `iceserver_reloads_total{result="failed"}`: 1})
}

// A question that only the database can answer is counted, with its time.
func TestMetricsOfLookups(t *testing.T) {
	r := exporting(t, "realm=r\nuser=alice:a-long-password\n", Options{})
	if _, err := clientOf(t, r.Addrs().UDP[0], "nobody", "x").allocate(); err == nil {
		t.Error("nobody was let in")
	}
	r.awaitMetrics(t, map[string]float64{
		`iceserver_key_lookups_total{result="unknown",source="database"}`: 1,
		"iceserver_key_lookup_duration_seconds_count":                     1,
		`iceserver_refusals_total{cause="unknown-user",code="401"}`:       1,
	})
}

// Every transport has its own number, and every name is there once.
func TestMetricsTable(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range metrics(true) {
		if seen[m.name] || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s is there twice, or %q is no sentence", m.name, m.help)
		}
		seen[m.name] = true
	}
	if transport(int(turn.DTLS)) != "dtls" {
		t.Errorf("DTLS is called %q", transport(int(turn.DTLS)))
	}
}
