package server

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// controlName is the socket in the data directory by which commands reach the
// running server. Who may use it is who may open the directory: its owner.
const controlName = "control.sock"

// longestSocket is how long the path of a socket may be, in bytes; Linux takes
// 107, others less.
const longestSocket = 103

// atControl calls do with a path of the control socket in dir that is short enough
// for a socket. It is good for as long as do runs.
func atControl(dir string, do func(path string) error) error {
	path := filepath.Join(dir, controlName)
	if len(path) <= longestSocket {
		return do(path)
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("the path %s is too long for a socket: choose a shorter data-dir", path)
	}
	// The system names an open directory in a few bytes.
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return do(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), controlName))
}
