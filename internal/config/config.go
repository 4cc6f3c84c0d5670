// Package config reads turnserver.conf, the environment and the command line
// into one struct.
//
// Knows: the names, units, defaults and meaning of every key, coturn's and our
// own, in one table. Does not know: files, sockets, users' databases; loading
// opens nothing, the caller hands in the text. Owns: nothing that lives on
// after Load.
package config

import (
	"net/netip"
	"time"
)

// Config is everything the operator can decide, with the defaults filled in.
// Load makes one; it does not change afterwards.
type Config struct {
	// ListeningPort is the UDP and TCP port for STUN and TURN; TLSListeningPort
	// the one for TLS over TCP and, with DTLS, for DTLS over UDP.
	ListeningPort    uint16
	TLSListeningPort uint16
	// ListeningIPs are the addresses to listen on. Empty means all addresses of
	// the machine; 0.0.0.0 and :: mean all addresses of their family.
	ListeningIPs []netip.Addr
	// NoUDP, NoTCP and NoTLS switch the listeners off that are on by default;
	// DTLS switches one on.
	NoUDP, NoTCP, NoTLS, DTLS bool

	// RelayIPs are the local addresses that relayed ports are opened on. Empty
	// means the listening addresses.
	RelayIPs []netip.Addr
	// ExternalIPs say which address the world sees for which local one. There
	// is at most one without a Private part per address family.
	ExternalIPs []ExternalIP
	// MinPort and MaxPort bound the relayed ports, both inclusive.
	MinPort, MaxPort uint16
	// Workers is how many threads relay; 0 leaves it to the relay.
	Workers int
	// SocketBuffer is the wish for the kernel's buffers per socket, in bytes; 0
	// leaves them alone.
	SocketBuffer int
	// AddressFamily is what a client gets that does not ask for a family:
	// "ipv4", "ipv6" or "keep" (the family it came with).
	AddressFamily string

	// NoAuth lets everybody relay without credentials.
	NoAuth bool
	// LongTerm and AuthSecret ask by name for long-term credentials and for
	// time-limited ones. Both kinds work whenever users or secrets exist.
	LongTerm, AuthSecret bool
	// Users are the configured accounts, names unique, in the order given.
	Users []User
	// Realm is shown to clients and part of every key. Empty: not configured.
	Realm string
	// Secrets are the shared secrets of time-limited credentials; any may match.
	Secrets []Secret
	// RESTSeparator stands between time and name in time-limited user names.
	RESTSeparator byte
	// StaleNonce is how long a nonce is good; 0 means for ever.
	StaleNonce time.Duration
	// MaxAllocateLifetime bounds what a client may ask for; ChannelLifetime and
	// PermissionLifetime are how long those live without a refresh.
	MaxAllocateLifetime, ChannelLifetime, PermissionLifetime time.Duration
	// SecureSTUN asks for credentials on Binding requests too.
	SecureSTUN bool
	// UnauthorizedRateLimit bounds the answers to strangers to
	// UnauthorizedRateLimitRPS a second and source address.
	UnauthorizedRateLimit    bool
	UnauthorizedRateLimitRPS int
	// Database is the path of the SQLite file with users and secrets. Empty:
	// not configured.
	Database string

	// UserQuota and TotalQuota bound the allocations at one time, per user and
	// per realm; 0 means without bound.
	UserQuota, TotalQuota int
	// MaxBPS bounds one allocation, in bytes per second and direction;
	// CapacityBPS the whole server. 0 means without bound.
	MaxBPS, CapacityBPS uint64

	// AllowedPeers and DeniedPeers are the rules in the order given; what is
	// allowed beats what is denied.
	AllowedPeers, DeniedPeers []PeerRange
	// AllowLoopbackPeers opens 127.0.0.0/8 and ::1 as peers: for tests only.
	AllowLoopbackPeers bool

	// CertFile and KeyFile are the paths of the PEM chain and its key. Both are
	// empty or both are set.
	CertFile, KeyFile string

	// Fingerprint adds FINGERPRINT to every message, Software adds SOFTWARE, and
	// ReasonString the phrase in ERROR-CODE.
	Fingerprint, Software, ReasonString bool
	// STUNOnly refuses TURN, NoSTUN refuses Binding.
	STUNOnly, NoSTUN bool
	// OldChannelNumbers accepts 0x5000 to 0x7FFF too, as RFC 5766 had it.
	OldChannelNumbers bool

	// LogFile is a path, or "stdout". LogFormat is "text" or "json". LogLevel is
	// "debug", "info", "warning" or "error", with Verbose already considered.
	LogFile, LogFormat, LogLevel string
	// NoStdoutLog keeps the log off standard output. Verbose and ExtraVerbose
	// lower LogLevel to debug unless log-min-level is given.
	NoStdoutLog, Verbose, ExtraVerbose bool

	// DataDir is where what was made at the first start is kept. Empty: not
	// configured.
	DataDir string
	// Engine is how datagrams are moved: "auto", "mmsg" or "std".
	Engine string

	// Web is "off", "local" or "on"; empty: not configured, and then it is on
	// only where there is no configuration file.
	Web string
	// WebPort is the pages' own TCP port; 0: every TCP port of TURN.
	WebPort uint16
	// WebOrigins are further sites whose pages may use the API, each as
	// scheme://host[:port] in lower case without a usual port.
	WebOrigins []string
	// DemosDir is the folder of the original demos, or empty.
	DemosDir string
	// WebAnonymous gives credentials to everybody, short and few.
	WebAnonymous bool
	// SignalingAuth is "off" or "token", and SignalingSecret what tokens are
	// signed with, of 16 bytes or more.
	SignalingAuth   string
	SignalingSecret Secret

	// Sources tells for each key that was set where that happened, in the order
	// of growing weight; a key that is missing here has its default.
	Sources map[string][]Source

	// cpus backs the key cpus until Workers is decided.
	cpus int
}

// A User is a configured account. Exactly one of Password and Key is set.
type User struct {
	Name     string
	Password Secret
	Key      Secret // "0x" and 32 hexadecimal digits: MD5 of name, realm, password
}

// An ExternalIP says that the world sees Public where this machine has Private.
// Without Private (the zero Addr) it holds for every address of Public's family.
type ExternalIP struct {
	Public, Private netip.Addr
}

// A PeerRange is a rule about peers: every address from From to To, both
// inclusive and of one family. The addresses are as written: a range of
// IPv4-mapped IPv6 addresses is not one of IPv4 addresses.
type PeerRange struct {
	From, To netip.Addr
	Text     string // as written, for the log line of a refusal
	File     string // where the rule stands: file, "environment" or "command line"
	Line     int    // in a file; 0 elsewhere
}

// Contains says whether the rule is about a.
func (r PeerRange) Contains(a netip.Addr) bool {
	return r.From.Compare(a) <= 0 && a.Compare(r.To) <= 0
}
