package auth

import (
	"strings"
	"testing"
)

// R-8489-14.3-b, R-8489-14.9-b (RFC 8489, 14.3 and 14.9): spellings that look the
// same become the same bytes; case and compatibility forms stay what they are, and
// what the profile forbids is no name, told without the text itself.
func TestOpaqueString(t *testing.T) {
	for in, want := range map[string]string{
		"alice": "alice", "Alice": "Alice", " a~": " a~", "caf\u00e9": "caf\u00e9", "cafe\u0301": "caf\u00e9",
		"a\u00a0b": "a b", "a\u3000b": "a b", "\u2168": "\u2168", "1700000000:cafe\u0301": "1700000000:caf\u00e9",
	} {
		if got, err := OpaqueString(in); got != want || err != nil {
			t.Errorf("%+q becomes %+q, %v; want %+q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "\xff\xfe", "secret\xff", "secret\x00", "sec\nret", "sec\x7fret", "secret\u202e"} {
		got, err := OpaqueString(in)
		if err == nil || got != "" || strings.Contains(err.Error(), "sec") {
			t.Errorf("%+q becomes %+q, %v", in, got, err)
		}
	}
}

// A name of plain ASCII, as nearly all are, costs no memory.
func TestOpaqueStringAllocatesNothing(t *testing.T) {
	name := strings.Repeat("1700000000:alice@example.org ", 4)
	if n := testing.AllocsPerRun(1000, func() { _, _ = OpaqueString(name) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzOpaqueString: what is prepared is prepared once and for all, and ASCII is
// what the library makes of it too.
func FuzzOpaqueString(f *testing.F) {
	f.Add("alice")
	f.Add("cafe\u0301 \u00a0")
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, s string) {
		once, err := OpaqueString(s)
		if err != nil {
			return
		}
		if twice, err := OpaqueString(once); twice != once || err != nil {
			t.Fatalf("%+q becomes %+q and then %+q, %v", s, once, twice, err)
		}
	})
}
