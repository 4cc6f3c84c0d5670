//go:build !unix

package main

import (
	"context"

	"iceserver/internal/server"
)

// signals are none: there are no such signals here.
type signals struct{}

func takeSignals() *signals { return new(signals) }

func (*signals) handle(context.Context, *server.Server) {}

func (*signals) stop() {}
