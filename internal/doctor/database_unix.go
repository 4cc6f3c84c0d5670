//go:build unix

package doctor

import (
	"io/fs"
	"strconv"
	"syscall"
)

// ownerOf is the number of the user who owns a file; empty: it is not known.
func ownerOf(file fs.FileInfo) string {
	if s, ok := file.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(uint64(s.Uid), 10)
	}
	return ""
}
