package listener

import (
	"crypto/tls"
	"testing"
	"time"
)

// Handshakes are counted by version, and every counter has a name of its own from
// the start.
func TestStatsByName(t *testing.T) {
	s := serve(t, withEcho)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS13} {
		conn, err := tls.Dial("tcp", s.tls, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	s.counted(t, tls12, 1)
	s.counted(t, tls13, 2)
	if all := s.Stats(); len(all) != int(numCounts) || all["tls-1.3"] != 2 || all["tls-1.2"] != 1 {
		t.Errorf("%d names for %d counters: %v", len(all), numCounts, all)
	}
}

// All certificates that are shown can be asked for; a fallback only while there is
// no other.
func TestShown(t *testing.T) {
	c := selfSigned(t)
	if all := c.Shown(); len(all) != 1 {
		t.Fatalf("%v, want one", all)
	}
	for name, cert := range c.Shown() {
		if until := cert.Leaf.NotAfter; !until.Equal(c.NotAfter()) || until.Before(time.Now()) {
			t.Errorf("%s until %v, want %v", name, until, c.NotAfter())
		}
	}
	if all := new(Certificates).Shown(); len(all) != 0 {
		t.Errorf("without any: %v", all)
	}
}
