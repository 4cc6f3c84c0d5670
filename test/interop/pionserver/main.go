//go:build linux

// Command pionserver is a TURN server made of pion/turn, for comparisons and for
// interoperability tests: UDP, long-term credentials of one user, as the
// library's own multi-threaded example is put together.
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"golang.org/x/sys/unix"
)

// options are the flags of the command.
type options struct {
	listen   string
	user     string
	realm    string
	sockets  int
	min, max uint
}

func main() {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:3478", "address to listen and relay at")
	flag.StringVar(&o.user, "user", "", "NAME:PASSWORD")
	flag.StringVar(&o.realm, "realm", "bench.example", "realm")
	flag.IntVar(&o.sockets, "sockets", runtime.NumCPU(), "listening sockets that share the port")
	flag.UintVar(&o.min, "min-port", 49152, "lowest relayed port")
	flag.UintVar(&o.max, "max-port", 65535, "highest relayed port")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "pionserver:", err)
		os.Exit(1)
	}
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, o options) error {
	name, password, ok := strings.Cut(o.user, ":")
	if !ok || name == "" {
		return errors.New("-user NAME:PASSWORD is needed")
	}
	addr, err := netip.ParseAddrPort(o.listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	if o.min > o.max || o.max > 65535 {
		return fmt.Errorf("-min-port %d, -max-port %d: not a range of ports", o.min, o.max)
	}
	listeners, err := listen(ctx, addr, o)
	if err != nil {
		return err
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm:             o.realm,
		AuthHandler:       oneUser(name, turn.GenerateAuthKey(name, o.realm, password)),
		PacketConnConfigs: listeners,
		LoggerFactory:     logging.NewDefaultLoggerFactory(),
	})
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	<-ctx.Done()
	return server.Close()
}

// listen opens the sockets that share the port; pion reads each of them in a
// goroutine of its own.
func listen(ctx context.Context, addr netip.AddrPort, o options) ([]turn.PacketConnConfig, error) {
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failure error
		err := c.Control(func(fd uintptr) {
			failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, failure)
	}}
	var configs []turn.PacketConnConfig
	for range o.sockets {
		conn, err := shared.ListenPacket(ctx, "udp", addr.String())
		if err != nil {
			return nil, fmt.Errorf("listening: %w", err)
		}
		configs = append(configs, turn.PacketConnConfig{
			PacketConn: conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorPortRange{
				RelayAddress: net.IP(addr.Addr().AsSlice()),
				Address:      addr.Addr().String(),
				MinPort:      uint16(o.min),
				MaxPort:      uint16(o.max),
				MaxRetries:   100, // ports are drawn at random, and many are taken in a big run
			},
		})
	}
	return configs, nil
}

// oneUser knows a single name.
func oneUser(name string, key []byte) turn.AuthHandler {
	return func(ra *turn.RequestAttributes) (string, []byte, bool) {
		if subtle.ConstantTimeCompare([]byte(ra.Username), []byte(name)) == 0 {
			return "", nil, false
		}
		return ra.Username, key, true
	}
}
