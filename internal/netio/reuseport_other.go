//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package netio

import (
	"errors"
	"fmt"
	"runtime"
)

const canReusePort = false

var errReusePort = fmt.Errorf("several sockets on one address (SO_REUSEPORT): %w on %s",
	errors.ErrUnsupported, runtime.GOOS)

func setReusePort(uintptr) error { return errReusePort }
