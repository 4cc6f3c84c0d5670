package load

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of the CPU times in /proc/PID/stat. Linux fixes it at
// 100 a second for user space, whatever the kernel itself counts in.
const clockTick = 10 * time.Millisecond

// A sample is what the kernel says of a process at one moment.
type sample struct {
	threads map[int]time.Duration // CPU time of each thread alive, to the nanosecond
	whole   time.Duration         // CPU time with that of ended threads, to 10 ms
	rss     uint64                // resident bytes
	anon    uint64                // of these, not backed by a file
}

// A process reads the resources that the server uses, from outside it.
type process struct {
	root string // "/proc", or a copy of it in a test
	pid  int
}

// sample reads the process now. The error says what to do if it cannot be read.
func (p process) sample() (sample, error) {
	var s sample
	dir := filepath.Join(p.root, strconv.Itoa(p.pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return s, fmt.Errorf("no figures for process %d (is it running, and is this Linux?): %w", p.pid, err)
	}
	if s.whole, err = parseStat(string(stat)); err != nil {
		return s, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return s, fmt.Errorf("memory of process %d: %w", p.pid, err)
	}
	if s.rss, s.anon, err = parseStatus(string(status)); err != nil {
		return s, err
	}
	s.threads, err = readThreads(filepath.Join(dir, "task"))
	return s, err
}

// readThreads reads the CPU time of every thread under a task folder.
func readThreads(dir string) (map[int]time.Duration, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("threads: %w", err)
	}
	threads := make(map[int]time.Duration, len(entries))
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name(), "schedstat"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread ended since the folder was listed
		}
		if err != nil {
			return nil, fmt.Errorf("thread %d: %w", tid, err)
		}
		if threads[tid], err = parseSchedstat(string(text)); err != nil {
			return nil, err
		}
	}
	return threads, nil
}

// parseSchedstat reads the first field of a schedstat file: nanoseconds on a CPU.
func parseSchedstat(text string) (time.Duration, error) {
	fields := strings.Fields(text)
	if len(fields) < 3 {
		return 0, fmt.Errorf("schedstat %q: not three fields", text)
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat: %w", err)
	}
	return time.Duration(ns), nil
}

// parseStat reads user and system time of a stat file. The program's name comes
// before them, in brackets, and may itself hold spaces and brackets.
func parseStat(text string) (time.Duration, error) {
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return 0, fmt.Errorf("stat %q: no program name", text)
	}
	// After the name: state is field 3 of the file; utime and stime are 14 and 15.
	fields := strings.Fields(text[end+1:])
	if len(fields) < 13 {
		return 0, errors.New("stat: too few fields")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// parseStatus reads VmRSS and RssAnon, in bytes, of a status file.
func parseStatus(text string) (rss, anon uint64, err error) {
	found := false
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		if key != "VmRSS" && key != "RssAnon" {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("status: %s: %w", key, err)
		}
		if key == "VmRSS" {
			rss, found = kib<<10, true
		} else {
			anon = kib << 10
		}
	}
	if !found {
		return 0, 0, errors.New("status: no VmRSS (a process that has ended has none)")
	}
	return rss, anon, nil
}

// cpuSince returns the CPU time that the process spent from the sample before to
// this one. The sum over threads is exact but forgets a thread that ended
// between; then the coarser figure of the whole process stands in if it is the
// larger.
func (s sample) cpuSince(before sample) time.Duration {
	var sum time.Duration
	ended := false
	for tid, at := range s.threads {
		sum += at - before.threads[tid] // a new thread started from zero
	}
	for tid := range before.threads {
		if _, alive := s.threads[tid]; !alive {
			ended = true
		}
	}
	if ended {
		sum = max(sum, s.whole-before.whole)
	}
	return sum
}
