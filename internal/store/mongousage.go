package store

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// mongoUsage is the collection of usage. A document is a row, and its _id the day and
// the user, so that there is one of each without an index of its own. A server
// alone has no transactions: each document knows the batches that were added to it.
const mongoUsage = "iceserver_usage"

// mongoUsageRow is a document of it.
type mongoUsageRow struct {
	Day         string
	Who         string
	Allocations int64
	Seconds     int64
	SentPackets int64 `bson:"sent_packets"`
	SentBytes   int64 `bson:"sent_bytes"`
	RecvPackets int64 `bson:"recv_packets"`
	RecvBytes   int64 `bson:"recv_bytes"`
}

// usage is the row that a document is, or false.
func (d mongoUsageRow) usage() (Usage, bool) {
	realm, user, ok := whose(d.Who)
	return Usage{
		Day: d.Day, Realm: realm, User: user, Allocations: uint64(d.Allocations), Seconds: uint64(d.Seconds),
		SentPackets: uint64(d.SentPackets), SentBytes: uint64(d.SentBytes), RecvPackets: uint64(d.RecvPackets), RecvBytes: uint64(d.RecvBytes),
	}, ok
}

// addUsage implements usageTable, document by document: one that has the batch is
// passed over.
func (m *mongoDatabase) addUsage(ctx context.Context, b usageBatch, oldest string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for _, u := range b.rows {
		of := who(u.Realm, u.User)
		id := bson.D{{Key: "_id", Value: u.Day + " " + of}}
		first := bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "day", Value: u.Day}, {Key: "who", Value: of}}}}
		if err := m.update(ctx, mongoUsage, id, first, true, nil); err != nil {
			return err
		}
		inc := bson.D{}
		for column, n := range u.columns() {
			inc = append(inc, bson.E{Key: column, Value: int64(*n)})
		}
		without := append(id, bson.E{Key: "batches", Value: bson.D{{Key: "$ne", Value: b.id}}})
		change := bson.D{{Key: "$inc", Value: inc}, {Key: "$push", Value: bson.D{{Key: "batches", Value: b.id}}}}
		if err := m.update(ctx, mongoUsage, without, change, false, nil); err != nil {
			return err
		}
	}
	return m.remove(ctx, nil, mongoUsage, bson.D{{Key: "_id", Value: bson.D{{Key: "$lt", Value: oldest}}}})
}

// forgetBatches implements usageTable.
func (m *mongoDatabase) forgetBatches(ctx context.Context, since string, ids []string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for _, id := range ids {
		// Batches of old days are few, and of all others the index of _id helps.
		have := bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: since}}}, {Key: "batches", Value: id}}
		_, err := m.db.Collection(mongoUsage).UpdateMany(ctx, have, bson.D{{Key: "$pull", Value: bson.D{{Key: "batches", Value: id}}}})
		if err != nil {
			return m.fail(err)
		}
	}
	return nil
}

// between is the filter for documents of some days. Behind the day in an _id is a
// blank, which an exclamation mark is the next sign to.
func between(from, to string) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: from}, {Key: "$lt", Value: to + "!"}}}}
}

// findUsage implements usageTable.
func (m *mongoDatabase) findUsage(ctx context.Context, f UsageFilter) ([]Usage, error) {
	found, err := find[mongoUsageRow](ctx, m, mongoUsage, between(f.days()))
	var all []Usage
	for _, d := range found {
		if u, ok := d.usage(); ok && (f.Realm == "" || u.Realm == f.Realm) && (f.User == "" || u.User == f.User) {
			all = append(all, u)
		}
	}
	return all, err
}

// monthUsage implements usageTable, one column after the other: not every server
// that speaks MongoDB's protocol sums up two at a time.
func (m *mongoDatabase) monthUsage(ctx context.Context, month string) ([]Usage, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var all []Usage
	for _, column := range []string{sentColumn, recvColumn} {
		sums, err := m.sums(ctx, month, column)
		if err != nil {
			return nil, err
		}
		all = append(all, sums...)
	}
	return merged(all), nil
}

// sums adds up a column of each user in a month.
func (m *mongoDatabase) sums(ctx context.Context, month, column string) ([]Usage, error) {
	cursor, err := m.db.Collection(mongoUsage).Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: between(month+"-01", month+"-31")}},
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$who"}, {Key: "sum", Value: bson.D{{Key: "$sum", Value: "$" + column}}}}}},
	})
	if err != nil {
		return nil, m.fail(err)
	}
	var found []struct {
		Who string `bson:"_id"`
		Sum int64
	}
	if err := cursor.All(ctx, &found); err != nil {
		return nil, m.fail(err)
	}
	var all []Usage
	for _, d := range found {
		u := Usage{}
		*u.columns()[column] = uint64(d.Sum)
		var ok bool
		if u.Realm, u.User, ok = whose(d.Who); ok {
			all = append(all, u)
		}
	}
	return all, nil
}

// Errors of MongoDB for who may not do something: its own, and that of its service.
const (
	mongoUnauthorized      = 13
	mongoUnauthorizedAtlas = 8000
)

// refuses implements usageTable.
func (m *mongoDatabase) refuses(err error) bool {
	var e mongo.ServerError
	return errors.As(err, &e) && (e.HasErrorCode(mongoUnauthorized) || e.HasErrorCode(mongoUnauthorizedAtlas))
}
