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

// becomeOwner does nothing: what a command makes is for everybody who may see it.
func becomeOwner(string) error { return nil }
