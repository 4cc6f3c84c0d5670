//go:build !unix

package server

import "io"

// toJournal says no: this system has no journal.
func toJournal(io.Writer) bool { return false }
