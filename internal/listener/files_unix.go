//go:build unix

package listener

import (
	"math"

	"golang.org/x/sys/unix"
)

// maxFiles is how many file descriptors this process may have.
func maxFiles() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil || uint64(r.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(r.Cur)
}
