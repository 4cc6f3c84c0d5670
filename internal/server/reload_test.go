package server

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/relay"
	"iceserver/internal/store"
	"iceserver/internal/stun"
	"iceserver/test/servertest"
)

// Who asks for a reload while the server still tests itself, as a signal may, gets
// it once that is over.
func TestReloadWhileStarting(t *testing.T) {
	cfg := load(t, "realm=r\nuser=alice:a-long-password\nno-tls")
	next := *cfg
	next.UserQuota = 7
	s, err := New(cfg, Options{Stdout: new(servertest.Log), Stderr: new(servertest.Log), Load: func() (*config.Config, error) { return &next, nil }})
	if err != nil {
		t.Fatal(err)
	}
	asked, done := make(chan struct{}), make(chan error, 1)
	go func() {
		close(asked)
		_, err := s.Reload()
		done <- err
	}()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if err := <-done; err != nil || s.settings().Quota.PerUser != 7 {
		t.Errorf("%v, and users may have %d allocations", err, s.settings().Quota.PerUser)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What is refused changes nothing, whichever part refuses it.
func TestReloadAllOrNothing(t *testing.T) {
	r := start(t, load(t, "realm=r\nuser=alice:a-long-password\nno-tls\nweb=on\nweb-origin=https://a.example"), Options{})
	r.log.Wait(t, "msg=ready")
	before := r.setup.Load()
	for _, spoil := range []func(*setup, *config.Config){
		func(_ *setup, c *config.Config) { c.WebOrigins = []string{"no origin"} },
		func(x *setup, c *config.Config) {
			c.WebOrigins = []string{"https://b.example"}
			p := *x.place
			p.relays = []relay.RelayAddr{{Local: netip.MustParseAddr("127.0.0.9")}}
			x.place = &p
		},
	} {
		err := r.change(func(x *setup) error {
			c := *x.cfg
			x.keys, x.cfg = store.NewKeys(store.KeysOptions{}), &c
			spoil(x, &c)
			return nil
		})
		if err == nil || r.setup.Load() != before {
			t.Fatalf("%v, and the setup is another one: %v", err, r.setup.Load() != before)
		}
		if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password").allocate(); err != nil {
			t.Errorf("the relay goes by a setup that was refused: %v", err)
		}
		for origin, want := range map[string]bool{"https://a.example": true, "https://b.example": false} {
			if got := pollFrom(t, r, origin); got != want {
				t.Errorf("a page of %s may use signaling: %v", origin, got)
			}
		}
	}
}

// pollFrom says whether a page of an origin is let into signaling.
func pollFrom(t *testing.T, r *running, origin string) bool {
	t.Helper()
	c, err := net.Dial("tcp", r.Addrs().TCP[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	text := "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: " + r.Addrs().TCP[0].String() + "\r\nOrigin: " + origin + "\r\n\r\n"
	answer := make([]byte, 12)
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(answer); err != nil {
		t.Fatal(err)
	}
	return strings.HasSuffix(string(answer), " 200")
}

// Credentials of links are made and understood with the separator of now.
func TestReloadSeparator(t *testing.T) {
	cfg := load(t, "realm=r\nuser=alice:a-long-password\nno-tls\nweb=on\nweb-anonymous-credentials")
	next := *cfg
	next.RESTSeparator = '|'
	r := start(t, cfg, Options{Load: func() (*config.Config, error) { return &next, nil }})
	r.log.Wait(t, "msg=ready")
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	for id := range r.served().holders.known {
		name, password := auth.REST{Separator: '|'}.Mint(r.served().holders.secret, id, time.Now().Add(time.Hour))
		if keys, _ := r.setup.Load().keys.Known(time.Now(), "r", name); len(keys.Keys) != 1 {
			t.Errorf("%s with %s is not let in", name, password)
		}
		return
	}
	t.Error("there is no link")
}

// stunServer answers every request with an address, whatever it is.
func stunServer(t *testing.T, says netip.AddrPort) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		in := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(in)
			if err != nil {
				return
			}
			m, err := stun.Parse(in[:n])
			if err != nil {
				continue
			}
			b := stun.NewBuilder(nil, m.Method, stun.ClassSuccess, m.ID)
			b.AddXORAddress(stun.AttrXORMappedAddress, says)
			_, _ = c.WriteTo(b.Bytes(), from)
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return c.LocalAddr().String()
}

// Of what a STUN server answers only an address of the world is taken, of the
// family that was asked about.
func TestFindBySTUN(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	for says, good := range map[string]bool{
		"198.41.1.9:4000": true, "127.0.0.1:4000": true, // its own
		"127.0.0.2:4000": false, "0.0.0.0:4000": false, "10.1.2.3:4000": false, "224.0.0.1:4000": false,
		"255.255.255.255:4000": false, "[2a00::1]:4000": false, "[::1]:4000": false,
	} {
		at := netip.MustParseAddrPort(says)
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			a, _, err := (&finder{stun: stunServer(t, at)}).find(t.Context(), local)
			if good && (err != nil || a != at.Addr()) || !good && err == nil {
				t.Errorf("found %v, %v", a, err)
			}
		})
	}
}
