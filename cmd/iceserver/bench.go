package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/load"
)

// benchFlags are the flags of the bench command as typed, before they are put
// into words of the load generator.
type benchFlags struct {
	options   load.Options
	user      string
	direction string
	peer      string
	source    string
	setupOnly bool
	json      bool
}

// benchCommand is "iceserver bench URL": it loads a TURN server, ours or any
// other, and prints what it carried and what that cost.
func benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench URL",
		Short: "Load a TURN server and measure it",
		Long: `Load a TURN server and measure it.

URL is that of the server, such as turn:127.0.0.1:3478, turn:HOST:PORT?transport=tcp
or turns:HOST. The generator makes allocations, sends packets through them to a
socket of its own, and counts what arrives. Give it the server's process id with
--pid, on the same machine, to learn what a packet and an allocation cost.

Load only servers that are yours: a run looks like an attack to anybody else.`,
		Example: `  iceserver bench turn:127.0.0.1:3478 --user alice:secret --allocations 100 --rate 40000 --pid 1234
  iceserver bench turn:127.0.0.1:3478 --secret s3cret --allocations 5000 --idle 5s --pid 1234
  iceserver bench "turn:192.0.2.1?transport=tcp" --user alice:secret --direction both --rate 2000 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	f.define(cmd)
	return cmd
}

// define declares the flags.
func (f *benchFlags) define(cmd *cobra.Command) {
	o, flags := &f.options, cmd.Flags()
	flags.StringVar(&f.user, "user", "", "NAME:PASSWORD of a user; with --secret the id to put into the user name")
	flags.StringVar(&o.Secret, "secret", "", "shared secret of time-limited credentials")
	flags.IntVar(&o.Allocations, "allocations", 100, "allocations held at once")
	flags.IntVar(&o.Window, "window", 32, "requests on their way at once while setting up")
	flags.IntVar(&o.Rate, "rate", 1000, "packets a second in all")
	flags.IntVar(&o.Size, "size", 172, "bytes of payload in each packet, at least 24")
	flags.IntVar(&o.Burst, "burst", 1, "packets sent back to back through one allocation")
	flags.StringVar(&f.direction, "direction", "up", "up (client to peer), down, or both")
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "measured time")
	flags.DurationVar(&o.WarmUp, "warm-up", time.Second, "traffic before the measured time")
	flags.DurationVar(&o.Tick, "tick", time.Millisecond, "how often packets that are due are sent")
	flags.BoolVar(&f.setupOnly, "setup-only", false, "make the allocations and send nothing")
	flags.DurationVar(&o.Idle, "idle", 0, "hold the allocations for so long, then read the memory of --pid; sends nothing")
	flags.StringVar(&f.peer, "peer", "", "ADDRESS[:PORT] of this machine to play the peer at (default: the one that reaches the server)")
	flags.StringVar(&f.source, "source", "", "address or CIDR that the clients send from, in turn, such as 127.1.0.0/16")
	flags.IntVar(&o.PID, "pid", 0, "process id of the server, to measure its CPU and memory")
	flags.StringVar(&o.Name, "tls-name", "", "name expected in the server's certificate (default: the URL's host)")
	flags.BoolVar(&o.Insecure, "insecure", false, "accept any certificate")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// run measures and prints.
func (f *benchFlags) run(cmd *cobra.Command, url string) error {
	if err := f.complete(cmd.Context(), url); err != nil {
		return usage{fmt.Errorf("bench: %w", err)}
	}
	result, err := load.Run(cmd.Context(), f.options)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if !f.json {
		return result.WriteText(cmd.OutOrStdout())
	}
	out := json.NewEncoder(cmd.OutOrStdout())
	out.SetIndent("", "  ")
	return out.Encode(result)
}

// complete turns what was typed into options.
func (f *benchFlags) complete(ctx context.Context, url string) error {
	o := &f.options
	var password bool
	if o.Username, o.Password, password = strings.Cut(f.user, ":"); !password && o.Secret == "" {
		return errors.New("--user NAME:PASSWORD or --secret is needed")
	}
	o.Direction = load.Direction(f.direction)
	if f.setupOnly || o.Idle > 0 {
		o.Rate = 0
	}
	if o.Idle > 0 && o.PID == 0 {
		return errors.New("--idle measures memory and needs --pid")
	}
	if err := o.Target(ctx, url); err != nil {
		return err
	}
	return f.ends()
}

// ends reads the addresses of clients and peer.
func (f *benchFlags) ends() error {
	o := &f.options
	if f.peer != "" {
		peer, err := netip.ParseAddrPort(f.peer)
		if err != nil {
			addr, err := netip.ParseAddr(f.peer)
			if err != nil {
				return fmt.Errorf("--peer %s: not ADDRESS or ADDRESS:PORT", f.peer)
			}
			peer = netip.AddrPortFrom(addr, 0)
		}
		o.Peer = peer
	}
	if f.source == "" {
		return nil
	}
	prefix, err := netip.ParsePrefix(f.source)
	if err != nil {
		addr, err := netip.ParseAddr(f.source)
		if err != nil {
			return fmt.Errorf("--source %s: not an address or a CIDR", f.source)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	o.Sources = prefix
	return nil
}
