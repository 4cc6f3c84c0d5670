//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the result as markdown.
func (b *bench) report() string {
	var w strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&w, format+"\n", args...) }
	p("# Comparison of %s\n", time.Now().Format(time.DateOnly))
	p("- Machine: %s", machine())
	for _, s := range b.servers {
		p("- %s: %s", s.name, s.version)
	}
	p("- Command: `go run ./bench/compare %s`", b.flags())
	p("- %d runs; %d were made again because the generator was disturbed, %d count although it was, %d began while other programs were busy.",
		b.runs, b.repeated, b.doubtful, b.noisy)
	p("- Each server has the threads or workers that it takes by default on this machine. Figures are medians of %d rounds; ratios are medians of the ratios of each round.\n",
		b.options.rounds)
	b.table(&w)
	p("\n## Every round\n")
	b.rounds(&w)
	p("\n## Commands\n")
	for _, s := range b.servers {
		args, err := s.command("PORT", s.dir)
		if err == nil {
			p("- %s: `%s`", s.name, shorten(args, s.dir))
		}
	}
	for _, c := range b.cases {
		p("- %s: `iceserver %s`", c.name, strings.Join(append(generatorArgs("127.0.0.1:PORT", "PID"), c.args...), " "))
	}
	return w.String()
}

// table is the medians, one line for each measure.
func (b *bench) table(w *strings.Builder) {
	fmt.Fprint(w, "| case | measure |")
	for _, s := range b.servers {
		fmt.Fprintf(w, " %s |", s.name)
	}
	fmt.Fprint(w, " iceserver/coturn | wanted | met |\n|---|---|", strings.Repeat("---:|", len(b.servers)), "---:|---|---|\n")
	for _, c := range b.cases {
		for _, m := range c.measures {
			fmt.Fprintf(w, "| %s | %s, %s |", c.name, m.name, m.unit)
			for _, s := range b.servers {
				fmt.Fprintf(w, " %s |", show(values(b.figures[place{s.name, c.name, m.name}])))
			}
			ratio := b.ratio(c, m)
			wanted, met := b.verdict(c, m, ratio)
			fmt.Fprintf(w, " %s | %s | %s |\n", spread(ratio), wanted, met)
		}
	}
}

// ratio returns ours divided by coturn's for each round that has both.
func (b *bench) ratio(c benchCase, m measure) []float64 {
	var ratios []float64
	for _, our := range b.figures[place{"iceserver", c.name, m.name}] {
		for _, their := range b.figures[place{"coturn", c.name, m.name}] {
			if our.round == their.round && their.value > 0 {
				ratios = append(ratios, our.value/their.value)
			}
		}
	}
	return ratios
}

// verdict says what was wanted of a measure, whether the median met it, and how
// many rounds did.
func (b *bench) verdict(c benchCase, m measure, ratio []float64) (wanted, met string) {
	value := ratio
	limit := m.target
	switch {
	case m.target > 0:
		wanted = fmt.Sprintf("ratio at most %g", m.target)
	case m.limit > 0:
		wanted, limit = fmt.Sprintf("at most %g %s", m.limit, m.unit), m.limit
		value = values(b.figures[place{"iceserver", c.name, m.name}])
	default:
		return "", ""
	}
	if len(value) == 0 {
		return wanted, "not measured"
	}
	within := 0
	for _, v := range value {
		if v <= limit {
			within++
		}
	}
	word := "no"
	if median(value) <= limit {
		word = "yes"
	}
	// A median alone would hide that the rounds disagree.
	return wanted, fmt.Sprintf("%s (%d of %d rounds)", word, within, len(value))
}

// rounds is every single figure, so that the spread can be seen.
func (b *bench) rounds(w *strings.Builder) {
	for _, c := range b.cases {
		for _, m := range c.measures {
			for _, s := range b.servers {
				fmt.Fprintf(w, "- %s, %s, %s (%s):", c.name, m.name, s.name, m.unit)
				for _, v := range values(b.figures[place{s.name, c.name, m.name}]) {
					fmt.Fprintf(w, " %.2f", v)
				}
				fmt.Fprintln(w)
			}
		}
	}
}

// flags repeats what the command was given.
func (b *bench) flags() string {
	o := b.options
	text := fmt.Sprintf("-rounds %d -seconds %d", o.rounds, o.seconds)
	if o.nice != 0 {
		text += fmt.Sprintf(" -nice %d", o.nice)
	}
	if o.only != "" {
		text += " -only " + o.only
	}
	return text
}

// machine describes the processors and the kernel, and not whose they are.
func machine() string {
	kind := "computer"
	if cpuinfo, err := os.ReadFile("/proc/cpuinfo"); err == nil && strings.Contains(string(cpuinfo), " hypervisor") {
		kind = "virtual machine"
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	kernel, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-")
	return fmt.Sprintf("%s, %d processors, %s, Linux %s, %s; all traffic over its loopback interface",
		kind, runtime.NumCPU(), runtime.GOARCH, kernel, runtime.Version())
}

// shorten writes a command without the folders of this machine.
func shorten(args []string, dir string) string {
	short := slices.Clone(args)
	for i, a := range short {
		if i == 0 {
			a = a[strings.LastIndexByte(a, '/')+1:]
		}
		short[i] = strings.ReplaceAll(a, dir, "DIR")
	}
	return strings.Join(short, " ")
}

// values are figures without their rounds.
func values(figures []figure) []float64 {
	var v []float64
	for _, f := range figures {
		v = append(v, f.value)
	}
	return v
}

// show is the median as text, or a dash if there is none.
func show(v []float64) string {
	if len(v) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", median(v))
}

// spread is the median with the smallest and the largest value.
func spread(v []float64) string {
	if len(v) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(v), slices.Min(v), slices.Max(v))
}

// median is the middle value, or the mean of the middle two.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
