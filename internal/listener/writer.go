package listener

import (
	"net"
	"sync"
	"time"
)

// corkSize is how much goes into one write to a socket, in bytes: a TLS record
// of the longest kind.
const corkSize = 17 << 10

// corks lends the memory in which writers put messages together. The zero value
// is ready.
type corks struct{ pool sync.Pool }

func (c *corks) take() *[]byte {
	if b, ok := c.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, corkSize)
	return &b
}

// write is the one writer of a connection: it writes what the relay has for the
// client, until the relay or the connection ends. c is raw itself, or TLS on it.
//
// A-X10: a client that does not read makes this goroutine wait and nobody else;
// meanwhile the relay's queue for it overflows, and at the deadline it is given up.
func (l *Listener) write(raw *conn, c net.Conn, k link) {
	var block [][]byte
	var err error
	for {
		if block, err = k.Next(block[:0]); err != nil {
			return
		}
		if err := l.writeBlock(raw, c, block); err != nil {
			l.countLate(err, slowReader)
			return
		}
	}
}

// writeBlock writes messages with few system calls, but each in a TLS record of
// its own: there are clients that take a record for a message.
func (l *Listener) writeBlock(raw *conn, c net.Conn, block [][]byte) error {
	if len(block) > 1 {
		memory := l.corks.take()
		defer l.corks.pool.Put(memory)
		defer raw.cork(nil) // the next to borrow it must not find us there
		raw.cork((*memory)[:0])
	}
	for _, msg := range block {
		if _, err := c.Write(msg); err != nil {
			return err
		}
	}
	return raw.uncork()
}

// trickle gives every write to the socket so much time from now on.
func (c *conn) trickle(patience time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.patience = patience
}

// cork makes writes wait in b until it is full, or uncork is called.
func (c *conn) cork(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = b
}

// uncork writes what waits; nothing waits from then on.
func (c *conn) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.corked
	c.corked = nil
	return c.put(b)
}

// Write writes b, or keeps it until there is more to write.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.corked)+len(b) <= cap(c.corked) {
		c.corked = append(c.corked, b...)
		return len(b), nil
	}
	waiting := c.corked
	c.corked = c.corked[:0]
	if err := c.put(waiting); err != nil {
		return 0, err
	}
	if err := c.put(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// put writes to the socket. A stream has so much time for each write.
func (c *conn) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if c.patience > 0 {
		_ = c.SetWriteDeadline(time.Now().Add(c.patience))
	}
	_, err := c.TCPConn.Write(b)
	return err
}
