//go:build linux

// Command compare measures iceserver, coturn and pion/turn in turn, with the load
// generator of "iceserver bench", and writes a table of the medians.
//
// Every figure comes from a server that was started for it alone and ended after
// it. Within a round the servers take turns, so that what else the machine does
// falls on all of them, and the ratios are those of one round.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags of the command.
type options struct {
	binary  string
	coturn  string
	pion    string
	results string
	only    string
	servers string
	rounds  int
	seconds int
	nice    int
	quiet   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "iceserver", "bin/iceserver", "our program; it is the load generator too")
	flag.StringVar(&o.coturn, "coturn", "turnserver", "coturn's program")
	flag.StringVar(&o.pion, "pion", "test/interop", "folder of the module that holds ./pionserver")
	flag.StringVar(&o.results, "results", "bench/results", "folder to write <date>.md to")
	flag.StringVar(&o.only, "only", "", "names of cases, with commas; all if empty")
	flag.StringVar(&o.servers, "servers", "iceserver,coturn,pion", "servers to measure, with commas")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds, 1 to 100")
	flag.IntVar(&o.seconds, "seconds", 5, "measured seconds of each run with traffic, 1 to 60")
	flag.IntVar(&o.nice, "nice", 0, "scheduling priority of servers and generator, -20 to 19, for a machine that is never idle")
	flag.DurationVar(&o.quiet, "quiet", 20*time.Second, "how long to wait before each run for the machine to be idle")
	flag.Parse()
	// A priority belongs to a thread, and a child takes that of the thread it came from.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := compare(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// compare runs everything and writes the table.
func compare(ctx context.Context, o options) error {
	if err := prepare(&o); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	servers, err := chooseServers(ctx, o, work)
	if err != nil {
		return err
	}
	cases, err := chooseCases(o)
	if err != nil {
		return err
	}
	b := bench{options: o, servers: servers, cases: cases, figures: make(map[place][]figure)}
	runErr := b.run(ctx)
	if len(b.figures) == 0 {
		return runErr
	}
	path, err := newResultFile(o.results)
	if err != nil {
		return errors.Join(runErr, err)
	}
	text := b.report()
	fmt.Print(text)
	fmt.Println("written to", path)
	return errors.Join(runErr, os.WriteFile(path, []byte(text), 0o644))
}

// prepare checks the options and asks the system for what servers need.
func prepare(o *options) error {
	if o.rounds < 1 || o.rounds > 100 || o.seconds < 1 || o.seconds > 60 {
		return errors.New("-rounds must be 1 to 100 and -seconds 1 to 60")
	}
	var err error
	// Servers run in a folder of their own, so the paths must hold from there.
	for _, path := range []*string{&o.binary, &o.pion, &o.results} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("%w; run make build first", err)
	}
	if err := setPriority(o.nice); err != nil {
		return err
	}
	return raiseFiles(idleAllocations + 500)
}

// setPriority changes the priority of this thread, which a child takes over, and
// of its session. Where the kernel shares the processors out among sessions
// first, the former alone would only tell the programs of this one apart. It is
// never a real-time priority: a server that spins at one takes the machine along.
func setPriority(nice int) error {
	if nice == 0 {
		return nil
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice); err != nil {
		return fmt.Errorf("-nice %d: %w", nice, err)
	}
	err := os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(nice)), 0)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("-nice %d: %w", nice, err)
	}
	return nil
}

// raiseFiles lifts the limit of open files, which children inherit, to what is
// allowed.
func raiseFiles(need uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Max < need {
		return fmt.Errorf("limit of open files is %d and %d are needed; raise the hard limit (ulimit -Hn)", limit.Max, need)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	return nil
}

// newResultFile returns a path in dir that does not exist yet, named by the day.
func newResultFile(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	day := time.Now().Format(time.DateOnly)
	for n := 1; n < 100; n++ {
		name := day + ".md"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.md", day, n)
		}
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s has 99 results of %s", dir, day)
}

// listed tells whether a list with commas is empty or holds a name.
func listed(list, name string) bool {
	if list == "" {
		return true
	}
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == name {
			return true
		}
	}
	return false
}
