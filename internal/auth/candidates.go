package auth

import "slices"

// Candidates are the long-term keys that a user name may stand for. A time-limited
// credential has one for each shared secret, as its name does not say which secret
// it was made with. None of either kind: there is no such user.
type Candidates struct {
	// Keys let in who knows the password of any of them.
	Keys []Key
	// Expired are of time-limited credentials whose time is over. They let nobody
	// in; who knows the password has been let in before, and guesses nothing.
	Expired []Key
}

// Join returns the candidates of both.
func (c Candidates) Join(d Candidates) Candidates {
	return Candidates{Keys: slices.Concat(c.Keys, d.Keys), Expired: slices.Concat(c.Expired, d.Expired)}
}
