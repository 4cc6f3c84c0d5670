// Package relay is the data plane: workers that move packets between clients,
// the TURN core and peers.
//
// Knows: workers, relayed ports, quotas, who may answer a question for keys.
// Does not know: databases, HTTP, TLS, BPF. Owns: the UDP sockets, the relayed
// ports and the queues between goroutines.
//
// A worker shares nothing with the others but the pool of ports and the quotas,
// which are touched when an allocation begins or ends. A UDP packet takes no
// lock and no memory; what goes from one worker to another, or from or to a
// connection, passes a queue behind a short mutex.
package relay

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/netio"
	"iceserver/internal/turn"
)

// Options of a Relay.
type Options struct {
	// Workers is how many goroutines serve; 0 is one for every two processors
	// that the program may use, but two for two or three. Where the system cannot spread clients
	// over several sockets there is one.
	Workers int
	// Listen are the UDP addresses for clients: never a wildcard; port 0 lets
	// the system choose.
	Listen []netip.AddrPort
	// Relays are the addresses to relay from; one at least, of this machine.
	Relays []RelayAddr
	// MinPort and MaxPort bound the relayed ports, both included; 0 is 49152
	// and 65535.
	MinPort, MaxPort uint16
	Quota            Quota
	Keys             Keys
	Ban              Ban
	// Turn is what each worker's turn.Server gets. Start, Nonces, Seed, Session,
	// Families and DontFragment are filled in here.
	Turn turn.Options
	// NonceKey is what nonces are made with, 32 random bytes; nil draws one.
	// NonceLife is how long a nonce is good for; 0 is for ever.
	NonceKey  []byte
	NonceLife time.Duration
	// SocketBuffer is the size in bytes of a relayed socket's two buffers; 0
	// leaves the system's.
	SocketBuffer int
	// Engine makes the engine of a worker; nil is netio.New.
	Engine func() (netio.Engine, error)
	// Observe, if it is not nil, is told what happens, one event at a time, behind
	// the workers' backs: it must be quick, and under a flood it misses some.
	Observe func(turn.Event)
	// CountUsers makes Carried tell users apart, not realms alone.
	CountUsers bool
	Log        *slog.Logger // nil logs nothing
}

// Relay is a data plane. Make one with New and call Run once.
type Relay struct {
	workers      []*worker
	ports        *ports
	ledger       *ledger
	lookups      *lookups
	journal      *journal
	carriage     *carriage
	bans         *bans
	log          *slog.Logger
	start        time.Time // Now 0 of every worker
	addrs        []netip.AddrPort
	socketBuffer int
	nonceKey     []byte
	nextLink     atomic.Uint32
	exempt       atomic.Pointer[exemption] // nil: nobody is
	told         Stats                     // of the journal's goroutine: when the log last had them
	serving      atomic.Bool
	stop         atomic.Bool
	reading      sync.Mutex // held by whoever reads the workers' counters
}

// New opens the listening sockets, so that nothing is lost between New and Run.
// An error names the address and what to do about it; then nothing stays open.
func New(o Options) (*Relay, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	l := newLedger(o.Quota)
	r := &Relay{
		ledger: l, ports: newPorts(o.Relays, o.MinPort, o.MaxPort, l),
		lookups: newLookups(o.Keys, o.Log), journal: newJournal(o.Log, o.Observe), bans: newBans(o.Ban, o.Log),
		carriage: &carriage{users: o.CountUsers, names: make(map[turn.Account]bool)},
		log:      o.Log, start: time.Now(), socketBuffer: o.SocketBuffer, nonceKey: o.NonceKey,
	}
	r.journal.report = func() { r.tell(false) }
	o.Turn.Start, o.Turn.Banned = r.start, r.Banned
	if err := r.open(o); err != nil {
		for _, w := range r.workers {
			_ = w.engine.Close()
		}
		return nil, err
	}
	return r, nil
}

// check fills in the defaults and refuses what cannot work.
func (o Options) check() (Options, error) {
	if o.Workers <= 0 {
		// The kernel's half of the work, and everybody else's, runs on the other
		// processors; but one worker alone would drain each burst on the
		// processor of whoever sends it, behind him, while the other is idle.
		n := runtime.GOMAXPROCS(0)
		o.Workers = max(n/2, min(n, 2))
	}
	if o.MinPort == 0 {
		o.MinPort = 49152
	}
	if o.MaxPort == 0 {
		o.MaxPort = 65535
	}
	if o.Engine == nil {
		o.Engine = netio.New
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.NonceKey == nil {
		o.NonceKey = make([]byte, 32)
		rand.Read(o.NonceKey)
	}
	switch {
	case o.Keys == nil:
		return o, errors.New("relay: no Keys to ask")
	case len(o.Relays) == 0:
		return o, errors.New("relay: no address to relay from; set relay-ip")
	// R-8656-7.2-r (RFC 8656, 7.2): no relayed port is a well-known one.
	case o.MinPort < 1024:
		return o, fmt.Errorf("relay: min-port %d: relayed ports begin at 1024", o.MinPort)
	case o.MinPort > o.MaxPort:
		return o, fmt.Errorf("relay: min-port %d is above max-port %d", o.MinPort, o.MaxPort)
	case o.Quota.CapacityBPS > 0 && o.Quota.MaxBPS == 0:
		return o, errors.New("relay: bps-capacity needs max-bps, which says what one allocation takes of it")
	}
	return o, o.checkRelays()
}

// checkRelays makes the relay addresses canonical and every one of them tell
// one address from the others: a packet for it must find its allocation.
func (o *Options) checkRelays() error {
	o.Relays = slices.Clone(o.Relays)
	seen := make(map[netip.Addr]netip.Addr)
	o.Turn.Families = nil
	for i := range o.Relays {
		a := &o.Relays[i]
		if a.Local = a.Local.Unmap(); !a.External.IsValid() {
			a.External = a.Local
		}
		a.External = a.External.Unmap()
		if turn.FamilyOf(a.Local) != turn.FamilyOf(a.External) {
			return fmt.Errorf("relay: %s cannot be known outside as %s: one is IPv4, the other IPv6", a.Local, a.External)
		}
		for _, form := range slices.Compact([]netip.Addr{a.Local, a.External}) {
			if other, ok := seen[form]; ok {
				return fmt.Errorf("relay: relay addresses %s and %s are both known as %s", other, a.Local, form)
			}
			seen[form] = a.Local
		}
		if f := turn.FamilyOf(a.Local); !slices.Contains(o.Turn.Families, f) {
			o.Turn.Families = append(o.Turn.Families, f)
		}
	}
	return nil
}

// open makes the workers and their sockets. The first worker settles whether
// the addresses are to be had, and the others share them with it.
func (r *Relay) open(o Options) error {
	w, err := r.addWorker(o)
	if err != nil {
		return err
	}
	if o.Workers > 1 && !w.engine.Features().ReusePort {
		r.log.Warn("this system cannot share a UDP port between workers; one serves")
		o.Workers = 1
	}
	if err := r.probe(w.engine, o); err != nil {
		return err
	}
	if err := r.listen(w, o.Listen, o.Workers > 1); err != nil {
		return err
	}
	for range o.Workers - 1 {
		if w, err = r.addWorker(o); err != nil {
			return err
		}
		if err := r.listen(w, r.addrs, true); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) addWorker(o Options) (*worker, error) {
	index := len(r.workers)
	e, err := o.Engine()
	if err != nil {
		return nil, fmt.Errorf("relay: start worker %d: %w", index, err)
	}
	t := o.Turn
	t.Nonces = auth.NewNonces(o.NonceKey, o.NonceLife)
	t.Session = uint64(index) * sessionsPerWorker
	t.DontFragment = e.Features().DontFragment
	var seed [16]byte
	rand.Read(seed[:])
	t.Seed = [2]uint64{binary.NativeEndian.Uint64(seed[:]), binary.NativeEndian.Uint64(seed[8:])}
	w := newWorker(r, index, e, t)
	r.workers = append(r.workers, w)
	return w, nil
}

// probe opens and closes every address for itself alone. An address to relay
// from may not be this machine's, and nobody else would notice before the first
// client; and with SO_REUSEPORT a second server of the same user would get half
// of the clients, silently.
func (r *Relay) probe(e netio.Engine, o Options) error {
	for _, a := range o.Relays {
		if err := openAndClose(e, netip.AddrPortFrom(a.Local, 0)); err != nil {
			return explain("relay from", a.Local, err)
		}
	}
	for _, a := range o.Listen {
		if err := openAndClose(e, a); err != nil {
			return explain("listen on UDP", a, err)
		}
	}
	return nil
}

func openAndClose(e netio.Engine, a netip.AddrPort) error {
	id, _, err := e.Open(a, netio.Options{})
	if err != nil {
		return err
	}
	return e.CloseSocket(id)
}

// listen opens the listening sockets of one worker; the addresses of the first
// worker are those that the others take.
//
// R-8489-6.3.1.2-a (RFC 8489, 6.3.1): no socket is a wildcard's, so that answers
// leave from the address that was asked.
func (r *Relay) listen(w *worker, addrs []netip.AddrPort, share bool) error {
	for _, a := range addrs {
		id, at, err := w.engine.Open(a, netio.Options{ReusePort: share, RecvBuf: listenBuffer, SendBuf: listenBuffer})
		if err != nil {
			return explain("listen on UDP", a, err)
		}
		w.setSocket(id, socket{at: at})
		if w.index == 0 {
			r.addrs = append(r.addrs, at)
		}
	}
	return nil
}

// listenBuffer is how many bytes the buffers of a listening socket should hold:
// the packets of all its clients come through it.
const listenBuffer = 4 << 20

// explain says what an operator can do about an address that cannot be opened.
func explain(what string, a fmt.Stringer, err error) error {
	var hint string
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another server (coturn?) runs there: stop it or choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine has no such address: leave it out, or give the address that an interface has"
	case errors.Is(err, syscall.EACCES):
		hint = "a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE"
	default:
		return fmt.Errorf("relay: %s %s: %w", what, a, err)
	}
	return fmt.Errorf("relay: %s %s: %w (%s)", what, a, err, hint)
}

// Addrs returns the UDP addresses that clients can talk to, with their ports.
func (r *Relay) Addrs() []netip.AddrPort { return slices.Clone(r.addrs) }

// Run serves until ctx ends or a worker breaks down; then it deletes every
// allocation, closes all sockets and links, and waits for its goroutines. The
// error is nil when ctx ended. A Relay runs once.
func (r *Relay) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer r.widen()()
	r.serving.Store(true)
	var workers, helpers sync.WaitGroup
	helpers.Go(r.journal.run)
	helpers.Go(func() { r.bans.run(ctx) })
	for range lookupWorkers {
		helpers.Go(func() { r.lookups.run(ctx) })
	}
	var broken error
	var once sync.Once
	for _, w := range r.workers {
		workers.Go(func() {
			if err := w.run(&r.stop); err != nil {
				once.Do(func() { broken = err })
				cancel()
			}
		})
	}
	helpers.Go(func() {
		<-ctx.Done()
		r.halt()
	})
	workers.Wait()
	cancel()
	close(r.journal.events)
	helpers.Wait()
	r.tell(true)
	return broken
}

// widen gives Go's scheduler as many more processors as there are workers, until
// the returned function is called: a busy worker keeps its own even while it
// sleeps between two packets (see netio), and everything else must not wait for
// it. It makes nothing use more of the machine.
func (r *Relay) widen() (restore func()) {
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + len(r.workers))
	return func() { runtime.GOMAXPROCS(before) }
}

// halt makes the workers end.
func (r *Relay) halt() {
	r.stop.Store(true)
	for _, w := range r.workers {
		w.mailbox.nudge()
	}
}
