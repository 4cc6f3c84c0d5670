//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package netio

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const canReusePort = true

var errReusePort = errors.ErrUnsupported

func setReusePort(fd uintptr) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT",
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}
