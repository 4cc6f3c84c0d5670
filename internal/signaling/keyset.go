package signaling

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a key set. A provider of identities publishes a handful of keys.
const (
	longestKeySet = 256 << 10 // bytes
	mostKeys      = 64
	shortestRSA   = 2048 // bits
)

// keySet holds public keys by their id, each with the one algorithm that it is
// for.
type keySet map[string]verification

type verification struct {
	algorithm jose.SignatureAlgorithm
	key       any
}

// NewKeyTokens checks tokens signed with a key of a JSON Web Key Set (RFC 7517) of
// at most 256 KiB: the one whose kid the token names, with RS256, ES256 or EdDSA,
// whichever suits the key. The claims are those of NewSecretTokens, and audience
// must not be empty, since such keys sign for more than one. Keys for anything
// else are passed over. The error says why a set cannot be used: it holds no key
// that can, two of one id, or one that must not be in such a file.
func NewKeyTokens(set []byte, audience string) (Tokens, error) {
	if audience == "" {
		return nil, errors.New("signaling: tokens that are checked with keys need an audience")
	}
	keys, err := readKeySet(set)
	if err != nil {
		return nil, fmt.Errorf("signaling: %w", err)
	}
	return &tokens{
		audience: audience, algorithms: []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}, key: keys.find,
	}, nil
}

// find returns the key that a token with this header must be signed with.
//
// The key says which algorithm is right, and the token only has to agree: a public
// key is never taken for a shared secret, nor an RSA key for one of a curve.
func (s keySet) find(h jose.Header) any {
	v, ok := s[h.KeyID]
	if !ok || string(v.algorithm) != h.Algorithm {
		return nil
	}
	return v.key
}

func readKeySet(text []byte) (keySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(text) > longestKeySet {
		return nil, fmt.Errorf("a key set of %d bytes is too long: at most %d are read", len(text), longestKeySet)
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("this is no JSON Web Key Set: %w", err)
	}
	if len(raw.Keys) > mostKeys {
		return nil, fmt.Errorf("a key set of %d keys is too long: at most %d are read", len(raw.Keys), mostKeys)
	}
	set := keySet{}
	for i, one := range raw.Keys {
		if err := set.add(one); err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
	}
	if len(set) == 0 {
		return nil, errors.New("there is no key for RS256, ES256 or EdDSA in the set")
	}
	return set, nil
}

// add takes one key, or passes over what is for other purposes.
func (s keySet) add(raw json.RawMessage) error {
	var k jose.JSONWebKey
	err := json.Unmarshal(raw, &k)
	switch {
	case errors.Is(err, jose.ErrUnsupportedKeyType):
		return nil
	case err != nil:
		// The library's own words may repeat what stands in the file.
		return errors.New("it cannot be read")
	case !k.IsPublic():
		// Whoever can read such a file can sign. That is found out before
		// somebody else does.
		return errors.New("it is a secret or private key: the file is for public keys alone")
	}
	v := verification{algorithm(k.Key), k.Key}
	if v.algorithm == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != string(v.algorithm) {
		return nil
	}
	if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < shortestRSA {
		return fmt.Errorf("its RSA key has %d bits, and %d are the least that is safe", r.N.BitLen(), shortestRSA)
	}
	if _, twice := s[k.KeyID]; twice {
		return fmt.Errorf("there are two with the id %q", clip(k.KeyID))
	}
	s[strings.Clone(k.KeyID)] = v
	return nil
}

// algorithm is the one that a key is for, or empty.
func algorithm(key any) jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return jose.RS256
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256
		}
	case ed25519.PublicKey:
		return jose.EdDSA
	}
	return ""
}
