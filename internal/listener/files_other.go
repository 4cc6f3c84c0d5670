//go:build !unix

package listener

import "math"

// maxFiles is how many file descriptors this process may have: no system but
// Unix has a limit that it could ask for.
func maxFiles() int { return math.MaxInt32 }
