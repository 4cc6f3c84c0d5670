package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"iceserver/internal/turn"
)

// redisServer is a Redis of its own that runs until the test ends.
func redisServer(t *testing.T, port uint16) *redis.Client {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server here")
	}
	c := exec.Command(program, "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--dir", t.TempDir(), "--save", "", "--requirepass", "of-the-test")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	db := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), DB: 3, Password: "of-the-test", DisableIdentity: true})
	t.Cleanup(func() { db.Close() })
	for limit := time.Now().Add(20 * time.Second); db.Ping(t.Context()).Err() != nil; {
		if time.Now().After(limit) {
			t.Fatal("Redis does not come up")
		}
	}
	return db
}

// What a client does is published as coturn publishes it, in the same order, and
// its status is there as long as the allocation is. A database that comes late is
// found.
func TestStatsDatabase(t *testing.T) {
	port := freePort(t)
	r := start(t, load(t, "realm=r\nuser=alice:a-long-password\nno-tls\nno-tcp\nallow-loopback-peers\n"+
		fmt.Sprintf("redis-statsdb=ip=127.0.0.1 port=%d dbname=3 password=of-the-test", port)), Options{})
	r.log.Wait(t, "msg=ready")
	at := r.Addrs().UDP[0]
	// Nobody is there yet: that harms no client, and is told once.
	early := clientOf(t, at, "alice", "a-long-password")
	if _, err := early.allocate(); err != nil {
		t.Fatal(err)
	}
	r.log.Wait(t, "sessions cannot be reported")
	db := redisServer(t, port)
	heard := db.PSubscribe(t.Context(), "turn/realm/r/user/alice/allocation/*")
	defer heard.Close()
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	alice := clientOf(t, at, "alice", "a-long-password")
	carry(t, alice)
	base := ""
	local := alice.conn.LocalAddr().String()
	u := "lifetime=600, type=UDP, local=" + at.String() + ", remote=" + local + ", ssl=NONE, cipher=NONE"
	for _, want := range []struct{ channel, text string }{
		{"/status", "new " + u}, {"/status", "refreshed " + u},
		{"/traffic", "rcvp=2, rcvb=10, sentp=1, sentb=5"}, {"/traffic/peer", "rcvp=1, rcvb=5, sentp=2, sentb=10"},
		{"/status", "deleted"},
		{"/total_traffic", "rcvp=2, rcvb=10, sentp=1, sentb=5"}, {"/total_traffic/peer", "rcvp=1, rcvb=5, sentp=2, sentb=10"},
	} {
		m := hear(t, heard)
		if base == "" {
			base = strings.TrimSuffix(m.Channel, "/status")
		}
		if m.Channel != base+want.channel || m.Payload != want.text {
			t.Errorf("heard %s: %s\nwant %s: %s", m.Channel, m.Payload, base+want.channel, want.text)
		}
	}
	r.log.Wait(t, "sessions are reported again")
	if n := db.Exists(t.Context(), base+"/status").Val(); n != 0 {
		t.Error("the status of an allocation that is gone is still there")
	}
	if strings.Contains(r.log.String(), "of-the-test") {
		t.Error("the password is in the log")
	}
	lasting(t, r, db, heard)
}

// lasting shows that the status of an allocation stays while it lives, with an end
// to it, and goes when the server ends.
func lasting(t *testing.T, r *running, db *redis.Client, heard *redis.PubSub) {
	t.Helper()
	if _, err := clientOf(t, r.Addrs().UDP[0], "alice", "a-long-password").allocate(); err != nil {
		t.Fatal(err)
	}
	key := hear(t, heard).Channel
	left := db.TTL(t.Context(), key).Val()
	if left <= 0 || left > 11*time.Minute {
		t.Errorf("the status lives for %v", left)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if n := db.Exists(t.Context(), key).Val(); n != 0 {
		t.Error("the server is gone and the status is not")
	}
}

// carry relays two datagrams out and one in, and ends the allocation.
func carry(t *testing.T, c *tester) {
	t.Helper()
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	_ = peer.SetDeadline(time.Now().Add(10 * time.Second))
	to := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	res, err := c.allocate()
	if err == nil {
		err = c.permit(to.Addr())
	}
	if err == nil {
		err = c.refresh(600 * time.Second)
	}
	for range 2 {
		c.client.Send(to, []byte("hello"), &c.out)
		if err == nil {
			err = c.flush()
		}
		if _, _, lost := peer.ReadFrom(make([]byte, 10)); lost != nil {
			t.Fatal(lost)
		}
	}
	if err == nil {
		_, err = peer.WriteTo([]byte("hallo"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to.Addr(), res.Relayed.Port())))
	}
	if err == nil {
		err = c.receive(to, []byte("hallo"))
	}
	if err == nil {
		err = c.refresh(0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// receive waits for a datagram of a peer that was sent once, since it counts.
func (t *tester) receive(from netip.AddrPort, data []byte) error {
	for time.Now().Before(t.until) {
		if err := t.exchange(t.until); err != nil {
			return err
		}
		for _, d := range t.out.Data {
			if d.From == from && bytes.Equal(d.Data, data) {
				return nil
			}
		}
		t.out.Data = nil
	}
	return errSilence
}

func (t *tester) refresh(lifetime time.Duration) error {
	_, err := t.request("Refresh", func(now turn.Now, out *turn.ClientOutbox) { t.client.Refresh(now, lifetime, out) })
	return err
}

func hear(t *testing.T, from *redis.PubSub) *redis.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	m, err := from.ReceiveMessage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
