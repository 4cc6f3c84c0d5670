package interop

import (
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var reflexive = regexp.MustCompile(`(?m)UDP reflexive addr: (\S+):(\d+)$`)

// A Binding request of coturn's STUN client is answered with the address that it
// came from.
func TestStunclient(t *testing.T) {
	t.Parallel()
	s := start(t, "use-auth-secret", "static-auth-secret="+secret)
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			output, err := tool(t, time.Minute, "turnutils_stunclient", "-p", strconv.Itoa(s.port), host)
			if err != nil {
				t.Fatalf("turnutils_stunclient: %v\n%s", err, output)
			}
			got := reflexive.FindStringSubmatch(output)
			if got == nil {
				t.Fatalf("no address:\n%s", output)
			}
			if ip, err := netip.ParseAddr(got[1]); err != nil || ip.String() != host || got[2] == "0" {
				t.Errorf("address %s port %s, want one of %s", got[1], got[2], host)
			}
		})
	}
}
