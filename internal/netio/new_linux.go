package netio

func newBest() (Engine, error) { return newMmsg() }
