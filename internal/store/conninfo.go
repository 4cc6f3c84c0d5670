package store

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// connectTimeout is how long a connection may take where the connection string
// does not say. A client is answered long before, with an error.
const connectTimeout = 5 * time.Second

// conninfo is a connection string of words that are KEY=VALUE each, the way
// coturn writes those of MySQL and Redis. Nothing quotes a blank.
type conninfo struct {
	kind   Kind
	values map[string]string // by the first of the names that a key has
}

// serverKeys are the keys that both databases have, each with its other names.
func serverKeys() [][]string {
	return [][]string{
		{"host", "ip", "addr", "ipaddr", "hostaddr"}, {"dbname", "db", "database"},
		{"user", "uname", "name", "username"}, {"password", "pwd", "passwd", "secret"},
		{"port", "p"}, {"connect_timeout", "timeout"},
	}
}

// parseConninfo reads a connection string whose keys are those given. Errors
// name a key and never a value: what stands in the wrong place may be a password.
func parseConninfo(kind Kind, text string, keys [][]string) (conninfo, error) {
	c := conninfo{kind: kind, values: map[string]string{}}
	for i, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return c, fmt.Errorf("%s: word %d of the connection string is not KEY=VALUE; a value cannot contain a blank", kind, i+1)
		}
		name := canonical(keys, key)
		if name == "" {
			return c, fmt.Errorf("%s: word %d of the connection string has a key that is unknown; the keys are %s", kind, i+1, firsts(keys))
		}
		c.values[name] = value
	}
	return c, nil
}

// canonical is the first of the names that key is one of, or empty.
func canonical(keys [][]string, key string) string {
	for _, names := range keys {
		for _, n := range names {
			if n == key {
				return names[0]
			}
		}
	}
	return ""
}

func firsts(keys [][]string) string {
	var all []string
	for _, names := range keys {
		all = append(all, names[0])
	}
	return strings.Join(all, ", ")
}

// number reads a key that is a number of at least 0, or otherwise is the default.
func (c conninfo) number(key string, otherwise, limit int) (int, error) {
	text, ok := c.values[key]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%s: %s of the connection string is no number from 0 to %d", c.kind, key, limit)
	}
	return n, nil
}

// seconds reads a timeout; 0 stands for the default.
func (c conninfo) seconds(key string, otherwise time.Duration) (time.Duration, error) {
	n, err := c.number(key, 0, 3600)
	if n == 0 {
		return otherwise, err
	}
	return time.Duration(n) * time.Second, err
}

// flag reads a key that is on or off.
func (c conninfo) flag(key string, otherwise bool) (bool, error) {
	switch strings.ToLower(c.values[key]) {
	case "":
		return otherwise, nil
	case "1", "true", "on", "yes":
		return true, nil
	case "0", "false", "off", "no", "none":
		return false, nil
	case "peer", "required":
		return true, nil
	}
	return false, fmt.Errorf("%s: %s of the connection string is neither 1 nor 0", c.kind, key)
}

// address is the host and the port to connect to; a host that begins with a slash
// is the path of a socket.
func (c conninfo) address(port int) (network, address string, err error) {
	host := c.values["host"]
	if host == "" {
		host = "127.0.0.1"
	}
	if strings.HasPrefix(host, "/") {
		return "unix", host, nil
	}
	n, err := c.number("port", port, 65535)
	if n == 0 {
		n = port
	}
	return "tcp", net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(n)), err
}

// errForm says what a connection string looks like. What is wrong with one is not
// said where that could quote its password.
func errForm(kind Kind, example string) error {
	return fmt.Errorf("%s: the connection string cannot be used; it looks like %s", kind, example)
}

// place names a server and a database on it, for people.
func place(host string, port uint16, database string) string {
	if strings.HasPrefix(host, "/") {
		return host + " " + database
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))) + "/" + database
}
