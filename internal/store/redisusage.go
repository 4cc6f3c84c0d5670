package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Usage in Redis. None of coturn's patterns, which all begin with turn/, matches:
//
//	iceserver/usage/days          set of the days that there are
//	iceserver/usage/day/DAY       hash: COLUMN and a user to a number
//	iceserver/usage/month/MONTH   hash: the same for the bytes of a month alone
//	iceserver/usage/batch/NAME    string: a batch that was added
const (
	usageDays  = "iceserver/usage/days"
	usageDay   = "iceserver/usage/day/"
	usageMonth = "iceserver/usage/month/"
	usageNamed = "iceserver/usage/batch/"
)

// The columns whose sums of a month are kept.
const (
	sentColumn = "sent_bytes"
	recvColumn = "recv_bytes"
)

// columns are the numbers of a row by their names.
func (u *Usage) columns() map[string]*uint64 {
	return map[string]*uint64{
		"allocations": &u.Allocations, "seconds": &u.Seconds, "sent_packets": &u.SentPackets, sentColumn: &u.SentBytes,
		"recv_packets": &u.RecvPackets, recvColumn: &u.RecvBytes,
	}
}

// who names a user of a realm in one text, and whose takes it apart. A realm and a
// name may have any sign in them, so the length of the first stands in front.
func who(realm, user string) string { return fmt.Sprintf("%d %s %s", len(realm), realm, user) }

func whose(text string) (realm, user string, ok bool) {
	size, rest, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 || n >= len(rest) || rest[n] != ' ' {
		return "", "", false
	}
	return rest[:n], rest[n+1:], true
}

// addUsage implements usageTable: all of the batch at once.
func (r *redisDatabase) addUsage(ctx context.Context, b usageBatch, oldest string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	old, err := r.db.SMembers(ctx, usageDays).Result()
	if err != nil {
		return r.fail(err)
	}
	old = slices.DeleteFunc(old, func(day string) bool { return day >= oldest })
	name := usageNamed + b.id
	err = r.db.Watch(ctx, func(tx *redis.Tx) error {
		if n, err := tx.Exists(ctx, name).Result(); err != nil || n > 0 {
			return err
		}
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, name, b.rows[0].Day, keptUsage)
			for _, u := range b.rows {
				u.count(ctx, p)
			}
			for _, day := range old {
				p.Del(ctx, usageDay+day)
				p.SRem(ctx, usageDays, day)
				if month := day[:min(len(day), len("2006-01"))]; month < oldest[:len("2006-01")] {
					p.Del(ctx, usageMonth+month)
				}
			}
			return nil
		})
		return err
	}, name)
	// Somebody else has just added the same batch.
	if errors.Is(err, redis.TxFailedErr) {
		return nil
	}
	return r.fail(err)
}

// count puts the adding of a row into a pipeline.
func (u *Usage) count(ctx context.Context, p redis.Pipeliner) {
	p.SAdd(ctx, usageDays, u.Day)
	month := usageMonth + u.Day[:len("2006-01")]
	for column, n := range u.columns() {
		field := column + " " + who(u.Realm, u.User)
		p.HIncrBy(ctx, usageDay+u.Day, field, int64(*n))
		if column == sentColumn || column == recvColumn {
			p.HIncrBy(ctx, month, field, int64(*n))
		}
	}
}

// forgetBatches implements usageTable.
func (r *redisDatabase) forgetBatches(ctx context.Context, _ string, ids []string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = usageNamed + id
	}
	return r.fail(r.db.Del(ctx, keys...).Err())
}

// findUsage implements usageTable.
func (r *redisDatabase) findUsage(ctx context.Context, f UsageFilter) ([]Usage, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	days, err := r.db.SMembers(ctx, usageDays).Result()
	if err != nil {
		return nil, r.fail(err)
	}
	from, to := f.days()
	var all []Usage
	for _, day := range days {
		if day < from || day > to {
			continue
		}
		rows, err := r.usageOf(ctx, usageDay+day, day)
		if err != nil {
			return nil, err
		}
		for _, u := range rows {
			if (f.Realm == "" || u.Realm == f.Realm) && (f.User == "" || u.User == f.User) {
				all = append(all, u)
			}
		}
	}
	return all, nil
}

// usageOf reads a hash of usage. What somebody else wrote into it is left out.
func (r *redisDatabase) usageOf(ctx context.Context, key, day string) ([]Usage, error) {
	fields, err := r.db.HGetAll(ctx, key).Result()
	if err != nil {
		return nil, r.fail(err)
	}
	rows := map[string]*Usage{}
	for field, text := range fields {
		column, of, _ := strings.Cut(field, " ")
		realm, user, ok := whose(of)
		n, err := strconv.ParseUint(text, 10, 64)
		if !ok || err != nil {
			continue
		}
		if rows[of] == nil {
			rows[of] = &Usage{Day: day, Realm: realm, User: user}
		}
		if at := rows[of].columns()[column]; at != nil {
			*at = n
		}
	}
	var all []Usage
	for _, u := range rows {
		all = append(all, *u)
	}
	return all, nil
}

// monthUsage implements usageTable.
func (r *redisDatabase) monthUsage(ctx context.Context, month string) ([]Usage, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return r.usageOf(ctx, usageMonth+month, "")
}

// refuses implements usageTable. A user of Redis may be barred from keys and from
// commands, and a replica or one without memory or disk takes nothing.
func (r *redisDatabase) refuses(err error) bool {
	var e redis.Error
	if !errors.As(err, &e) {
		return false
	}
	return slices.ContainsFunc([]string{"NOPERM", "READONLY", "WRONGTYPE", "EXECABORT", "OOM", "MISCONF"}, func(word string) bool { return strings.Contains(e.Error(), word) })
}
