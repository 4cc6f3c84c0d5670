// Command mysqllogin lets clients in as MySQL 8 does, by caching_sha2_password,
// and hands their statements to another server: there is none of MySQL 8 to be had
// for the tests of the database. It has a go.mod of its own, since what it needs is
// no part of this program.
//
//	PASSWORD=... mysqllogin BACKEND CERTIFICATE ADDRESS...
//
// The user is turn, for clients and BACKEND. The certificate is made, and its key
// is the one that passwords without TLS are encrypted with.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
)

const user = "turn"

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves on all addresses, each of which remembers by itself who was let in.
func run(backend, file string, addresses []string) error {
	pair, err := certificate(file)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(pair.PrivateKey.(*rsa.PrivateKey).Public())
	if err != nil {
		return err
	}
	public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	ended := make(chan error)
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		s := server.NewServer("8.4.0", mysql.DEFAULT_COLLATION_ID, mysql.AUTH_CACHING_SHA2_PASSWORD, public,
			&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
		go func() { ended <- serve(l, s, backend) }()
	}
	return <-ended
}

// certificate makes one of RSA, and a file of it.
func certificate(file string) (tls.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(file, text, 0o600)
}

func serve(l net.Listener, s *server.Server, backend string) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := session(c, s, backend); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
}

// session is one client's.
func session(c net.Conn, s *server.Server, backend string) error {
	to, err := client.Connect(backend, user, os.Getenv("PASSWORD"), "")
	if err != nil {
		return err
	}
	defer to.Close()
	from, err := s.NewCustomizedConn(c, one{}, &handler{to: to})
	if err != nil {
		return err
	}
	for !from.Closed() {
		if err := from.HandleCommand(); err != nil {
			return nil // the client is gone
		}
	}
	return nil
}

// one is who may log in. It is no provider of the library's, which would not make
// clients exchange keys.
type one struct{}

func (one) CheckUsername(name string) (bool, error) { return name == user, nil }

func (one) GetCredential(name string) (string, bool, error) {
	return os.Getenv("PASSWORD"), name == user, nil
}

// handler hands everything on.
type handler struct {
	server.EmptyHandler
	to *client.Conn
}

// plain is an error as the server can hand it on.
func plain(err error) error {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e
	}
	return err
}

func (h *handler) UseDB(name string) error { return plain(h.to.UseDB(name)) }

func (h *handler) HandleQuery(query string) (*mysql.Result, error) {
	r, err := h.to.Execute(query)
	return r, plain(err)
}

func (h *handler) HandleStmtPrepare(query string) (params, columns int, context any, err error) {
	s, err := h.to.Prepare(query)
	if err != nil {
		return 0, 0, nil, plain(err)
	}
	return s.ParamNum(), s.ColumnNum(), s, nil
}

func (h *handler) HandleStmtExecute(context any, _ string, args []any) (*mysql.Result, error) {
	r, err := context.(*client.Stmt).Execute(args...)
	return r, plain(err)
}

func (h *handler) HandleStmtClose(context any) error { return context.(*client.Stmt).Close() }
