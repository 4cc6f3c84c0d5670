//go:build !unix

package server

import (
	"errors"

	"iceserver/internal/config"
)

// openSyslog says that there is none.
func (l *logging) openSyslog(*config.Config, string) error {
	return errors.New("this system has no syslog")
}
