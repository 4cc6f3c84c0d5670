package netns

import (
	"regexp"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// The firewall of the server's own machine, as rules for all its interfaces,
// loopback too, and what the server's test of its own relay has to say of it.
func TestSelfTestSeesTheFirewall(t *testing.T) {
	for _, tt := range []struct{ name, rules, want string }{
		{"none", "", ""},
		{"open", `chain input { type filter hook input priority 0; policy drop;
			ct state established,related accept
			udp dport { 3478, 20000-20099 } accept; }`, ""},
		{"in", `chain input { type filter hook input priority 0; udp dport 20000-20099 drop; }`,
			`did not arrive: let UDP to the ports 20000-20099 through`},
		{"out", `chain output { type filter hook output priority 0; udp sport 20000-20099 drop; }`,
			`did not arrive at \S+: let UDP from the ports 20000-20099 through`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := build(t)
			n.firewall(t, tt.rules)
			s := servertest.Start(t, servertest.Options{
				Conf: strings.Join([]string{
					"listening-ip=" + serverIP, "listening-port=3478", "no-tcp", "no-tls", "realm=test", "user=u:p",
					"min-port=20000", "max-port=20099", "log-file=stdout",
				}, "\n") + "\n",
				Via: []string{"ip", "netns", "exec", n.server},
			})
			log := s.Log()
			failed := regexp.MustCompile(`level=ERROR msg="the test of the own relay failed.*`).FindString(log)
			switch {
			case tt.want == "" && (failed != "" || !strings.Contains(log, "self_test=true")):
				t.Errorf("a relay that works is said to fail:\n%s", log)
			case tt.want != "" && !regexp.MustCompile(tt.want).MatchString(failed):
				t.Errorf("the log has no line about %q:\n%s", tt.want, log)
			}
		})
	}
}

// firewall loads chains of nftables into the server's namespace.
func (n network) firewall(t *testing.T, chains string) {
	t.Helper()
	servertest.Firewall(t, n.server, "table inet firewall {\n"+chains+"\n}\n")
}
