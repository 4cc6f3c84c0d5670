package e2e

import (
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// benchResult is what bench prints with --json, as far as the tests look at it.
type benchResult struct {
	Setup struct {
		Ready     int
		CPUMicros *float64 `json:"cpu_micros"`
	}
	Memory *struct {
		PerAllocationKiB float64 `json:"per_allocation_kib"`
		AfterKiB         float64 `json:"after_kib"`
	}
	Traffic *struct {
		Up, Down  *benchFlow
		CPUMicros *float64 `json:"cpu_micros"`
	}
}

type benchFlow struct {
	Sent, Received, Lost           uint64
	Duplicates, Misrouted, Damaged uint64
	P50                            float64 `json:"p50_micros"`
	P99                            float64 `json:"p99_micros"`
	Max                            float64 `json:"max_micros"`
}

// benchServer is a server that lets the load generator in, and that relays to
// the sockets of this machine.
func benchServer(t *testing.T) (p *process, udp string) {
	t.Helper()
	p = server(t, t.TempDir(), "--relay-ip=127.0.0.1", "--realm=bench.example",
		"--user=bench:bench", "--static-auth-secret=a secret", "--allow-loopback-peers")
	return p, udpOf(t, p)
}

// benchRun runs the generator with a few seconds of work at most.
func benchRun(t *testing.T, url string, flags ...string) benchResult {
	t.Helper()
	got := command(t, "", append([]string{"bench", url, "--json", "--duration", "500ms", "--warm-up", "100ms"}, flags...)...)
	var r benchResult
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.err)
	}
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		t.Fatalf("%v in:\n%s", err, got.out)
	}
	return r
}

// check looks at one direction. A busy machine may lose a datagram; none may be
// doubled, changed or brought to another client.
func (f *benchFlow) check(t *testing.T) {
	t.Helper()
	switch {
	case f == nil:
		t.Error("nothing is said about this direction")
	case f.Sent == 0 || f.Received < f.Sent/2:
		t.Errorf("%d of %d packets were carried", f.Received, f.Sent)
	case f.Sent != f.Received+f.Lost:
		t.Errorf("%d sent, %d received and %d lost do not add up", f.Sent, f.Received, f.Lost)
	case f.Duplicates+f.Misrouted+f.Damaged > 0:
		t.Errorf("%d packets doubled, %d misrouted, %d damaged", f.Duplicates, f.Misrouted, f.Damaged)
	case f.P50 <= 0 || f.P99 < f.P50 || f.Max < f.P99:
		t.Errorf("latencies p50 %v, p99 %v, max %v", f.P50, f.P99, f.Max)
	}
}

func TestBenchCarriesPacketsOverEveryTransport(t *testing.T) {
	_, udp := benchServer(t)
	host, port, _ := strings.Cut(udp, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	tls := host + ":" + strconv.Itoa(n+1)
	for _, c := range []struct {
		name, url string
		flags     []string
	}{
		{"udp", "turn:" + udp, []string{"--user", "bench:bench"}},
		{"bursts", "turn:" + udp, []string{"--user", "bench:bench", "--burst", "8", "--size", "1200"}},
		{"time-limited credentials", "turn:" + udp, []string{"--user", "id", "--secret", "a secret"}},
		{"tcp", "turn:" + udp + "?transport=tcp", []string{"--user", "bench:bench", "--size", "173"}},
		{"tls", "turns:" + tls, []string{"--user", "bench:bench", "--insecure"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := benchRun(t, c.url, append(c.flags, "--allocations", "10", "--rate", "1000", "--direction", "both")...)
			if r.Setup.Ready != 10 {
				t.Errorf("%d of 10 allocations", r.Setup.Ready)
			}
			if r.Traffic == nil {
				t.Fatal("no traffic")
			}
			r.Traffic.Up.check(t)
			r.Traffic.Down.check(t)
			if r.Traffic.CPUMicros != nil {
				t.Error("CPU time of a process that nobody named")
			}
		})
	}
}

func TestBenchMeasuresTheProcessItIsGiven(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the resources of a process this way")
	}
	p, udp := benchServer(t)
	pid := strconv.Itoa(p.cmd.Process.Pid)
	r := benchRun(t, "turn:"+udp, "--user", "bench:bench", "--pid", pid, "--allocations", "20", "--rate", "1000", "--direction", "down")
	if r.Setup.CPUMicros == nil || *r.Setup.CPUMicros <= 0 || r.Traffic.CPUMicros == nil || *r.Traffic.CPUMicros <= 0 {
		t.Errorf("CPU time: %v for an allocation, %v for a packet", r.Setup.CPUMicros, r.Traffic.CPUMicros)
	}
	r = benchRun(t, "turn:"+udp, "--user", "bench:bench", "--pid", pid, "--allocations", "100", "--idle", "100ms")
	if r.Traffic != nil || r.Memory == nil || r.Memory.AfterKiB < 1024 {
		t.Errorf("holding allocations: traffic %v, memory %+v", r.Traffic, r.Memory)
	}
}

func TestBenchSaysWhyItCannotRun(t *testing.T) {
	_, udp := benchServer(t)
	for _, c := range []struct {
		says string
		code int
		args []string
	}{
		{"401", 1, []string{"turn:" + udp, "--user", "bench:wrong"}},
		{"no figures for process", 1, []string{"turn:" + udp, "--user", "bench:bench", "--pid", "4194304"}},
		{"rate 99999999", 1, []string{"turn:" + udp, "--user", "bench:bench", "--rate", "99999999"}},
		{"--user NAME:PASSWORD", 2, []string{"turn:" + udp, "--user", "bench"}},
		{"turn: or turns:", 2, []string{"stun:" + udp, "--user", "bench:bench"}},
		{"DTLS", 2, []string{"turns:" + udp + "?transport=udp", "--user", "bench:bench"}},
		{"--source here", 2, []string{"turn:" + udp, "--user", "bench:bench", "--source", "here"}},
		{"--peer there", 2, []string{"turn:" + udp, "--user", "bench:bench", "--peer", "there"}},
		{"needs --pid", 2, []string{"turn:" + udp, "--user", "bench:bench", "--idle", "1s"}},
	} {
		got := command(t, "", append([]string{"bench", "--allocations", "2"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.err, c.says) || strings.Count(got.err, "\n") != 1 {
			t.Errorf("bench %s: exit %d, %q; want %d and a line with %q", strings.Join(c.args, " "), got.code, got.err, c.code, c.says)
		}
	}
}
