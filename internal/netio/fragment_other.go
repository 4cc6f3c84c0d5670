//go:build !linux

package netio

// allowFragments has nothing to do: only Linux sets the don't-fragment bit of
// UDP packets by default.
func allowFragments(int, bool) error { return nil }
