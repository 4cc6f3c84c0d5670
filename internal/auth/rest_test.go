package auth

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// R-REST-2-b (draft-uberti-behave-turn-rest, 2): against sums made with another
// program; the first is a widely published one.
func TestRESTPassword(t *testing.T) {
	for _, tt := range []struct{ secret, username, want string }{
		{"key", "The quick brown fox jumps over the lazy dog", "3nybhbi3iqa8ino29wqQcBydtNk="},
		{"north", "1700003600:alice", "wjwSXO2ch1B6VaLTLMy2Avn5O9o="},
	} {
		if got := (REST{}).Password(tt.secret, tt.username); got != tt.want {
			t.Errorf("%q under %q: %q, want %q", tt.username, tt.secret, got, tt.want)
		}
	}
}

// R-REST-2-b (draft-uberti-behave-turn-rest, 2): the three forms, with any
// separator. A-A07: digits on both sides, and separators in the id.
func TestRESTParse(t *testing.T) {
	tests := []struct {
		separator byte
		username  string
		seconds   int64
		id        string
	}{
		{0, "1700000000", 1700000000, ""},
		{0, "1700000000:alice", 1700000000, "alice"},
		{0, "alice:1700000000", 1700000000, "alice"},
		{':', "1700000000:alice", 1700000000, "alice"},
		{'|', "1700000000|alice", 1700000000, "alice"},
		{'|', "alice|1700000000", 1700000000, "alice"},
		{'|', "1700000000|a:b", 1700000000, "a:b"},
		{0, "1700000000:42", 1700000000, "42"},
		{0, "1700000000:alice:more", 1700000000, "alice:more"},
		{0, "1700000000:", 1700000000, ""},
		{0, ":1700000000", 1700000000, ""},
		{0, "0", 0, ""},
		{0, "007:bond", 7, "bond"},
		{0, "4294967295", 4294967295, ""},
		{0xe9, "1700000000\xe9x", 1700000000, "x"},
	}
	for _, tt := range tests {
		expires, id, err := REST{Separator: tt.separator}.Parse(tt.username)
		if expires.Unix() != tt.seconds || id != tt.id || err != nil {
			t.Errorf("%q: %d, %q, %v", tt.username, expires.Unix(), id, err)
		}
	}
}

// R-REST-4-a (draft-uberti-behave-turn-rest, 4), A-A07: what looks like a number
// to a careless parser.
func TestRESTParseRefuses(t *testing.T) {
	tests := map[string]error{
		"":                           ErrNotTimed,
		":":                          ErrNotTimed,
		"alice":                      ErrNotTimed,
		"alice:bob":                  ErrNotTimed,
		"alice:":                     ErrNotTimed,
		"alice:more:1700000000":      ErrNotTimed,
		"-1700000000":                ErrNotTimed,
		"-1700000000:alice":          ErrNotTimed,
		"+1700000000:alice":          ErrNotTimed,
		" 1700000000:alice":          ErrNotTimed,
		"1700000000 :alice":          ErrNotTimed,
		"\t1700000000":               ErrNotTimed,
		"1700000000\x00:alice":       ErrNotTimed,
		"0x7fffffff:alice":           ErrNotTimed,
		"1e10:alice":                 ErrNotTimed,
		"1_700_000_000:alice":        ErrNotTimed,
		"1700000000.5:alice":         ErrNotTimed,
		"١٧٠٠٠٠٠٠٠٠:alice":           ErrNotTimed,
		"1700000000|alice":           ErrNotTimed,
		"4294967296:alice":           ErrTooFar, // 2^32, which wraps to 1970
		"4294967296":                 ErrTooFar,
		"6000000000:alice":           ErrTooFar,
		"alice:5994967296":           ErrTooFar, // 2^32 and something that is ahead
		"9223372036854775807:alice":  ErrTooFar,
		"9223372036854775808:alice":  ErrTooFar, // 2^63
		"18446744073709551616:alice": ErrTooFar, // 2^64
		strings.Repeat("9", 500):     ErrTooFar,
	}
	now := time.Unix(1700000000, 0)
	for username, want := range tests {
		expires, id, err := REST{}.Parse(username)
		if !errors.Is(err, want) || !expires.IsZero() || id != "" {
			t.Errorf("Parse(%q): %v, %q, %v", username, expires, id, err)
		}
		if err := (REST{}).Valid(username, now, 0); !errors.Is(err, want) {
			t.Errorf("Valid(%q): %v", username, err)
		}
	}
}

// R-REST-4-a (draft-uberti-behave-turn-rest, 4): in the future, but not further
// than allowed; to the second.
func TestRESTValid(t *testing.T) {
	now := time.Unix(1700000000, 999_000_000)
	tests := []struct {
		username string
		maxTTL   time.Duration
		want     error
	}{
		{"1700000001:alice", 0, nil},
		{"1700000000:alice", 0, nil}, // the second that has begun
		{"1699999999:alice", 0, ErrExpired},
		{"0:alice", 0, ErrExpired},
		{"4294967295:alice", 0, nil},
		{"1700003600:alice", time.Hour, nil},
		{"1700003601:alice", time.Hour, ErrTooFar},
		{"alice:1700003601", time.Hour, ErrTooFar},
		{"4294967295:alice", time.Hour, ErrTooFar},
		{"1699999999:alice", time.Hour, ErrExpired},
		{"1700000001:alice", -time.Hour, nil},
		{"alice", time.Hour, ErrNotTimed},
	}
	for _, tt := range tests {
		if err := (REST{}).Valid(tt.username, now, tt.maxTTL); !errors.Is(err, tt.want) {
			t.Errorf("%q with at most %v: %v, want %v", tt.username, tt.maxTTL, err, tt.want)
		}
	}
}

// What is minted is valid until its time, and has the password that is asked
// for later.
func TestRESTMint(t *testing.T) {
	now := time.Unix(1700000000, 0)
	expires := now.Add(time.Hour)
	for _, tt := range []struct {
		r        REST
		id, want string
	}{
		{REST{}, "alice", "1700003600:alice"},
		{REST{}, "", "1700003600"},
		{REST{}, "a:b:1", "1700003600:a:b:1"},
		{REST{Separator: '.'}, "alice", "1700003600.alice"},
		{REST{Separator: 0xe9}, "x", "1700003600\xe9x"},
	} {
		username, password := tt.r.Mint("north", tt.id, expires)
		if username != tt.want || password != tt.r.Password("north", username) {
			t.Errorf("%q: %q, %q", tt.id, username, password)
		}
		got, id, err := tt.r.Parse(username)
		if !got.Equal(expires) || id != tt.id || err != nil {
			t.Errorf("%q comes back as %v, %q, %v", username, got, id, err)
		}
		if err := tt.r.Valid(username, now, time.Hour); err != nil {
			t.Errorf("%q: %v", username, err)
		}
		if err := tt.r.Valid(username, expires.Add(time.Second), time.Hour); !errors.Is(err, ErrExpired) {
			t.Errorf("%q a second later: %v", username, err)
		}
	}
	_, one := REST{}.Mint("north", "alice", expires)
	_, other := REST{}.Mint("south", "alice", expires)
	if one == other {
		t.Error("the secret does not matter")
	}
}
