package auth

import (
	"testing"
	"time"
)

// R-REST-4-d (draft-uberti-behave-turn-rest, 4): the id alone, in every form of
// a user name; the whole name where there is no time, and one name for all who
// have a time and no id.
func TestQuotaID(t *testing.T) {
	tests := []struct {
		username  string
		separator byte
		want      string
	}{
		{"1700000000:alice", ':', "alice"},
		{"1700000000:alice", 0, "alice"},
		{"alice:1700000000", ':', "alice"},
		{"1700000000|alice", '|', "alice"},
		{"1700000000:alice", '|', "1700000000:alice"},
		{"1700000000:alice:more", ':', "alice:more"},
		{"1700000000:42", ':', "42"},
		{"99999999999999999999:alice", ':', "alice"},
		{"alice", ':', "alice"},
		{"alice:bob", ':', "alice:bob"},
		{"alice:", ':', "alice:"},
		{"1700000000", ':', ""},
		{"1700000000:", ':', ""},
		{":1700000000", ':', ""},
		{"", ':', ""},
	}
	for _, tt := range tests {
		if got := QuotaID(tt.username, tt.separator); got != tt.want {
			t.Errorf("%q with %q: %q, want %q", tt.username, tt.separator, got, tt.want)
		}
	}
}

// R-REST-4-d (draft-uberti-behave-turn-rest, 4): minting again does not open a
// new quota.
func TestQuotaIDSurvivesRenewal(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for _, id := range []string{"alice", "42", "a:b", "x y"} {
		first, _ := REST{}.Mint("north", id, now.Add(time.Hour))
		second, _ := REST{}.Mint("south", id, now.Add(2*time.Hour))
		if QuotaID(first, 0) != id || QuotaID(second, 0) != id {
			t.Errorf("%q: %q and %q", id, QuotaID(first, 0), QuotaID(second, 0))
		}
	}
}
