package signaling

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"time"

	"iceserver/internal/signaling/rooms"
)

// Grant is what a token allows its holder.
type Grant = rooms.Grant

// Tokens decides what a token allows.
type Tokens interface {
	// Grant checks a token. It is called by many goroutines; the text of its
	// error is not told to anybody.
	Grant(token string, now time.Time) (Grant, error)
}

// Faults of a token. Clients are not told which.
var (
	errTokenForm      = errors.New("malformed token")
	errTokenSignature = errors.New("wrong signature")
	errTokenTime      = errors.New("token expired, or not yet valid")
)

// shortestSecret is the least that a shared secret may have, in bytes.
const shortestSecret = 16

// longestToken bounds the work for a token, in bytes.
const longestToken = 4 << 10

// NewSecretTokens checks tokens signed with a shared secret: a JSON Web Token
// with HS256. Its claims: exp (needed), nbf, sub (the user id), room (may be
// opened and joined), open and join (rooms; "*" for all).
func NewSecretTokens(secret []byte) (Tokens, error) {
	if len(secret) < shortestSecret {
		return nil, fmt.Errorf("signaling: a token secret needs %d bytes or more", shortestSecret)
	}
	secret = append([]byte(nil), secret...)
	return tokens(func(h tokenHeader, signed, signature []byte) bool {
		mac := hmac.New(sha256.New, secret)
		mac.Write(signed)
		return h.Alg == "HS256" && hmac.Equal(mac.Sum(nil), signature)
	}), nil
}

// NewKeyTokens checks tokens signed with one of several keys, by key id: RS256,
// ES256 or EdDSA, whichever suits the key. Their claims are those of
// NewSecretTokens. The error names a key of another kind.
func NewKeyTokens(keys map[string]crypto.PublicKey) (Tokens, error) {
	keys = maps.Clone(keys)
	for id, k := range keys {
		if algorithm(k) == "" {
			return nil, fmt.Errorf("signaling: key %q is a %T, want RSA, ECDSA P-256 or Ed25519", id, k)
		}
	}
	return tokens(func(h tokenHeader, signed, signature []byte) bool {
		key, ok := keys[h.Kid]
		// The key says which algorithm is right; the token only has to agree.
		return ok && h.Alg == algorithm(key) && verify(key, signed, signature)
	}), nil
}

func algorithm(key crypto.PublicKey) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return "RS256"
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize == 256 {
			return "ES256"
		}
	case ed25519.PublicKey:
		return "EdDSA"
	}
	return ""
}

func verify(key crypto.PublicKey, signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	switch k := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(k, digest[:], r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(k, signed, signature)
	}
	return false
}

// tokens reads a token and leaves the signature to a function.
type tokens func(h tokenHeader, signed, signature []byte) bool

type tokenHeader struct{ Alg, Kid string }

// claims are the contents of a token.
type claims struct {
	Sub  string
	Exp  float64
	Nbf  float64
	Room string
	Open []string
	Join []string
}

// Grant checks a token and returns what it allows.
func (t tokens) Grant(token string, now time.Time) (Grant, error) {
	parts := strings.Split(token, ".")
	if len(token) > longestToken || len(parts) != 3 {
		return Grant{}, errTokenForm
	}
	var h tokenHeader
	var c claims
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &h) {
		return Grant{}, errTokenForm
	}
	if !t(h, []byte(parts[0]+"."+parts[1]), signature) {
		return Grant{}, errTokenSignature
	}
	if !decodePart(parts[1], &c) || c.Exp <= 0 {
		return Grant{}, errTokenForm
	}
	expires := time.Unix(int64(c.Exp), 0)
	if !now.Before(expires) || now.Before(time.Unix(int64(c.Nbf), 0)) {
		return Grant{}, errTokenTime
	}
	if c.Room != "" {
		c.Open, c.Join = append(c.Open, c.Room), append(c.Join, c.Room)
	}
	return Grant{User: c.Sub, Open: c.Open, Join: c.Join, Expires: expires}, nil
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}
