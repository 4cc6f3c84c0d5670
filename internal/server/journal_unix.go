//go:build unix

package server

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// toJournal says whether what is written to w goes to the journal of systemd, which
// names its stream by device and file.
func toJournal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("JOURNAL_STREAM") == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
