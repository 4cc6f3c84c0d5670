package signaling

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"iceserver/internal/signaling/rooms"
)

// Grant is what a token allows its holder.
type Grant = rooms.Grant

// Tokens decides what a token allows.
type Tokens interface {
	// Grant checks a token. It is called by many goroutines; the text of its
	// error says what is wrong in words of ours, for a log and not for clients.
	Grant(token string, now time.Time) (Grant, error)
}

// Faults of a token. Clients are not told which.
var (
	errTokenMissing   = errors.New("no token")
	errTokenForm      = errors.New("malformed token")
	errTokenSignature = errors.New("wrong signature, key or algorithm")
	errTokenClaims    = errors.New("claims that cannot be read, or no exp")
	errTokenTime      = errors.New("token expired, or not yet valid")
	errTokenAudience  = errors.New("token for another audience")
)

// shortestSecret is the least that a shared secret may have, in bytes: as many as
// the digest (RFC 7518, 3.2).
const shortestSecret = 32

// longestToken bounds the work for a token, in bytes.
const longestToken = 4 << 10

// latest is the last second that a claim may name. Behind it numbers no longer
// fit what they are turned into.
const latest = 1 << 40

// NewSecretTokens checks tokens signed with a shared secret of 32 bytes or more:
// a JSON Web Token with HS256. Its claims: exp (needed), nbf, aud, sub (the user
// id), room (may be opened and joined), open and join (rooms; "*" for all). The
// audience has to be among those that the token names; empty: it names none.
func NewSecretTokens(secret []byte, audience string) (Tokens, error) {
	if len(secret) < shortestSecret {
		return nil, fmt.Errorf("signaling: a token secret needs %d bytes or more", shortestSecret)
	}
	secret = append([]byte(nil), secret...)
	return &tokens{
		audience: audience, algorithms: []jose.SignatureAlgorithm{jose.HS256},
		key: func(jose.Header) any { return secret },
	}, nil
}

// tokens reads tokens and checks them, whatever they are signed with.
type tokens struct {
	audience   string
	algorithms []jose.SignatureAlgorithm
	// key returns what a token with that header must be signed with; nil: no
	// key fits it.
	key func(jose.Header) any
}

// claims are the contents of a token. Names count as they are written, letter by
// letter.
type claims struct {
	Sub  string       `json:"sub"`
	Aud  jwt.Audience `json:"aud"`
	Exp  float64      `json:"exp"`
	Nbf  float64      `json:"nbf"`
	Room string       `json:"room"`
	Open []string     `json:"open"`
	Join []string     `json:"join"`
}

// Grant checks a token and returns what it allows.
func (t *tokens) Grant(token string, now time.Time) (Grant, error) {
	switch {
	case token == "":
		return Grant{}, errTokenMissing
	case len(token) > longestToken || strings.Count(token, ".") != 2:
		return Grant{}, errTokenForm
	}
	// The algorithms are ours to choose: "none", and whatever else the token may
	// claim, does not get as far as a key.
	parsed, err := jwt.ParseSigned(token, t.algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return Grant{}, errTokenForm
	}
	key := t.key(parsed.Headers[0])
	if key == nil {
		return Grant{}, errTokenSignature
	}
	var c claims
	if err := parsed.Claims(key, &c); errors.Is(err, jose.ErrCryptoFailure) {
		return Grant{}, errTokenSignature
	} else if err != nil {
		return Grant{}, errTokenClaims
	}
	return c.grant(t.audience, now)
}

// grant says what the claims allow now to somebody that is meant by them.
//
// A token that names an audience is for nobody else (RFC 7519, 4.1.3): one that
// the same keys have signed for another service opens no rooms here.
func (c *claims) grant(audience string, now time.Time) (Grant, error) {
	switch {
	case c.Exp <= 0 || c.Exp > latest || c.Nbf > latest || c.Nbf < -latest:
		return Grant{}, errTokenClaims
	case audience == "" && len(c.Aud) > 0, audience != "" && !c.Aud.Contains(audience):
		return Grant{}, errTokenAudience
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
