//go:build !linux

package netio

import (
	"fmt"
	"runtime"
)

func newBest() (Engine, error) { return NewStd() }

func newMmsg() (Engine, error) {
	return nil, fmt.Errorf("netio: the engine mmsg needs Linux, and this is %s", runtime.GOOS)
}
