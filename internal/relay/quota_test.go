package relay

import (
	"maps"
	"strings"
	"testing"

	"iceserver/internal/turn"
	"pgregory.net/rapid"
)

func TestQuotaLimits(t *testing.T) {
	t.Run("per user", func(t *testing.T) {
		// R-8656-7.2-m (RFC 8656, 7.2): the count is the user's.
		l := newLedger(Quota{PerUser: 2})
		mustCharge(t, l, "a")
		first := mustCharge(t, l, "a")
		refuseCharge(t, l, "a", turn.CauseUserQuota)
		mustCharge(t, l, "b")
		l.release(first)
		mustCharge(t, l, "a")
	})
	t.Run("total", func(t *testing.T) {
		l := newLedger(Quota{Total: 2})
		mustCharge(t, l, "a")
		mustCharge(t, l, "b")
		refuseCharge(t, l, "c", turn.CauseTotalQuota)
	})
	t.Run("the id counts, not the name", func(t *testing.T) {
		// R-REST-4-d (draft-uberti-behave-turn-rest, 4): a credential minted
		// anew has another name and the same id.
		id := func(u string) string { _, id, _ := strings.Cut(u, ":"); return id }
		l := newLedger(Quota{PerUser: 1, ID: id})
		mustCharge(t, l, "1700000000:alice")
		refuseCharge(t, l, "1800000000:alice", turn.CauseUserQuota)
		mustCharge(t, l, "1800000000:bob")
	})
	t.Run("a limit of one's own", func(t *testing.T) {
		// R-8656-7.2-m (RFC 8656, 7.2): by policy, which may differ between users.
		l := newLedger(Quota{PerUser: 2, Limit: func(id string) int { return map[string]int{"guest": 1, "office": 3}[id] }})
		for user, n := range map[string]int{"guest": 1, "alice": 2, "office": 3} {
			for range n {
				mustCharge(t, l, user)
			}
			refuseCharge(t, l, user, turn.CauseUserQuota)
		}
	})
	t.Run("unlimited", func(t *testing.T) {
		l := newLedger(Quota{})
		for range 1000 {
			if c := mustCharge(t, l, "a"); c.bps != 0 {
				t.Fatalf("granted %d, want no limit", c.bps)
			}
		}
	})
}

func TestQuotaBandwidth(t *testing.T) {
	l := newLedger(Quota{MaxBPS: 400, CapacityBPS: 1000})
	var charges []charge
	for _, want := range []uint64{400, 400, 200} {
		c := mustCharge(t, l, "a")
		if c.bps != want {
			t.Fatalf("granted %d bytes/s, want %d", c.bps, want)
		}
		charges = append(charges, c)
	}
	refuseCharge(t, l, "b", turn.CauseBandwidthQuota)
	if _, cause := l.reservation("r", "b"); cause != turn.CauseNone {
		t.Fatalf("a reservation carries nothing yet and needs no bandwidth: %s", cause)
	}
	l.release(charges[0])
	if c := mustCharge(t, l, "b"); c.bps != 400 {
		t.Fatalf("granted %d bytes/s after a release, want 400", c.bps)
	}
}

func TestQuotaRedeemKeepsTheReservationOnRefusal(t *testing.T) {
	l := newLedger(Quota{PerUser: 1})
	held, _ := l.reservation("r", "a")
	mustCharge(t, l, "b")
	if _, cause := l.redeem(held, "r", "b"); cause != turn.CauseUserQuota {
		t.Fatalf("redeemed by a user at the limit: %q", cause)
	}
	refuseCharge(t, l, "a", turn.CauseUserQuota)
	// The owner's own place is the one that the reservation has kept.
	c, cause := l.redeem(held, "r", "a")
	if cause != turn.CauseNone {
		t.Fatalf("the owner cannot redeem: %s", cause)
	}
	l.release(c)
	if a := (account{"r", "a"}); l.total != 1 || l.users[a] != 0 {
		t.Fatalf("total %d and %d for a, want 1 and 0", l.total, l.users[a])
	}
}

// A-A08: a realm's limits are its own, and who is somebody in one is nobody in
// another.
func TestQuotaOfRealms(t *testing.T) {
	l := newLedger(Quota{PerUser: 2, MaxBPS: 100, Realms: map[string]RealmQuota{"s": {PerUser: 1, Total: 2, MaxBPS: 7}}})
	take := func(realm, user string, want turn.Cause) charge {
		t.Helper()
		c, cause := l.allocation(realm, user)
		if cause != want {
			t.Fatalf("%s of %s: %q, want %q", user, realm, cause, want)
		}
		return c
	}
	first := take("s", "a", turn.CauseNone)
	if first.bps != 7 {
		t.Errorf("an allocation in s may carry %d bytes a second, want 7", first.bps)
	}
	take("s", "a", turn.CauseUserQuota)
	for range 2 {
		if c := take("r", "a", turn.CauseNone); c.bps != 100 {
			t.Errorf("an allocation in r may carry %d bytes a second, want 100", c.bps)
		}
	}
	take("s", "b", turn.CauseNone)
	take("s", "c", turn.CauseTotalQuota)
	l.release(first)
	take("s", "c", turn.CauseNone)
	l.configure(Quota{Barred: func(realm, id string) bool { return realm == "s" && id == "d" }})
	take("s", "d", turn.CauseTrafficQuota)
	take("r", "d", turn.CauseNone)
	l.configure(Quota{})
	take("s", "d", turn.CauseNone)
}

// A-D18: whatever happens, the counters are those of the live charges.
func TestQuotaModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Quota{
			PerUser: rapid.IntRange(0, 4).Draw(t, "perUser"), Total: rapid.IntRange(0, 8).Draw(t, "total"),
			MaxBPS:      rapid.Uint64Range(1, 5).Draw(t, "max"),
			CapacityBPS: rapid.Uint64Range(0, 12).Draw(t, "capacity"),
			Realms: map[string]RealmQuota{"s": {
				PerUser: rapid.IntRange(0, 4).Draw(t, "perUser of s"), Total: rapid.IntRange(0, 4).Draw(t, "total of s"),
				MaxBPS: rapid.Uint64Range(0, 5).Draw(t, "max of s"),
			}},
		}
		l := newLedger(q)
		var live []charge
		user := rapid.SampledFrom([]string{"a", "b", "c"})
		realm := rapid.SampledFrom([]string{"r", "s"})
		t.Repeat(map[string]func(*rapid.T){
			"allocate": func(t *rapid.T) {
				if c, cause := l.allocation(realm.Draw(t, "realm"), user.Draw(t, "user")); cause == turn.CauseNone {
					live = append(live, c)
				}
			},
			"reserve": func(t *rapid.T) {
				if c, cause := l.reservation(realm.Draw(t, "realm"), user.Draw(t, "user")); cause == turn.CauseNone {
					live = append(live, c)
				}
			},
			"redeem": func(t *rapid.T) {
				i := pick(t, len(live))
				if live[i].bps == 0 {
					if c, cause := l.redeem(live[i], realm.Draw(t, "realm"), user.Draw(t, "user")); cause == turn.CauseNone {
						live[i] = c
					}
				}
			},
			"release": func(t *rapid.T) {
				i := pick(t, len(live))
				l.release(live[i])
				live = append(live[:i], live[i+1:]...)
			},
			"": func(t *rapid.T) { checkLedger(t, l, live) },
		})
	})
}

func checkLedger(t *rapid.T, l *ledger, live []charge) {
	users := make(map[account]int)
	realms := make(map[string]int)
	var granted uint64
	for _, c := range live {
		users[c.account]++
		realms[c.realm]++
		granted += c.bps
		most := l.limits.PerUser
		if own := l.limits.Realms[c.realm].PerUser; own > 0 {
			most = own
		}
		if most > 0 && users[c.account] > most {
			t.Fatalf("%v holds %d of %d", c.account, users[c.account], most)
		}
	}
	if !maps.Equal(realms, l.realms) {
		t.Fatalf("the realms are counted %v and hold %v", l.realms, realms)
	}
	if most := l.limits.Realms["s"].Total; most > 0 && realms["s"] > most {
		t.Fatalf("realm s holds %d of %d", realms["s"], most)
	}
	if l.total != len(live) || l.granted != granted || len(l.users) != len(users) {
		t.Fatalf("total %d, granted %d, users %v; live are %d with %d, %v",
			l.total, l.granted, l.users, len(live), granted, users)
	}
	for u, n := range users {
		if l.users[u] != n {
			t.Fatalf("%v is counted %d times and holds %d", u, l.users[u], n)
		}
	}
	if q := l.limits; q.CapacityBPS > 0 && granted > q.CapacityBPS || q.Total > 0 && len(live) > q.Total {
		t.Fatalf("granted %d of %d to %d of %d", granted, q.CapacityBPS, len(live), q.Total)
	}
}

// pick draws an index below n, or gives the operation up when there is none.
func pick(t *rapid.T, n int) int {
	if n == 0 {
		t.Skip("nothing there")
	}
	return rapid.IntRange(0, n-1).Draw(t, "which")
}

func mustCharge(t *testing.T, l *ledger, user string) charge {
	t.Helper()
	c, cause := l.allocation("r", user)
	if cause != turn.CauseNone {
		t.Fatalf("%s is refused: %s", user, cause)
	}
	return c
}

func refuseCharge(t *testing.T, l *ledger, user string, want turn.Cause) {
	t.Helper()
	if _, cause := l.allocation("r", user); cause != want {
		t.Fatalf("%s is refused with %q, want %q", user, cause, want)
	}
}
