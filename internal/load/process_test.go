package load

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The name of a program may look like the end of itself.
const oddStat = "42 (turn) 1 (server) S 1 42 42 0 -1 4194560 1000 0 0 0 150 75 9 9 20 0 4 0 100 1000 500 18446744073709551615\n"

const someStatus = "Name:\tturn) S (x\nVmPeak:\t  999999 kB\nVmRSS:\t   20480 kB\nRssAnon:\t   12288 kB\nRssFile:\t 8192 kB\nThreads:\t2\n"

// fakeProc writes the files of one process as /proc has them.
func fakeProc(t *testing.T, threads map[string]string) process {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"stat": oddStat, "status": someStatus}
	for tid, text := range threads {
		files["task/"+tid+"/schedstat"] = text
	}
	for name, text := range files {
		path := filepath.Join(root, "42", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return process{root: root, pid: 42}
}

func TestSampleReadsTimesAndMemory(t *testing.T) {
	p := fakeProc(t, map[string]string{"42": "1000000001 5 6\n", "43": "2000000002 7 8\n"})
	s, err := p.sample()
	if err != nil {
		t.Fatal(err)
	}
	if s.whole != 2250*time.Millisecond {
		t.Errorf("the whole process took %v", s.whole)
	}
	if s.rss != 20<<20 || s.anon != 12<<20 {
		t.Errorf("resident %d bytes, %d anonymous", s.rss, s.anon)
	}
	if got := s.cpuSince(sample{}); got != 3000000003 {
		t.Errorf("all threads took %d ns", got)
	}
}

func TestSampleSaysWhatIsWrong(t *testing.T) {
	p := fakeProc(t, map[string]string{"42": "what\n"})
	if _, err := p.sample(); err == nil || !strings.Contains(err.Error(), "schedstat") {
		t.Errorf("a broken schedstat gives %v", err)
	}
	p.pid = 43
	if _, err := p.sample(); err == nil || !strings.Contains(err.Error(), "process 43") {
		t.Errorf("no such process gives %v", err)
	}
	if _, _, err := parseStatus("Name:\tx\n"); err == nil {
		t.Error("a status without VmRSS is accepted")
	}
	if _, err := parseStat("42 noname S 1"); err == nil {
		t.Error("a stat without a name is accepted")
	}
	if _, err := parseStat("42 (x) S 1 2"); err == nil {
		t.Error("a stat with too few fields is accepted")
	}
}

// Threads come and go. What one did before it ended is only in the figure for
// the whole process, so that stands in.
func TestCPUTimeOfThreadsThatComeAndGo(t *testing.T) {
	ms := time.Millisecond
	before := sample{threads: map[int]time.Duration{1: 10 * ms, 2: 20 * ms}, whole: 30 * ms}
	for _, c := range []struct {
		name  string
		after sample
		want  time.Duration
	}{
		{"all alive", sample{threads: map[int]time.Duration{1: 15 * ms, 2: 21 * ms}, whole: 30 * ms}, 6 * ms},
		{"a new one", sample{threads: map[int]time.Duration{1: 15 * ms, 2: 20 * ms, 3: 4 * ms}, whole: 30 * ms}, 9 * ms},
		{"one ended", sample{threads: map[int]time.Duration{1: 15 * ms}, whole: 60 * ms}, 30 * ms},
		{"one ended idle", sample{threads: map[int]time.Duration{1: 15 * ms}, whole: 30 * ms}, 5 * ms},
	} {
		if got := c.after.cpuSince(before); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The real /proc has the shape that is read here, and its figures move.
func TestSampleOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the resources of a process this way")
	}
	p := process{root: "/proc", pid: os.Getpid()}
	before, err := p.sample()
	if err != nil {
		t.Fatal(err)
	}
	// Spin until the kernel has seen it; the bound only keeps a failure short.
	end := time.Now().Add(10 * time.Second)
	for time.Now().Before(end) {
		after, err := p.sample()
		if err != nil {
			t.Fatal(err)
		}
		if after.cpuSince(before) > 0 {
			if after.rss < 1<<20 {
				t.Errorf("only %d bytes resident", after.rss)
			}
			return
		}
	}
	t.Error("ten seconds of work took no CPU time")
}
