package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/listener"
	"iceserver/internal/turn"
)

// Status is how a running server is, for who operates it. No secret is in it. Times
// are in UTC, and whatever is counted is so since the start.
type Status struct {
	State   string    `json:"state"` // "starting", "serving" or "draining"
	Version string    `json:"version"`
	Commit  string    `json:"commit"`
	Go      string    `json:"go"`
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	DataDir string    `json:"data_dir,omitempty"`

	Configuration configuration       `json:"configuration"`
	Listeners     []statusListener    `json:"listeners"`
	External      []statusExternal    `json:"external"`
	AddressChange *move               `json:"address_change,omitempty"` // the last one
	Realm         string              `json:"realm"`
	OtherRealms   []string            `json:"other_realms"` // that the database has something of
	Users         statusUsers         `json:"users"`
	Database      *statusDatabase     `json:"database,omitempty"`
	Certificates  []statusCertificate `json:"certificates"`
	Allocations   statusAllocations   `json:"allocations"`
	Traffic       statusTraffic       `json:"traffic"`
	Refusals      []statusRefusal     `json:"refusals"` // but for the 401 that asks for credentials
	Drops         map[string]uint64   `json:"drops"`    // packets by reason; those only that occurred
	RelayPorts    statusPorts         `json:"relay_ports"`
	Workers       int                 `json:"workers"`
	Engine        string              `json:"engine"`
	Offload       map[string]bool     `json:"offload"` // shortcuts of the kernel that are in use
	BannedSources int                 `json:"banned_sources"`
	SelfTest      statusTest          `json:"self_test"`
	// Hints are what the operator ought to do now, as a doctor would say it.
	Hints []doctor.Check `json:"hints"`
}

// The states of Status.
const (
	stateStarting = "starting"
	stateServing  = "serving"
	stateDraining = "draining"
)

// statusListener is one address that clients, load balancers or Prometheus come to.
type statusListener struct {
	Transport string         `json:"transport"` // udp, tcp, tls, dtls, tcp_proxy, web, metrics
	Address   netip.AddrPort `json:"address"`
}

// statusExternal is an address that clients are told, and the one behind it.
type statusExternal struct {
	Address netip.Addr `json:"address"`
	Relay   netip.Addr `json:"relay"` // where the sockets are
	From    string     `json:"from"`  // how the address was found, for people
}

// statusUsers says who is let in.
type statusUsers struct {
	Anybody    bool `json:"anybody"`    // no-auth
	Configured int  `json:"configured"` // users of the configuration, or the account of the data directory
	Secrets    int  `json:"secrets"`    // shared secrets of either
	Active     int  `json:"active"`     // who have allocations now
}

// statusDatabase is where further users are.
type statusDatabase struct {
	Name    string    `json:"name"` // a path, or a kind, a host and a name
	Answers bool      `json:"answers"`
	Since   time.Time `json:"silent_since,omitzero"` // no answer since then
	Reason  string    `json:"reason,omitempty"`
}

// statusCertificate is one that clients are shown.
type statusCertificate struct {
	Name     string    `json:"name"` // its file, or the domain that it was issued for by ACME
	Names    []string  `json:"names"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	// Renewal is when this server renews it by itself, at the latest. Without it
	// that is somebody else's business.
	Renewal time.Time `json:"renewal,omitzero"`
}

// statusAllocations counts allocations, and the connections of clients.
type statusAllocations struct {
	Now         int            `json:"now"`
	ByTransport map[string]int `json:"by_transport"` // of the clients, now: udp, tcp, tls, dtls
	Total       uint64         `json:"total"`
	Connections int            `json:"connections"` // clients over TCP, TLS and DTLS now
}

// statusTraffic counts what came and went, without headers of UDP and IP.
type statusTraffic struct {
	PacketsIn  uint64 `json:"packets_in"`
	BytesIn    uint64 `json:"bytes_in"`
	PacketsOut uint64 `json:"packets_out"`
	BytesOut   uint64 `json:"bytes_out"`
}

// statusRefusal counts the error responses of one kind.
type statusRefusal struct {
	Code  int    `json:"code"`
	Cause string `json:"cause"` // as reason in the log
	Count uint64 `json:"count"`
}

// statusPorts are relayed ports, those in use or held back, and all.
type statusPorts struct {
	Used  int `json:"used"`
	Total int `json:"total"`
}

// statusTest is what the test of the own relay at the start has found.
type statusTest struct {
	Result string `json:"result"` // "starting", "ok" or "failed"
	Reason string `json:"reason,omitempty"`
}

// life is what a server remembers of itself for its status.
type life struct {
	began    time.Time
	loads    loads
	untested atomic.Pointer[string] // why the test of the own relay has failed; nil: it has not
}

// begin notes a start with what the configuration file says now.
func (l *life) begin(file string, now time.Time) {
	l.began = now
	l.loads.begin(file, now)
	l.loads.end(Reloaded{}, nil, now)
}

// report collects how the server is. It asks the workers for their counters, which
// wait for nothing, and nobody else.
func (s *Server) report(now time.Time) Status {
	x, stats := s.setup.Load(), s.relay.Stats()
	st := Status{
		State: s.state(), Version: s.o.Version, Commit: s.o.Commit, Go: runtime.Version(), PID: os.Getpid(), Since: s.life.began.UTC(),
		Configuration: s.life.loads.now(), Listeners: s.Addrs().list(), External: s.externals(x), AddressChange: x.moved,
		Realm: x.access.realm, OtherRealms: x.otherRealms(),
		Users:    statusUsers{Anybody: x.cfg.NoAuth, Configured: len(x.access.users), Secrets: len(x.access.secrets), Active: stats.Users},
		Database: s.databaseStatus(), Certificates: s.certificateStatus(),
		Allocations: statusAllocations{Now: stats.Allocations, ByTransport: map[string]int{}, Total: stats.Allocated, Connections: stats.Links},
		Traffic:     statusTraffic{stats.PacketsIn, stats.BytesIn, stats.PacketsOut, stats.BytesOut},
		Refusals:    refusalsOf(stats.Refusals), Drops: stats.Drops, RelayPorts: statusPorts{stats.PortsUsed, stats.Ports},
		Workers: stats.Workers, Engine: engineInUse(x.cfg.Engine), Offload: offloads(), BannedSources: stats.Banned,
		SelfTest: s.testStatus(),
	}
	if x.access.kept != nil {
		st.DataDir = x.access.kept.dir
	}
	for p, t := range stats.Transports {
		st.Allocations.ByTransport[transport(p)] = t.Now
	}
	maps.DeleteFunc(st.Drops, func(_ string, n uint64) bool { return n == 0 })
	st.Hints = s.hints(&st, stats.Panics, now)
	return st
}

func (s *Server) state() string {
	tested, _ := s.tested.Load().(string)
	switch {
	case s.draining.Load():
		return stateDraining
	case tested == "":
		return stateStarting
	}
	return stateServing
}

// list is all of them as one list.
func (a Addrs) list() []statusListener {
	list := []statusListener{}
	for _, of := range []struct {
		transport string
		addresses []netip.AddrPort
	}{
		{"udp", a.UDP}, {"tcp", a.TCP}, {"tls", a.TLS}, {"dtls", a.DTLS}, {"tcp_proxy", a.TCPProxy}, {"web", a.Web}, {"metrics", a.Metrics},
	} {
		for _, at := range of.addresses {
			list = append(list, statusListener{of.transport, at})
		}
	}
	return list
}

// externals are the addresses that clients are told, with how each was found.
func (s *Server) externals(x *setup) []statusExternal {
	list := []statusExternal{}
	for _, r := range x.place.relays {
		e := statusExternal{Address: seen(r), Relay: r.Local, From: "external-ip"}
		if who := s.external.who(r.Local, e.Address); who != "" {
			e.From = who
		} else if e.Address == e.Relay {
			e.From = "its interface"
		}
		list = append(list, e)
	}
	return list
}

// otherRealms are those that the database has origins, limits or rules of.
func (x *setup) otherRealms() []string {
	all := map[string]bool{}
	for _, realm := range x.tables.origins {
		all[realm] = true
	}
	for realm := range x.tables.quotas {
		all[realm] = true
	}
	for realm := range x.tables.rules {
		all[realm] = true
	}
	delete(all, "") // what is for all realms
	delete(all, x.access.realm)
	return append([]string{}, slices.Sorted(maps.Keys(all))...)
}

// databaseStatus is what is known of the database; nil: there is none. It was asked
// a few seconds ago.
func (s *Server) databaseStatus() *statusDatabase {
	if s.realms == nil {
		return nil
	}
	d := &statusDatabase{Name: s.access().database, Answers: true}
	if silent := s.realms.silent.Load(); silent != nil {
		d.Answers, d.Since, d.Reason = false, silent.since.UTC(), silent.reason
	}
	return d
}

// shelves are where the certificates of all ports are.
func (s *Server) shelves() []*listener.Certificates {
	all := []*listener.Certificates{s.metrics.certs, s.certs}
	return slices.DeleteFunc(all, func(c *listener.Certificates) bool { return c == nil })
}

// shown are the certificates of all ports by name.
func (s *Server) shown() map[string]*tls.Certificate {
	all := map[string]*tls.Certificate{}
	for _, c := range s.shelves() {
		maps.Copy(all, c.Shown())
	}
	return all
}

func (s *Server) certificateStatus() []statusCertificate {
	var due map[string]time.Time
	if s.acme.client != nil {
		due = s.acme.client.Due()
	}
	all := s.shown()
	list := []statusCertificate{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		leaf := all[name].Leaf
		c := statusCertificate{Name: name, Names: namesOf(leaf), Issuer: leaf.Issuer.String(), NotAfter: leaf.NotAfter.UTC(), Renewal: due[name].UTC()}
		if s.keepsSelfSigned(name) {
			c.Renewal = c.NotAfter.Add(-renewBefore)
		}
		list = append(list, c)
	}
	return list
}

// keepsSelfSigned says whether a certificate is the one that this server makes for
// itself.
func (s *Server) keepsSelfSigned(name string) bool {
	k := s.access().kept
	return k != nil && len(s.cfg().CertFiles) == 0 && name == filepath.Join(k.dir, pemName)
}

// namesOf are the names and addresses that a certificate is for.
func namesOf(leaf *x509.Certificate) []string {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// refusalsOf is a table of refusals as a list, by code.
func refusalsOf(table map[turn.Cause]map[int]uint64) []statusRefusal {
	list := []statusRefusal{}
	for cause, codes := range table {
		for code, n := range codes {
			list = append(list, statusRefusal{code, string(cause), n})
		}
	}
	slices.SortFunc(list, func(a, b statusRefusal) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Cause, b.Cause))
	})
	return list
}

func (s *Server) testStatus() statusTest {
	result, _ := s.tested.Load().(string)
	t := statusTest{Result: cmp.Or(result, partStarting)}
	if why := s.life.untested.Load(); why != nil {
		t.Reason = *why
	}
	return t
}

// Status asks the running server of a configuration how it is. It makes nothing, and
// the error says what to do.
func (o Options) Status(ctx context.Context, cfg *config.Config) (*Status, error) {
	dir, err := dataDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	st := new(Status)
	err = askControl(ctx, filepath.Join(dir, controlName), "/status", nil, st)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: call this as root, or as the user of the server", o.whyNot(err, dir))
	case errors.Is(err, errNoAnswer):
		return nil, nobody(dir)
	case err != nil:
		return nil, fmt.Errorf("the server of %s does not say how it is: %w", dir, err)
	}
	return st, nil
}
