package auth

// QuotaID returns the name under which a user of time-limited credentials is
// counted; a separator of 0 is a colon. It is the user name itself where there
// is no expiry time. All credentials without an id are one user, whose name is
// empty: no user can be called that.
//
// R-REST-4-d (draft-uberti-behave-turn-rest, 4): the id alone, so that a fresh
// credential does not open a fresh quota; nor does one without an id, whose name
// is another one in every second.
func QuotaID(username string, separator byte) string {
	_, id, ok := REST{Separator: separator}.split(username)
	if !ok {
		return username
	}
	return id
}
