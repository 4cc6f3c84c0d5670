package doctor

import (
	"context"
	"strings"
)

// feature is one thing that the kernel can do and the relay makes use of.
type feature struct {
	name string
	has  bool
	// without says what is worse where it is missing.
	without string
}

// checkKernel tries what the relay makes use of, each on a socket of its own.
func checkKernel(_ context.Context, t *Target) []Check {
	const name = "kernel"
	var have, lack []string
	for _, f := range kernelFeatures() {
		if f.has {
			have = append(have, f.name)
		} else {
			lack = append(lack, f.name+" ("+f.without+")")
		}
	}
	release := t.read("/proc/sys/kernel/osrelease")
	switch {
	case len(have)+len(lack) == 0:
		return nil
	case len(lack) > 0:
		return []Check{warn(name, strings.TrimSpace(release+" lacks "+strings.Join(lack, ", ")), "use Linux 5.4 or later; everything works without it, more slowly")}
	}
	return []Check{ok(name, strings.TrimSpace(release+" has "+strings.Join(have, ", ")))}
}
