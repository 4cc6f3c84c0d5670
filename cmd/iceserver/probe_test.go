package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// The user of the environment is for servers that ask who it is: with URLs of STUN
// alone a password is not missed. One that was typed is a mistake there as anywhere.
func TestProbeUserOfEnvironment(t *testing.T) {
	t.Setenv(userVariable, "alice")
	t.Setenv(passwordVariable, "")
	t.Setenv(secretVariable, "")
	for _, tt := range []struct {
		typed string
		urls  []string
		good  bool
	}{
		{"", []string{"stun:h", "STUNS:h"}, true},
		{"", []string{"stun:h", "turn:h"}, false},
		{"", []string{"h"}, false},
		{"bob", []string{"stun:h"}, false},
	} {
		var f probeFlags
		cmd := new(cobra.Command)
		f.define(cmd)
		if tt.typed != "" {
			if err := cmd.Flags().Set("user", tt.typed); err != nil {
				t.Fatal(err)
			}
		}
		f.options.URLs = tt.urls
		if err := f.credentials(cmd); (err == nil) != tt.good || tt.good && f.options.Username != "" {
			t.Errorf("%v: user %q, %v", tt.urls, f.options.Username, err)
		}
	}
}

// A signal ends a probe, and what it tells is no word of the library.
func TestProbeIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := rootCommand()
	cmd.SetArgs([]string{"probe", "stun:127.0.0.1:9"})
	cmd.SetOut(io.Discard)
	if err := cmd.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), "ended by a signal") {
		t.Error(err)
	}
}
