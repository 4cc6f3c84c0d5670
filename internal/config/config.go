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
	// AuxServers are more addresses to listen on over UDP and TCP, each with its
	// port. ListeningDevice and RelayDevice are interfaces whose addresses stand
	// in for ListeningIPs and RelayIPs, or empty.
	AuxServers                   []netip.AddrPort
	ListeningDevice, RelayDevice string
	// TCPProxyPort is where load balancers bring clients with a PROXY header in
	// front; 0: nowhere. TCPProxySources are those that may; none: this machine.
	TCPProxyPort    uint16
	TCPProxySources []netip.Prefix

	// RelayIPs are the local addresses that relayed ports are opened on. Empty
	// means the listening addresses.
	RelayIPs []netip.Addr
	// ExternalIPs say which address the world sees for which local one. There
	// is at most one without a Private part per address family.
	ExternalIPs []ExternalIP
	// ExternalSTUN is the STUN server that is asked for an ExternalAuto address,
	// as host or host:port; empty: none is.
	ExternalSTUN string
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
	// NonceSecret is what nonces are made with. Empty: not configured.
	NonceSecret Secret
	// SameOrigin wants one ORIGIN for a whole session. AllocateTimeout is how long
	// a connection may be there before its first allocation.
	SameOrigin      bool
	AllocateTimeout time.Duration
	// Clients are sent to these, in turn: over UDP and TCP to their own ones or
	// else to AlternateServers, over TLS and DTLS to TLSAlternateServers. Each has
	// its port.
	AlternateServers, UDPAlternateServers, TCPAlternateServers, TLSAlternateServers []netip.AddrPort
	// SecureSTUN asks for credentials on Binding requests too.
	SecureSTUN bool
	// UnauthorizedRateLimit bounds the answers to strangers to
	// UnauthorizedRateLimitRPS a second and source address.
	UnauthorizedRateLimit    bool
	UnauthorizedRateLimitRPS int
	// NoDatabaseRules and NoDatabaseRealms leave out what the database says of
	// peers and of realms.
	NoDatabaseRules, NoDatabaseRealms bool
	// Database is the path of the SQLite file with users and secrets. Empty:
	// not configured.
	Database string
	// PostgreSQL, MySQL, MongoDB and Redis are connection strings of databases
	// that stand in for that file. At most one of the five is set.
	PostgreSQL, MySQL, MongoDB, Redis Secret
	// StatsRedis is the Redis database that sessions are reported to. Empty: none.
	StatsRedis Secret
	// SecretKeyFile has the key that the password in MySQL is encrypted with.
	// Empty: it is not.
	SecretKeyFile string

	// UserQuota and TotalQuota bound the allocations at one time, per user and
	// per realm; 0 means without bound.
	UserQuota, TotalQuota int
	// MaxBPS bounds one allocation, in bytes per second and direction;
	// CapacityBPS the whole server. 0 means without bound.
	MaxBPS, CapacityBPS uint64
	// UserMonthlyQuota bounds what a user may have relayed in a calendar month of
	// UTC, in bytes, both ways together; 0 means without bound.
	UserMonthlyQuota uint64
	// DrainMinAllocations is how many allocations a draining server may leave
	// behind when it ends.
	DrainMinAllocations int

	// BanAfter is how many wrong credentials within BanWindow shut a source out for
	// BanTime; 0: never. BanIgnore are sources that never are.
	BanAfter           int
	BanWindow, BanTime time.Duration
	BanIgnore          []netip.Prefix

	// AllowedPeers and DeniedPeers are the rules in the order given; what is
	// allowed beats what is denied.
	AllowedPeers, DeniedPeers []PeerRange
	// AllowLoopbackPeers opens 127.0.0.0/8 and ::1 as peers: for tests only.
	AllowLoopbackPeers bool

	// CertFiles and KeyFiles are the paths of PEM chains and, at the same index,
	// of their keys.
	CertFiles, KeyFiles []string
	// KeyPassword is the passphrase of those keys that have one.
	KeyPassword Secret
	// TLS13Only turns away TLS 1.2. CipherSuites are the IANA numbers of the suites
	// of TLS and DTLS 1.2 that CipherList asks for; empty: all good ones.
	TLS13Only    bool
	CipherList   string
	CipherSuites []uint16
	// ACMEDomains are the names to get certificates for, in lower case; without
	// any nothing is got. ACMECA is the directory of the authority, ACMECARoot
	// the file with its root; the two halves of the key for external account
	// binding are both set or neither.
	ACMEDomains          []string
	ACMEEmail, ACMEKeyID string
	ACMECA, ACMECARoot   string
	ACMEMACKey           Secret
	// ACMEChallenge is "auto", "http-01" or "tls-alpn-01"; ACMEHTTPPort the port
	// that is opened for the first, 0 for none. ACMERedirect is where requests
	// for tokens of others are sent, or empty.
	ACMEChallenge string
	ACMEHTTPPort  uint16
	ACMERedirect  string

	// Fingerprint adds FINGERPRINT to every message, Software adds SOFTWARE, and
	// ReasonString the phrase in ERROR-CODE.
	Fingerprint, Software, ReasonString bool
	// STUNOnly refuses TURN, NoSTUN refuses Binding.
	STUNOnly, NoSTUN bool
	// OldChannelNumbers accepts 0x5000 to 0x7FFF too, as RFC 5766 had it.
	OldChannelNumbers bool
	// MappedAddress adds MAPPED-ADDRESS to answers to Binding requests.
	MappedAddress bool

	// LogFile is a path, or "stdout". LogFormat is "text", "json",
	// "coturn" or "coturn-4.17". LogLevel is
	// "debug", "info", "warning" or "error", with Verbose already considered.
	LogFile, LogFormat, LogLevel string
	// NoStdoutLog keeps the log off standard output. Verbose and ExtraVerbose
	// lower LogLevel to debug unless log-min-level is given.
	NoStdoutLog, Verbose, ExtraVerbose bool
	// Syslog sends the log to syslog, with one of its facilities, as LOG_DAEMON.
	Syslog         bool
	SyslogFacility string
	// LogTimestamp is how the time in the log looks, in the notation of strftime
	// with %f for milliseconds; empty: as in RFC 3339.
	LogTimestamp string
	// LogBinding logs Binding requests, as many as are no harm.
	LogBinding bool

	// PIDFile is the file that holds the process number, or empty.
	PIDFile string
	// ProcUser and ProcGroup are whom to become once everything is open, as names
	// or numbers; empty: nobody else.
	ProcUser, ProcGroup string

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
	// TrustedProxies may say who their clients are.
	TrustedProxies []netip.Prefix
	// SignalingAuth is "off" or "token". Tokens are signed with SignalingSecret,
	// of 32 bytes or more, or with a key in the file SignalingJWKS; of the two
	// one is set. SignalingAudience is whom they are for; empty: nobody by name.
	SignalingAuth     string
	SignalingSecret   Secret
	SignalingJWKS     string
	SignalingAudience string
	// What the signaling lets clients use up: connections, in all and of one
	// address; rooms, and participants of one; bytes of a message, and waiting
	// for a client; messages a second of a client, 0 being without bound.
	SignalingMaxConnections, SignalingMaxPerAddress int
	SignalingMaxRooms, SignalingMaxParticipants     int
	SignalingMaxMessage, SignalingMaxBuffer         int
	SignalingMessageRate                            int
	// SignalingGrace is how long a lost connection may take to come back, 0 not
	// at all; SignalingHeartbeat how long an idle one is left alone.
	SignalingGrace, SignalingHeartbeat time.Duration

	// DefaultDatabase is the SQLite file with users where no key names a database;
	// empty: that of the data directory. No key sets it.
	DefaultDatabase string

	// Prometheus serves metrics at PrometheusPath on PrometheusPort of
	// PrometheusAddress; without that address (the zero Addr) on those of loopback.
	// PrometheusUsers labels them with user names.
	Prometheus        bool
	PrometheusPort    uint16
	PrometheusAddress netip.Addr
	PrometheusPath    string
	PrometheusUsers   bool
	// PrometheusTLS serves them over TLS, with the certificate and the key of these
	// PEM files or, if both are empty, those of CertFiles.
	PrometheusTLS                 bool
	PrometheusCert, PrometheusKey string

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

// ExternalAuto is the name of an external address that has to be found out.
const ExternalAuto = "auto"

// An ExternalIP says that the world sees Public where this machine has Private.
// Without Private (the zero Addr) it holds for every address of Public's family.
type ExternalIP struct {
	Public, Private netip.Addr
	// Name stands for a Public that is found out later: a host name to be looked
	// up, or ExternalAuto. Public is not valid then.
	Name string
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
