package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// statsQueue is how many reports wait at most, and statsBatch how many go at a
	// time.
	statsQueue = 8192
	statsBatch = 256
	// statsPatience is how long the last reports may take when a server ends.
	statsPatience = 2 * time.Second
	// statsSlack is how much longer a status is kept than the allocation lives.
	statsSlack = time.Minute
)

// Stats reports allocations to Redis, in coturn's layout below
// turn/realm/REALM/user/NAME/allocation/NUMBER:
//
//	status                               string and channel: new lifetime=..., refreshed lifetime=..., deleted
//	traffic, traffic/peer                channels: rcvp=, rcvb=, sentp=, sentb= since the last time
//	total_traffic, total_traffic/peer    channels: the same of the whole allocation
//
// coturn keeps a status until it deletes it, and deletes those of all servers when
// it starts. Here a status ends with the lifetime of its allocation, so that
// servers can share a database, and one that was killed leaves nothing behind.
type Stats struct {
	redis *redisDatabase
	log   *slog.Logger
	queue chan Stat
	lost  atomic.Uint64
}

// A Stat is one report about an allocation. With a Status it begins or goes on,
// for Lifetime. Otherwise Usage is what it carried since the last report or, with
// Ended, in all.
type Stat struct {
	Realm, User, Session string
	Status               string
	Lifetime             time.Duration
	Ended                bool
	Usage                Usage // its packets and bytes
}

// OpenStats returns the Stats for a connection string as redis-userdb has it. A
// database that is down is no error: it may come.
func OpenStats(where string, log *slog.Logger) (*Stats, error) {
	db, err := openRedis(where)
	if err != nil {
		return nil, err
	}
	return &Stats{redis: db.(*redisDatabase), log: log, queue: make(chan Stat, statsQueue)}, nil
}

// Tell queues a report. It never waits: a report for which there is no room is
// lost.
func (s *Stats) Tell(r Stat) {
	select {
	case s.queue <- r:
	default:
		s.lost.Add(1)
	}
}

// Run reports until ctx ends, and then what still waits. It closes the database.
func (s *Stats) Run(ctx context.Context) {
	defer s.redis.Close()
	t := trouble{log: s.log}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case first := <-s.queue:
			t.note(s.send(context.WithoutCancel(ctx), first), s.lost.Load())
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), statsPatience)
	defer cancel()
	for last.Err() == nil {
		select {
		case first := <-s.queue:
			t.note(s.send(last, first), s.lost.Load())
		default:
			return
		}
	}
}

// send reports one Stat and those that wait behind it, in one go.
func (s *Stats) send(ctx context.Context, first Stat) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.redis.db.Pipelined(ctx, func(p redis.Pipeliner) error {
		first.add(ctx, p)
		for n := min(len(s.queue), statsBatch); n > 0; n-- {
			next := <-s.queue
			next.add(ctx, p)
		}
		return nil
	})
	if err != nil {
		s.lost.Add(1)
	}
	return s.redis.fail(err)
}

// add puts what a report means into a pipeline.
func (r Stat) add(ctx context.Context, p redis.Pipeliner) {
	base := "turn/user/" + r.User + "/allocation/" + r.Session
	if r.Realm != "" {
		base = "turn/realm/" + r.Realm + "/user/" + r.User + "/allocation/" + r.Session
	}
	kind := "/traffic"
	switch {
	case r.Status != "":
		p.Set(ctx, base+"/status", r.Status, r.Lifetime+statsSlack)
		p.Publish(ctx, base+"/status", r.Status)
		return
	case r.Ended:
		p.Del(ctx, base+"/status")
		p.Publish(ctx, base+"/status", "deleted")
		kind = "/total_traffic"
	}
	u := &r.Usage
	p.Publish(ctx, base+kind, traffic(u.SentPackets, u.SentBytes, u.RecvPackets, u.RecvBytes))
	p.Publish(ctx, base+kind+"/peer", traffic(u.RecvPackets, u.RecvBytes, u.SentPackets, u.SentBytes))
}

// traffic is what one side of an allocation saw: what came from there, and what
// went there.
func traffic(rcvp, rcvb, sentp, sentb uint64) string {
	return fmt.Sprintf("rcvp=%d, rcvb=%d, sentp=%d, sentb=%d", rcvp, rcvb, sentp, sentb)
}

// trouble tells the log when reports begin to fail and when they go through
// again, and nothing in between.
type trouble struct {
	log    *slog.Logger
	failed bool
}

func (t *trouble) note(err error, lost uint64) {
	switch {
	case err != nil && !t.failed:
		t.log.Warn("sessions cannot be reported; what is to be reported meanwhile is lost", "error", err)
	case err == nil && t.failed:
		t.log.Info("sessions are reported again", "lost_so_far", lost)
	}
	t.failed = err != nil
}
