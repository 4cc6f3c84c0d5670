package netio

import "testing"

func TestRun(t *testing.T) {
	d := func(id SocketID, df bool) Datagram { return Datagram{Socket: id, DF: df} }
	for _, c := range []struct {
		name string
		out  []Datagram
		want int
	}{
		{"one", []Datagram{d(1, false)}, 1},
		{"same", []Datagram{d(1, false), d(1, false), d(1, false)}, 3},
		{"another socket", []Datagram{d(1, false), d(1, false), d(2, false)}, 2},
		{"don't fragment", []Datagram{d(1, false), d(1, true), d(1, true)}, 1},
		{"don't fragment ends", []Datagram{d(1, true), d(1, true), d(1, false)}, 2},
		{"too many", make([]Datagram, maxRun+1), maxRun},
	} {
		if got := run(c.out); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
