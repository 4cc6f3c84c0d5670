package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"iceserver/internal/config"
)

// greeting is what a start prints on standard output, as JSON and as text.
type greeting struct {
	Host       string      `json:"host"`
	Realm      string      `json:"realm"`
	ICEServers []ICEServer `json:"iceServers"`
	// RTCMultiConnection is the line for pages that use it.
	RTCMultiConnection string     `json:"rtcMultiConnection"`
	Ports              []openPort `json:"ports"`
	Addresses          Addrs      `json:"addresses"`
	DataDir            string     `json:"dataDir,omitempty"`
	Database           string     `json:"database,omitempty"`
	Certificate        string     `json:"certificate,omitempty"`
	Fingerprint        string     `json:"fingerprint,omitempty"`
	// Pages are the addresses of the first page, and Links those of the test page
	// with a key, which is there to be seen this once.
	Pages []string `json:"pages,omitempty"`
	Links []string `json:"links,omitempty"`
	// Doctor is the command that says what is wrong, if anything is.
	Doctor string `json:"doctor"`
	// LinkCommand makes a further key.
	LinkCommand string `json:"linkCommand,omitempty"`
	// Credentials is the command that prints short-lived credentials; empty
	// where there are none.
	Credentials string   `json:"credentials,omitempty"`
	Notes       []string `json:"notes,omitempty"`
}

// openPort is a range of ports that a firewall has to let in.
type openPort struct {
	Protocol string `json:"protocol"` // "udp" or "tcp"
	From     uint16 `json:"from"`
	To       uint16 `json:"to"`
	Use      string `json:"use"`
}

// ports lists what has to be open from outside.
func (s *Server) ports() []openPort {
	c := s.cfg()
	var out []openPort
	add := func(on bool, protocol string, from, to uint16, use string) {
		if on {
			out = append(out, openPort{protocol, from, to, use})
		}
	}
	add(!c.NoUDP, "udp", c.ListeningPort, c.ListeningPort, "STUN and TURN")
	add(!c.NoTCP, "tcp", c.ListeningPort, c.ListeningPort, "TURN")
	for _, port := range auxPorts(c) {
		add(!c.NoUDP, "udp", port, port, "STUN and TURN")
		add(!c.NoTCP, "tcp", port, port, "TURN")
	}
	tls := "TURN over TLS"
	if s.served().mode == webOn && c.WebPort == 0 {
		tls += ", pages"
	}
	add(!c.NoTLS, "tcp", c.TLSListeningPort, c.TLSListeningPort, tls)
	add(balanced(c), "tcp", c.TCPProxyPort, c.TCPProxyPort, "TURN, for the load balancers of tcp-proxy-source alone")
	add(s.served().mode == webOn && c.WebPort != 0, "tcp", c.WebPort, c.WebPort, "pages")
	add(c.DTLS, "udp", c.TLSListeningPort, c.TLSListeningPort, "TURN over DTLS")
	add(!c.STUNOnly, "udp", c.MinPort, c.MaxPort, "relayed media")
	return out
}

// auxPorts are the ports of aux-server that the list has not yet, each once.
func auxPorts(c *config.Config) []uint16 {
	var ports []uint16
	for _, a := range c.AuxServers {
		if a.Port() != c.ListeningPort && !a.Addr().IsLoopback() {
			ports = append(ports, a.Port())
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// balanced says whether load balancers come from other machines.
func balanced(c *config.Config) bool {
	return c.TCPProxyPort != 0 && slices.ContainsFunc(c.TCPProxySources, func(p netip.Prefix) bool { return !p.Addr().IsLoopback() })
}

// greet collects what to print.
func (s *Server) greet(now time.Time) greeting {
	username, credential, works := s.access().account(s.cfg(), now)
	host := s.place().host()
	g := greeting{
		Host: host.String(), Realm: s.access().realm,
		ICEServers: iceServers(s.cfg(), host.String(), username, credential),
		Ports:      s.ports(), Addresses: s.Addrs(),
		Database: s.access().database, Certificate: s.certFile,
	}
	// A line that can be pasted as it is, quotes and all.
	array, _ := json.Marshal(g.ICEServers) // strings only: it cannot fail
	g.RTCMultiConnection = "connection.iceServers = " + string(array) + ";"
	if s.access().kept != nil {
		g.DataDir = s.access().kept.dir
	}
	if s.certFile != "" {
		g.Fingerprint = fingerprint(s.certFile)
	}
	g.Doctor = s.command("doctor")
	g.Credentials = s.credentialsCommand()
	s.greetPages(&g)
	g.Notes = s.notes(works)
	return g
}

// credentialsCommand is the command line that finds this very server.
func (s *Server) credentialsCommand() string {
	if s.cfg().NoAuth || s.cfg().STUNOnly || len(s.access().secrets) == 0 {
		return ""
	}
	return s.command("credentials") + " --user NAME --ttl 1h"
}

// command is a command line that finds this very server.
func (s *Server) command(words string) string { return s.o.commandLine(words, s.cfg()) }

func (o Options) commandLine(words string, cfg *config.Config) string {
	line := "iceserver " + words
	if o.ConfigFile != "" {
		line += " -c " + o.ConfigFile
	}
	if cfg.DataDir != "" {
		line += " --data-dir " + cfg.DataDir
	}
	return line
}

// greetPages adds where the pages are.
func (s *Server) greetPages(g *greeting) {
	if !s.served().on() {
		return
	}
	g.Pages = s.pageURLs()
	g.LinkCommand = s.command("link add")
	if s.web.firstKey != "" {
		g.Links = withKey(g.Pages, s.web.firstKey)
	}
}

// notes are the sentences that name the classic mistakes before they are made:
// a certificate that browsers refuse, the wrong address behind a NAT.
func (s *Server) notes(works bool) []string {
	var out []string
	note := func(on bool, text string) {
		if on {
			out = append(out, text)
		}
	}
	note(!works, "Passwords of the configuration are not printed: put yours in.")
	note(s.cfg().NoAuth, "no-auth: everybody may send through this server.")
	issuing := len(s.cfg().ACMEDomains) > 0
	own := !s.cfg().NoTLS && len(s.cfg().CertFiles) == 0 && selfIssued(s.certs.Leaf())
	note(own && !issuing, "The certificate is self-signed: browsers refuse turns: until cert and pkey name one that they trust, or acme-domain has one issued.")
	note(own && issuing, "The certificate is self-signed: browsers refuse turns: until the authority has issued one, which the log will say.")
	host := s.place().host()
	switch {
	case host.IsLoopback():
		note(true, "Only this machine can reach the server.")
	case !public(host):
		note(true, fmt.Sprintf("%v is not a public address: clients elsewhere need the public one; set external-ip to it.", host))
	}
	for _, n := range s.place().lan {
		note(true, fmt.Sprintf("Peers in %v are allowed, since this server relays from inside that network.", n))
	}
	return out
}

// print writes the greeting for people or for programs.
func (g greeting) print(w io.Writer, asJSON bool) error {
	if asJSON {
		// People read this too: indented, and & stays &.
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(g)
	}
	_, err := io.WriteString(w, g.text())
	return err
}

func (g greeting) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("For your page:")
	line("")
	line("  const iceServers = %s;", indented(g.ICEServers))
	line("")
	line("For RTCMultiConnection:")
	line("")
	line("  %s", g.RTCMultiConnection)
	line("")
	if g.Credentials != "" {
		line("For short-lived credentials: %s", g.Credentials)
		line("")
	}
	g.pagesText(line)
	line("Ports to open in the firewall, the cloud's included:")
	line("")
	for _, p := range g.Ports {
		line("  %-4s %-12s %s", p.Protocol, p.span(), p.Use)
	}
	line("")
	for _, kept := range [][2]string{
		{"Kept in", g.DataDir}, {"Users in", g.Database}, {"Certificate", g.Certificate}, {"SHA-256", g.Fingerprint},
	} {
		if kept[1] != "" {
			line("%-12s %s", kept[0], kept[1])
		}
	}
	for _, n := range g.Notes {
		line("Note: %s", n)
	}
	line("If a call does not get through: %s", g.Doctor)
	return b.String()
}

// pagesText writes where the pages are.
func (g greeting) pagesText(line func(format string, args ...any)) {
	if len(g.Pages) == 0 {
		return
	}
	line("Pages (for others than this machine over HTTPS):")
	line("")
	for _, p := range g.Pages {
		line("  %s", p)
	}
	line("")
	if len(g.Links) > 0 {
		line("Test page and demos with a key to this relay, shown this once:")
		line("")
		for _, l := range g.Links {
			line("  %s", l)
		}
		line("")
	}
	line("For a link to somebody: %s", g.LinkCommand)
	line("")
}

// span writes a port or a range of ports.
func (p openPort) span() string {
	if p.From == p.To {
		return fmt.Sprint(p.From)
	}
	return fmt.Sprintf("%d-%d", p.From, p.To)
}

// indented is the array as it goes into a page, below an indent of two.
func indented(servers []ICEServer) string {
	text, _ := json.MarshalIndent(servers, "  ", "  ") // strings only: it cannot fail
	return string(text)
}
