package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"iceserver/internal/config"
)

// Status is how a check ended. The worse one is the greater.
type Status int

// What a check can end with: all is well; something will bother somebody; clients
// cannot be served. In JSON they are "OK", "WARN" and "FAIL".
const (
	OK Status = iota
	Warn
	Fail
)

// String is the word for people and programs alike.
func (s Status) String() string {
	switch s {
	case OK:
		return "OK"
	case Warn:
		return "WARN"
	}
	return "FAIL"
}

// MarshalText gives JSON the word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the word, and nothing else.
func (s *Status) UnmarshalText(text []byte) error {
	for _, known := range []Status{OK, Warn, Fail} {
		if string(text) == known.String() {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("doctor: %q is no status", text)
}

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Seen   string `json:"seen"`   // what was found, in one line
	Advice string `json:"advice"` // the one thing to do, in one line; empty if there is nothing to do

	remedies  []remedy // what --fix does about it; none: only a person can
	keepsDown bool     // a server does not start before it is mended
}

// ok, warn and fail make a check.
func ok(name, seen string) Check { return Check{Name: name, Seen: seen} }
func warn(name, seen, advice string) Check {
	return Check{Name: name, Status: Warn, Seen: seen, Advice: advice}
}
func fail(name, seen, advice string) Check {
	return Check{Name: name, Status: Fail, Seen: seen, Advice: advice}
}

// with adds what would mend it.
func (c Check) with(r ...remedy) Check {
	c.remedies = append(c.remedies, r...)
	return c
}

// down marks what keeps a server from starting.
func (c Check) down() Check {
	c.keepsDown = true
	return c
}

// Facts are what a server says of itself, or would be if it ran. It tells
// them through its control socket, so they hold no secret.
type Facts struct {
	Version    string `json:"version"`               // of the program that serves
	PID        int    `json:"pid,omitempty"`         // of its process; 0: it does not run
	ConfigFile string `json:"config_file,omitempty"` // absolute path
	DataDir    string `json:"data_dir,omitempty"`
	Database   string `json:"database,omitempty"` // for people; empty: there is none
	Realm      string `json:"realm"`
	Host       string `json:"host"` // what clients are told to connect to
	// Listen are the bound addresses by transport.
	Listen struct {
		UDP  []netip.AddrPort `json:"udp,omitempty"`
		TCP  []netip.AddrPort `json:"tcp,omitempty"`
		TLS  []netip.AddrPort `json:"tls,omitempty"`
		DTLS []netip.AddrPort `json:"dtls,omitempty"`
	} `json:"listen"`
	Relays           []Relay  `json:"relays"`
	MinPort          uint16   `json:"min_port"` // of relayed ports, both inclusive
	MaxPort          uint16   `json:"max_port"`
	NoAuth           bool     `json:"no_auth,omitempty"`
	STUNOnly         bool     `json:"stun_only,omitempty"`
	CertFiles        []string `json:"cert_files,omitempty"`        // that are configured, with
	KeyFiles         []string `json:"key_files,omitempty"`         // their keys at the same index
	ACMEDomains      []string `json:"acme_domains,omitempty"`      // names that certificates are got for
	ExternalSet      bool     `json:"external_set,omitempty"`      // external-ip is configured
	ExternalFollowed bool     `json:"external_followed,omitempty"` // and found out by the server
	TotalQuota       int      `json:"total_quota,omitempty"`       // allocations; 0: no bound
	SocketBuffer     int      `json:"socket_buffer,omitempty"`     // bytes wished for; 0: as the system has it
	ProcUser         string   `json:"proc_user,omitempty"`
	// CertRefused says of files that have changed on the disk why the server goes on
	// with what they held before.
	CertRefused map[string]string `json:"cert_refused,omitempty"`
}

// Relay is one address that relays: where its sockets are, and what clients and
// peers are told, which is the same without a NAT.
type Relay struct {
	Local    netip.Addr `json:"local"`
	External netip.Addr `json:"external"`
}

// Account is what a client logs in with.
type Account struct {
	User, Password string
	From           string // where it was found, for people
}

// Accounts are the numbers of those who are let in.
type Accounts struct {
	Configured int    // users of the configuration, and the account of the data directory
	Users      int    // of the database in the server's realm
	Secrets    int    // shared secrets, wherever they stand
	Elsewhere  int    // users of the database in other realms
	OtherRealm string // one of those
}

// Target is the server to examine, as far as it is known before anybody has
// asked it anything. The functions are nil where there is nobody to ask.
type Target struct {
	Facts
	// Running says that the facts are those of a running server. If not,
	// NotRunning says why nothing was heard of it.
	Running    bool
	NotRunning error
	// Program is the version of this program.
	Program string
	Config  *config.Config
	// Account is to log in with; User in it alone is a name that clients use.
	// Its zero value: none is known, and AccountError says why.
	Account      Account
	AccountError error
	// AddUser adds a user to the database. Without a password it makes one up and
	// returns it.
	AddUser func(ctx context.Context, name, password string) (made string, err error)
	// UserExists asks the database and the configuration about a name.
	UserExists func(ctx context.Context, name string) (bool, error)
	// AskDatabase counts who is let in. The error says why nobody can tell.
	AskDatabase func(context.Context) (Accounts, error)
	// External asks who can know which address the world sees for a local one:
	// a STUN server that was named, or the cloud. who says whose answer it is.
	External func(ctx context.Context, local netip.Addr) (public netip.Addr, who string, err error)
	// Command is a command line of this program about this very server.
	Command func(words string) string
	// Outside is a second server, to look at this one from outside.
	Outside Outside
	// stranger is where a server answers that is not known to be this one.
	stranger netip.AddrPort
	// taken is another program that has a port of a server that does not run.
	taken string
	// farHost is how somebody called a server that is not this machine's; empty:
	// it is.
	farHost string
	// Root is the directory with /proc, /sys and /etc of the machine; empty: /.
	Root string
	// Resolver looks names up; nil: the system's.
	Resolver *net.Resolver
	// Clock is the URL of a server whose Date header tells the time; empty: none.
	Clock string
}

// read returns a file of the machine without the space around it, or nothing. The
// path is below Root.
func (t *Target) read(path string) string {
	text, err := os.ReadFile(filepath.Join("/", t.Root, path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// exists says whether there is a file of the machine.
func (t *Target) exists(path string) bool {
	_, err := os.Stat(filepath.Join("/", t.Root, path))
	return err == nil
}

// number reads a file that holds one number.
func (t *Target) number(path string) (int, bool) {
	n, err := strconv.Atoi(t.read(path))
	return n, err == nil
}

// local says whether nobody but this machine is served.
func (t *Target) local() bool {
	return len(t.Relays) > 0 && !slices.ContainsFunc(t.Relays, func(r Relay) bool { return !r.Local.IsLoopback() || r.External != r.Local })
}

// checker looks at one thing, or at several that are found out together. It says
// nothing about what the server does not have.
type checker func(context.Context, *Target) []Check

// checkTime bounds one checker, whatever it waits for.
const checkTime = 15 * time.Second

// checkers are all of them, in the order of the report: what explains most comes
// first.
func checkers() []checker {
	return []checker{
		checkRunning, checkAddress, outsideView, checkNAT, checkAccount, checkAnswers, checkBrowserPorts, checkCertificate, checkFirewall,
		checkDNS, checkClock, checkDatabase, checkFiles, checkBuffers, checkPorts, checkConntrack, checkKernel,
	}
}

// Examine runs every check on a server. They run side by side, since most of them
// wait, and stand in the report in a fixed order. It changes nothing.
func Examine(ctx context.Context, t *Target) Report {
	t.findServer(ctx)
	return examine(ctx, t, checkers())
}

// examine runs the given checks.
func examine(ctx context.Context, t *Target, all []checker) Report {
	found := make([][]Check, len(all))
	var running sync.WaitGroup
	for i, look := range all {
		running.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTime)
			defer cancel()
			found[i] = look(ctx, t)
		})
	}
	running.Wait()
	r := Report{Checks: []Check{}}
	for _, checks := range found {
		r.Checks = append(r.Checks, checks...)
	}
	return r
}
