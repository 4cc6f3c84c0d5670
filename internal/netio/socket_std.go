package netio

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// stdPause is how long a reader rests after an error of its socket. Most errors
// are single, but one that lasts must not take a processor.
const stdPause = 10 * time.Millisecond

// A stdSocket is a socket of the portable engine and its reader.
type stdSocket struct {
	conn    *net.UDPConn
	ipv4    bool
	closing chan struct{} // closed to make the reader give up
	done    chan struct{} // closed by the reader when it has
}

func openStdSocket(laddr netip.AddrPort, o Options) (*stdSocket, error) {
	if o.ReusePort && !canReusePort {
		return nil, errReusePort
	}
	if o.ICMP {
		return nil, errNoICMP
	}
	ipv4 := laddr.Addr().Is4()
	network := "udp6" // takes IPv6 only, as the address is no wildcard
	if ipv4 {
		network = "udp4"
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, o, !ipv4)
	}}
	pc, err := lc.ListenPacket(context.Background(), network, laddr.String())
	if err != nil {
		// The library's error repeats the address, which ours begins with.
		if op := new(net.OpError); errors.As(err, &op) {
			err = op.Err
		}
		return nil, err
	}
	conn := pc.(*net.UDPConn)
	if o.RecvBuf > 0 {
		_ = conn.SetReadBuffer(o.RecvBuf) // a smaller buffer still serves
	}
	if o.SendBuf > 0 {
		_ = conn.SetWriteBuffer(o.SendBuf)
	}
	return &stdSocket{conn, ipv4, make(chan struct{}), make(chan struct{})}, nil
}

// control sets the options that have to come before bind.
func control(c syscall.RawConn, o Options, ipv6 bool) (err error) {
	cerr := c.Control(func(fd uintptr) {
		if o.ReusePort {
			err = setReusePort(fd)
		}
		if err == nil {
			err = allowFragments(int(fd), ipv6)
		}
	})
	return errors.Join(cerr, err)
}

// pause rests after an error; false if the socket is being closed.
func (s *stdSocket) pause() bool {
	t := time.NewTimer(stdPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.closing:
		return false
	}
}

// close returns when the reader has gone, so that the port is free again.
func (s *stdSocket) close() error {
	close(s.closing)
	err := s.conn.Close()
	<-s.done
	return err
}
