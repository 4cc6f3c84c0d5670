package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// openPIDFile writes the number of this process where the configuration wants it.
// A file that a dead process left behind is replaced.
func (s *Server) openPIDFile() error {
	path := s.cfg().PIDFile
	if path == "" {
		return nil
	}
	if old := readPID(path); old != 0 && old != os.Getpid() && sameProgram(old) {
		return fmt.Errorf("pidfile %s: process %d runs already: stop it, or choose another pidfile", path, old)
	}
	if err := onlyPID(path); err != nil {
		return err
	}
	text := []byte(strconv.Itoa(os.Getpid()) + "\n")
	// It is not replaced by renaming: the directory may be root's, and then the
	// user whom we become could not take the file away.
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("cannot write the process number: %w; correct pidfile, or leave it out", err)
	}
	s.defers(func() { s.removePIDFile(path) })
	return nil
}

// removePIDFile takes the file away, or, where this user may not, what is in it.
// One that another process has written meanwhile is that one's.
func (s *Server) removePIDFile(path string) {
	if readPID(path) != os.Getpid() {
		return
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrPermission) {
		err = os.Truncate(path, 0)
	}
	if err != nil {
		s.log.Warn("the file with the process number stays", "error", err)
	}
}

// onlyPID refuses to write over what is no file of this kind: the path may be a
// typing error, or a link that somebody else has put there.
func onlyPID(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pidfile: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > 0 && readPID(path) == 0 {
		return fmt.Errorf("pidfile %s is there already and holds no process number: remove it, or choose another", path)
	}
	return nil
}

// readPID returns the process number in a file, or 0 if there is none.
func readPID(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// sameProgram says whether a process is one of this program. Its number may have
// gone to another since it was written, in a container above all; where the system
// does not tell, the file is of no more use than that.
func sameProgram(pid int) bool {
	of := func(process string) string {
		exe, err := os.Readlink(filepath.Join("/proc", process, "exe"))
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(exe, " (deleted)")
	}
	other := of(strconv.Itoa(pid))
	return other != "" && other == of("self")
}
