//go:build unix

package server

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs says whether a file belongs to the user who runs this program.
func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(st.Uid) == os.Geteuid()
}

// ownedBy says whether we are root, and a file belongs to the user whom we become.
func ownedBy(info fs.FileInfo, procUser string) bool {
	if procUser == "" || os.Geteuid() != 0 {
		return false
	}
	who, err := findProcess(procUser, "")
	st, ok := info.Sys().(*syscall.Stat_t)
	return err == nil && ok && int(st.Uid) == who.uid
}

// ownedLike says whether we are root, and a file belongs to whom its directory
// belongs to, which openDataDir has looked at.
func ownedLike(info fs.FileInfo, dir string) bool {
	of, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return false
	}
	file, ok := info.Sys().(*syscall.Stat_t)
	holder, too := of.Sys().(*syscall.Stat_t)
	return ok && too && file.Uid == holder.Uid
}
