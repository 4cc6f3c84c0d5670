package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"iceserver/test/servertest"
)

// coturnNames are the metrics that dashboards for coturn ask for, with the labels
// that they know.
const coturnNames = `
stun_binding_request stun_binding_response stun_binding_error
turn_unauthenticated_401_requests turn_unauthenticated_401_responses turn_unauthenticated_401_dropped_responses
turn_ratelimit_hash_collisions turn_ratelimit_occupied_buckets turn_ratelimit_total_buckets
turn_traffic_rcvp{realm="north.gov"} turn_traffic_rcvb{realm="north.gov"}
turn_traffic_sentp{realm="north.gov"} turn_traffic_sentb{realm="north.gov"}
turn_traffic_peer_rcvp{realm="north.gov"} turn_traffic_peer_rcvb{realm="north.gov"}
turn_traffic_peer_sentp{realm="north.gov"} turn_traffic_peer_sentb{realm="north.gov"}
turn_total_traffic_rcvp turn_total_traffic_rcvb turn_total_traffic_sentp turn_total_traffic_sentb
turn_total_traffic_peer_rcvp turn_total_traffic_peer_rcvb turn_total_traffic_peer_sentp turn_total_traffic_peer_sentb
turn_total_allocations{type="UDP"} turn_total_allocations{type="TCP"} turn_total_allocations{type="TLS"} turn_total_allocations{type="DTLS"}
turn_packet_processed turn_packet_dropped
turn_udp_recvmmsg_calls turn_udp_recvmmsg_packets
turn_udp_sendmmsg_flushes turn_udp_sendmmsg_datagrams turn_udp_sendmmsg_gso_datagrams
`

// scraped is what a server says of itself.
func scraped(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", url, answer.Status, err, text)
	}
	return string(text)
}

// valueOf is the value of a metric with its labels, or false if it is not there.
func valueOf(text, name string) (float64, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return v, err == nil
		}
	}
	return 0, false
}

// What a real server gives is what Prometheus wants: coturn's names are there, and
// move while a call lasts; its own tool finds nothing wrong with ours, and with
// coturn's only how they are called.
func TestMetrics(t *testing.T) {
	port := servertest.FreePorts(t, 1)
	p := server(t, t.TempDir(), "--realm=north.gov", "--user=alice:a-long-password", "--web=off", "--prometheus",
		"--prometheus-port="+strconv.Itoa(port), "--prometheus-path=/turn")
	url := fmt.Sprintf("http://127.0.0.1:%d/turn", port)
	before := scraped(t, url)
	for _, name := range strings.Fields(coturnNames) {
		if _, ok := valueOf(before, name); !ok {
			t.Errorf("%s is not there", name)
		}
	}
	turnURL := "turn:" + udpOf(t, p) + "?transport=udp"
	a, b := hold(t, turnURL, "alice", "a-long-password"), hold(t, turnURL, "alice", "a-long-password")
	alive(t, a, b)
	was, _ := valueOf(before, `turn_traffic_rcvb{realm="north.gov"}`)
	over := time.Now().Add(limit)
	for {
		text := scraped(t, url)
		live, _ := valueOf(text, `turn_total_allocations{type="UDP"}`)
		carried, _ := valueOf(text, `turn_traffic_rcvb{realm="north.gov"}`)
		if live == 2 && carried >= was+2*float64(len("still here")) {
			promtool(t, text)
			break
		}
		if time.Now().After(over) {
			t.Fatalf("%v allocations that carried %v of %v bytes:\n%s", live, carried, was, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// ofCoturn is what promtool says of names that coturn has chosen.
var ofCoturn = regexp.MustCompile(`^(stun|turn)_\w+ counter metrics should have "_total" suffix$`)

func promtool(t *testing.T, text string) {
	t.Helper()
	c := exec.Command("promtool", "check", "metrics")
	c.Stdin = strings.NewReader(text)
	said, err := c.CombinedOutput()
	// It ends with 3 where it has only something to say about names.
	if code := exitCode(err); code != 0 && code != 3 {
		t.Errorf("promtool: exit %d: %s", code, said)
	}
	for line := range strings.Lines(string(said)) {
		if !ofCoturn.MatchString(strings.TrimSpace(line)) {
			t.Errorf("promtool: %s", line)
		}
	}
}
