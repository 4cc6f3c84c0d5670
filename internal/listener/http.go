package listener

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// httpServer serves the connections that turned out to speak HTTP.
type httpServer struct {
	server  *http.Server
	handler atomic.Pointer[http.Handler] // answers what comes from now on
	conns   chan net.Conn
	// open are the connections that the server has and that nobody hijacked.
	open sync.WaitGroup
	// patience is how long handlers may take to end once they should.
	patience time.Duration
	log      *slog.Logger
}

// withChallenges puts the answers to certificate authorities in front of a
// handler; either may be missing, and a handler that is means a short 404. They
// come before all that pages know of names and rights, since an authority asks
// for names that no certificate is there for yet.
func withChallenges(handler, challenges http.Handler) http.Handler {
	if handler == nil {
		handler = http.HandlerFunc(nothingHere)
	}
	if challenges == nil {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
			challenges.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// newHTTPServer makes a server, which needs a handler before it serves.
//
// A-C04, A-X09, H-14: a request has its deadlines, and a header its bounds.
func newHTTPServer(limits Limits, l *slog.Logger) *httpServer {
	h := &httpServer{conns: make(chan net.Conn), patience: 5 * time.Second, log: l}
	h.server = &http.Server{
		Handler:           oneLength(h.current()),
		ReadHeaderTimeout: min(5*time.Second, limits.Message),
		ReadTimeout:       15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ConnState:         h.track,
		// It writes a line for every client that behaves badly.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return h
}

// answer has requests answered as options want it from now on.
func (h *httpServer) answer(o Options) { h.handler.Store(new(withChallenges(o.HTTP, o.Challenges))) }

// current answers by the handler of the moment.
func (h *httpServer) current() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h.handler.Load()).ServeHTTP(w, r) })
}

// nothingHere answers on a server without pages.
func nothingHere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "This is a STUN and TURN server. There are no pages here.\n")
}

// oneLength lets a connection end with a request whose body came in chunks. Whether
// such a request had a length as well cannot be seen here any more, and a proxy that
// went by that would take what follows for another request.
//
// H-14: nothing follows, so a mix of the two smuggles nothing in.
func oneLength(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}

// serve runs the HTTP server until ctx ends, then closes what it still has and
// waits for it, but not for ever: a handler that hangs is left behind, since it
// must not keep the whole server from its end.
func (h *httpServer) serve(ctx context.Context) {
	h.server.BaseContext = func(net.Listener) context.Context { return ctx }
	stop := context.AfterFunc(ctx, func() { h.server.Close() })
	defer stop()
	_ = h.server.Serve(handed{ctx: ctx, conns: h.conns}) // always ErrServerClosed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.open.Wait()
	}()
	limit := time.NewTimer(h.patience)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		h.log.Warn("an HTTP request does not end: it is left behind", "waited", h.patience)
	}
}

// serveHTTP hands a connection, raw itself or TLS on it, to the HTTP server,
// which owns it from here on. A response may take as long as it needs, and a
// client that stops reading it may not.
func (l *Listener) serveHTTP(ctx context.Context, raw *conn, c net.Conn) {
	l.counts.add(toHTTP)
	_ = raw.SetDeadline(time.Time{})
	raw.trickle(l.limits.Write)
	select {
	case l.http.conns <- c:
	case <-ctx.Done():
		c.Close()
	}
}

func (h *httpServer) track(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		h.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		h.open.Done()
	}
}

// handed is the net.Listener whose connections are those handed over.
type handed struct {
	ctx   context.Context
	conns chan net.Conn
}

// Accept waits for the next connection.
func (h handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close does nothing: Accept ends with the context.
func (h handed) Close() error { return nil }

// Addr is asked for by http.Server, and told to nobody.
func (h handed) Addr() net.Addr { return &net.TCPAddr{} }
