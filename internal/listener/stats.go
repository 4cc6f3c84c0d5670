package listener

import "sync/atomic"

// count is something that happens to connections and datagrams and is counted.
type count uint8

const (
	accepted         count = iota // TCP connections let in
	acceptFailed                  // the system had no connection to give (descriptors, memory)
	overTotal                     // closed at once: too many connections in all
	overSource                    // closed at once: too many from this source
	banned                        // closed at once: the source is banned for wrong credentials
	relayBusy                     // closed: the relay takes no more clients
	unrecognised                  // closed: neither STUN nor TLS nor HTTP
	noCertificate                 // closed: TLS on a server without a certificate
	handshakeFailed               // closed: the TLS handshake failed or took too long
	tls12                         // TLS handshakes completed, with version 1.2
	tls13                         // and with version 1.3
	crossProtocol                 // closed: something else than what ALPN had named
	firstLate                     // closed: no whole message in time
	authenticateLate              // closed: no allocation in time
	messageLate                   // closed: a message begun and not ended in time
	frameBroken                   // closed: neither a STUN message nor ChannelData
	frameTooLong                  // closed: a long message before authentication
	slowReader                    // closed: it did not read what was written to it
	toHTTP                        // handed to the HTTP server
	challenged                    // closed: a certificate authority has seen what it looked for
	proxyStranger                 // closed at once: the source may not speak the PROXY protocol
	proxyHeader                   // closed: no PROXY header, or a broken one
	proxyLate                     // closed: no whole PROXY header in time

	dtlsStarted          // associations begun, their address verified
	dtlsEstablished      // handshakes completed
	dtlsFailed           // handshakes failed or too slow
	dtlsChallenged       // HelloVerifyRequest sent, nothing kept
	dtlsHellos           // ClientHello dropped: too many without a cookie from this source
	dtlsOver             // ClientHello dropped: too many associations, in all or of this source
	dtlsBanned           // ClientHello dropped: the source is banned for wrong credentials
	dtlsPlainSTUN        // dropped: STUN without DTLS
	dtlsNotDTLS          // dropped: no DTLS record, or longer than any that is served
	dtlsStranger         // dropped: a record of an association that does not exist
	dtlsHelloBroken      // dropped: a ClientHello that is malformed or in fragments
	dtlsOld              // refused: a ClientHello of DTLS 1.0
	dtlsQueueFull        // dropped: faster than the association is served
	dtlsEpoch            // dropped: a plaintext record after the handshake
	dtlsHandshakeTooLong // dropped: more handshake than any client needs
	dtlsIdle             // closed: silent for too long
	numCounts
)

// String returns the name used in metrics.
func (c count) String() string {
	return [numCounts]string{
		"accepted", "accept-failed", "over-total", "over-source", "banned", "relay-busy", "unrecognised",
		"no-certificate", "handshake-failed", "tls-1.2", "tls-1.3", "cross-protocol", "first-late", "authenticate-late",
		"message-late", "frame-broken", "frame-too-long", "slow-reader", "http", "acme-challenged",
		"proxy-stranger", "proxy-header", "proxy-late",
		"dtls-started", "dtls-established", "dtls-failed", "dtls-challenged", "dtls-hellos",
		"dtls-over", "dtls-banned", "dtls-plain-stun", "dtls-not-dtls", "dtls-stranger", "dtls-hello-broken", "dtls-old", "dtls-queue-full",
		"dtls-epoch", "dtls-handshake-too-long", "dtls-idle",
	}[c]
}

// counters may be used by any goroutine.
type counters [numCounts]atomic.Uint64

func (c *counters) add(what count) { c[what].Add(1) }

// Stats returns how often each of the things that are counted has happened since
// the start, by name; those that never have are there too. It may be called from
// any goroutine.
func (l *Listener) Stats() map[string]uint64 {
	all := make(map[string]uint64, numCounts)
	for i := range l.counts {
		all[count(i).String()] = l.counts[i].Load()
	}
	return all
}
