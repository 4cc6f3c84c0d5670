// Command server serves signaling alone, for the tests beside it: it prints its
// port, and its counts for every line on standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"iceserver/internal/signaling"
)

func main() {
	rate := flag.Float64("message-rate", 0, "messages a second of one client")
	secret := flag.String("token-secret", "", "tokens are needed, signed with this")
	grace := flag.Duration("grace", 0, "grace period")
	buffer := flag.Int("buffer", 0, "bytes waiting for one client")
	flag.Parse()
	if err := run(*rate, *secret, *grace, *buffer); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(rate float64, secret string, grace time.Duration, buffer int) error {
	o := signaling.Options{Grace: grace, Limits: signaling.Limits{
		Sessions: 20_000, PerAddress: 20_000, ConnectRate: -1, RoomRate: -1, MessageRate: rate, Buffer: buffer,
	}}
	if secret != "" {
		tokens, err := signaling.NewSecretTokens([]byte(secret), "")
		if err != nil {
			return err
		}
		o.Tokens = tokens
	}
	s, err := signaling.New(o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go s.Run(ctx)
	// The timeouts of the real listener, so that polls are known to outlive them.
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(l) }() // until the process ends
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	// The test ends us by closing our input.
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := report(s); err != nil {
			return err
		}
	}
	return nil
}

// report prints the counts and the memory that the process holds, in KiB.
func report(s *signaling.Server) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	rss := 0
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			if _, err := fmt.Sscan(rest, &rss); err != nil {
				return err
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		signaling.Stats
		RSS, Goroutines int
	}{s.Stats(), rss, runtime.NumGoroutine()})
}
