package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// refusedByBrowsers says whether browsers refuse to speak to a port, since another
// protocol lives there that a page could be made to speak: of those below 1024 they
// take three for TURN, of the others not those on the list of the fetch standard.
func refusedByBrowsers(port uint16) bool {
	if port < 1024 {
		return !slices.Contains([]uint16{53, 80, 443}, port)
	}
	return slices.Contains([]uint16{
		1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
	}, port)
}

// checkBrowserPorts looks whether browsers will connect to the listeners at all. It
// says nothing where they will.
//
// A-O13 (NAT slipstreaming): browsers refuse ports of other protocols for TURN and
// for pages; who listens there is told, since to such a client the server is down.
func checkBrowserPorts(_ context.Context, t *Target) []Check {
	var bad []string
	for _, at := range t.listening() {
		if p := fmt.Sprint(at.Port()); refusedByBrowsers(at.Port()) && !slices.Contains(bad, p) {
			bad = append(bad, p)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return []Check{warn("browser ports", fmt.Sprintf("browsers refuse to connect to port %s, which is another protocol's", strings.Join(bad, ", ")),
		"write listening-port=3478 and tls-listening-port=5349 (or 443) to "+t.configuration()+", or any other port from 1024 on that they do not refuse")}
}
