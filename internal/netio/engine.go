// Package netio moves batches of UDP datagrams between one worker and the
// kernel.
//
// Knows: sockets, buffers, what this kernel can do. Does not know: STUN, TURN,
// users, configuration. Owns: the receive buffers of its worker.
package netio

import (
	"errors"
	"net/netip"
	"time"
)

// Headroom is how many bytes of a received Datagram.Buf lie before the payload,
// for the caller to write a header into without moving the payload. Tailroom is
// how many bytes of capacity are left behind the payload, for padding.
const (
	Headroom = 64
	Tailroom = 4
)

// MaxPayload is the longest UDP payload, in bytes, that an Engine receives whole.
const MaxPayload = 65507

// A SocketID names an open socket of one Engine. Ids are small and dense, so
// that a slice may be indexed by them; the id of a closed socket is used again.
type SocketID uint32

// A Datagram is one UDP packet.
//
// From Poll: Buf[:Headroom] is scratch and Buf[Headroom:] is the payload, with
// at least Tailroom bytes of capacity behind it; Peer is where it came from.
// For Send: Buf is the payload alone and Peer is where it goes.
type Datagram struct {
	Buf    []byte
	Peer   netip.AddrPort
	Socket SocketID
	DF     bool // for Send: set the don't-fragment bit; see Features
}

// Options of a socket. The zero value is a plain socket.
type Options struct {
	ReusePort bool // SO_REUSEPORT: several workers listen on one address
	RecvBuf   int  // SO_RCVBUF wanted, in bytes; 0 leaves the system's
	SendBuf   int  // SO_SNDBUF wanted, in bytes; 0 leaves the system's
	ICMP      bool // tell of ICMP errors about what was sent; see Features
}

// An Engine moves the datagrams of one worker. Only Wake may be called from
// another goroutine than the worker's.
type Engine interface {
	// Open binds a UDP socket and adds it to those that Poll reads from. It
	// returns the address it got, with the port filled in. The address is
	// never a wildcard in this program; an IPv6 socket takes IPv6 only.
	Open(laddr netip.AddrPort, o Options) (SocketID, netip.AddrPort, error)
	// Poll fills in with datagrams from the open sockets and returns how many.
	// It returns after at most wait (0: at once; negative: no limit), or sooner
	// on Wake, and now and then sooner with nothing at all. Each Buf is the
	// caller's until the next Poll or Close. An error means that the engine is
	// unusable (net.ErrClosed after Close); a socket's own errors (refused,
	// unreachable) never end it.
	Poll(in []Datagram, wait time.Duration) (int, error)
	// ICMP returns the ICMP errors that the last Poll brought, each of them once;
	// a Poll that waits returns for them too. Each Poll brings a bounded number
	// and leaves the others for the next. The slice is the engine's, good until
	// then.
	ICMP() []ICMP
	// Send hands datagrams to the kernel, in order for each socket, and returns
	// how many it took; the others are lost (full buffer, refused by the
	// kernel) and counted in Stats. Afterwards the caller may forget the
	// buffers.
	Send(out []Datagram) (int, error)
	// Wake makes a Poll that is waiting, or the next one, return. Many calls
	// may count as one, and after Close it does nothing.
	Wake()
	// CloseSocket closes one socket; none of its datagrams come after.
	CloseSocket(SocketID) error
	// Stats tells what the engine has lost since it started. It may be called
	// by the worker only.
	Stats() Stats
	// Features tells what this engine can do on this system.
	Features() Features
	// Close closes every socket and frees the buffers. The second Close does
	// nothing.
	Close() error
}

// Features are the abilities that not every Engine has.
type Features struct {
	// DontFragment: Datagram.DF is honoured. Where it is false, a datagram
	// with DF set is not sent and counts as Stats.SendError, because a packet
	// that routers may cut up is not what its sender asked for.
	DontFragment bool
	// ReusePort: Options.ReusePort works. Where it is false, Open refuses it.
	ReusePort bool
	// ICMP: Options.ICMP works. Where it is false, Open refuses it.
	ICMP bool
}

// Stats counts what an Engine could not do, and how often it moved several
// datagrams with one call.
type Stats struct {
	Losses
	ReceiveCalls, Received uint64 // calls that ask for several datagrams (recvmmsg), and what they brought
	SendCalls, Sent        uint64 // calls that offer several (sendmmsg), and what they took
}

// Losses counts datagrams that went nowhere.
type Losses struct {
	SendFull  uint64 // dropped: the socket's send buffer was full
	SendError uint64 // dropped: refused by the kernel, or no such socket
	Truncated uint64 // dropped: longer than MaxPayload or cut short
}

// ErrUnknownSocket is returned for a SocketID that is not open.
var ErrUnknownSocket = errors.New("netio: no such socket")
