//go:build !unix

package server

import "errors"

// become says that it cannot.
func (s *Server) become() error {
	if s.cfg().ProcUser != "" || s.cfg().ProcGroup != "" {
		return errors.New("proc-user and proc-group: this system has no such users; leave them out")
	}
	return nil
}
