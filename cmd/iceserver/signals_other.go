//go:build !unix

package main

import (
	"context"

	"iceserver/internal/server"
)

// handleSignals does nothing: this system has none but those that end a process.
func handleSignals(context.Context, *server.Server) {}
