package auth

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Why a user name is not that of a valid credential; to the client, a 401.
var (
	ErrNotTimed = errors.New("auth: user name without an expiry time")
	ErrExpired  = errors.New("auth: time-limited credential has expired")
	ErrTooFar   = errors.New("auth: time-limited credential expires too far ahead")
)

const defaultSeparator = ':'

// REST reads and mints time-limited credentials (draft-uberti-behave-turn-rest,
// as coturn has it). The user name is an expiry time in seconds since 1970,
// alone or with an id before or behind it.
type REST struct {
	Separator byte // between time and id; 0 is a colon
}

// Parse takes a user name apart. With digits on both sides the left one is the
// time, as in coturn. The errors are ErrNotTimed, and ErrTooFar for a time that
// 32 bits cannot hold (the year 2106).
//
// R-REST-4-a (draft-uberti-behave-turn-rest, 4): the time is digits and nothing
// else, so that no sign, space or wrapped number passes for one in the future.
func (r REST) Parse(username string) (expires time.Time, id string, err error) {
	digits, id, ok := r.split(username)
	if !ok {
		return time.Time{}, "", ErrNotTimed
	}
	seconds, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return time.Time{}, "", ErrTooFar
	}
	return time.Unix(int64(seconds), 0), id, nil
}

// split finds the side that is all digits; id is the other one.
func (r REST) split(username string) (digits, id string, ok bool) {
	left, right, found := strings.Cut(username, string([]byte{r.separator()}))
	switch {
	case allDigits(left):
		return left, right, true
	case found && allDigits(right):
		return right, left, true
	}
	return "", "", false
}

func (r REST) separator() byte {
	if r.Separator == 0 {
		return defaultSeparator
	}
	return r.Separator
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// Password returns the password that belongs to a user name.
//
// R-REST-2-b (draft-uberti-behave-turn-rest, 2): the HMAC-SHA1 of the whole user
// name under the secret, in base64.
func (r REST) Password(secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Mint makes a credential for id, which may be empty. Expires is cut to seconds.
func (r REST) Mint(secret, id string, expires time.Time) (username, password string) {
	username = strconv.FormatInt(expires.Unix(), 10)
	if id != "" {
		username += string([]byte{r.separator()}) + id
	}
	return username, r.Password(secret, username)
}

// Valid says whether the time in a user name lies ahead, the second that it
// names included, but no more than maxTTL; a maxTTL of 0 or less is no limit.
// The errors are ErrNotTimed, ErrExpired and ErrTooFar.
//
// R-REST-4-a (draft-uberti-behave-turn-rest, 4): there is no grace beyond the
// second that has begun.
func (r REST) Valid(username string, now time.Time, maxTTL time.Duration) error {
	expires, _, err := r.Parse(username)
	switch {
	case err != nil:
		return err
	case expires.Unix() < now.Unix():
		return ErrExpired
	case maxTTL > 0 && expires.After(now.Add(maxTTL)):
		return ErrTooFar
	}
	return nil
}
