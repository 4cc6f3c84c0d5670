package store

import (
	"context"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// mongoDatabase is a Database in MongoDB, in coturn's collections:
//
//	turnusers_lt  {realm, name, hmackey}
//	turn_secret   {realm, value}
//	realm         {realm, options: {max-bps, total-quota, user-quota}, origin: [], allowed_peer_ip: [], denied_peer_ip: []}
//	oauth_key     {kid, ikm_key, timestamp, lifetime, as_rs_alg, realm}
//	admin_user    {name, realm, password}
type mongoDatabase struct {
	client *mongo.Client
	db     *mongo.Database
	name   string
	secret string
	watch
}

// mongoDefault is the database where the URI names none.
const mongoDefault = "turn"

// openMongoDB opens a database by a URI of MongoDB.
func openMongoDB(where string) (Database, error) {
	// The library's words quote the URI.
	malformed := errForm(MongoDB, "mongodb://turn:PASSWORD@127.0.0.1/coturn")
	uri, err := connstring.ParseAndValidate(where)
	if err != nil {
		return nil, malformed
	}
	o := options.Client().ApplyURI(where).SetMaxPoolSize(maxConns).SetAppName("iceserver")
	if !uri.ServerSelectionTimeoutSet {
		o.SetServerSelectionTimeout(connectTimeout)
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, malformed
	}
	name := uri.Database
	if name == "" {
		name = mongoDefault
	}
	m := &mongoDatabase{
		client: client, db: client.Database(name), secret: uri.Password,
		name: "mongodb " + strings.Join(uri.Hosts, ",") + "/" + name,
	}
	m.watch = watch{state: m.state}
	return m, nil
}

// String implements Database.
func (m *mongoDatabase) String() string { return m.name }

// Close implements Database.
func (m *mongoDatabase) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	return m.client.Disconnect(ctx)
}

// fail says which database an error is about.
func (m *mongoDatabase) fail(err error) error {
	if err == nil {
		return nil
	}
	return hide(fmt.Errorf("database %s: %w", m.name, err), m.secret)
}

// state is when a replica set was written to last. A server alone does not tell,
// and then only time does.
func (m *mongoDatabase) state(ctx context.Context) (string, error) {
	var hello struct {
		LastWrite bson.Raw `bson:"lastWrite"`
	}
	err := m.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	if err != nil {
		return "", m.fail(err)
	}
	return hello.LastWrite.Lookup("opTime").String(), nil
}

// equal is the filter for documents in which fields have these values. They go
// as values of BSON: none of them can be an operator.
func equal(pairs ...string) bson.D {
	var d bson.D
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i], Value: pairs[i+1]})
	}
	return d
}

// find decodes every document of a collection that matches.
func find[T any](ctx context.Context, m *mongoDatabase, collection string, filter bson.D) ([]T, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if filter == nil {
		filter = bson.D{}
	}
	cursor, err := m.db.Collection(collection).Find(ctx, filter)
	if err != nil {
		return nil, m.fail(err)
	}
	defer cursor.Close(ctx)
	var all []T
	for cursor.Next(ctx) {
		var doc T
		// A document that somebody wrote in another shape harms no other.
		if err := cursor.Decode(&doc); err == nil {
			all = append(all, doc)
		}
	}
	return all, m.fail(cursor.Err())
}

// insert adds a document, or returns exists. The index that coturn's setup makes
// is not relied on: it may be missing.
func (m *mongoDatabase) insert(ctx context.Context, exists error, collection string, filter, more bson.D) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	res, err := m.db.Collection(collection).UpdateOne(ctx, filter,
		bson.D{{Key: "$setOnInsert", Value: append(append(bson.D{}, filter...), more...)}}, options.UpdateOne().SetUpsert(true))
	if err == nil && res.MatchedCount > 0 || mongo.IsDuplicateKeyError(err) {
		return exists
	}
	return m.fail(err)
}

// put replaces fields of a document, which is added if it is missing.
func (m *mongoDatabase) put(ctx context.Context, collection string, filter, fields bson.D) error {
	return m.update(ctx, collection, filter, bson.D{{Key: "$set", Value: fields}}, true, nil)
}

// update changes a document, or returns none if there is none that matches.
func (m *mongoDatabase) update(ctx context.Context, collection string, filter, change bson.D, upsert bool, none error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var res *mongo.UpdateResult
	var err error
	for range 2 { // of two who add the same, one is told that it is there
		res, err = m.db.Collection(collection).UpdateOne(ctx, filter, change, options.UpdateOne().SetUpsert(upsert))
		if !mongo.IsDuplicateKeyError(err) {
			break
		}
	}
	if err == nil && !upsert && res.MatchedCount == 0 {
		return none
	}
	return m.fail(err)
}

// remove deletes a document, or returns none.
func (m *mongoDatabase) remove(ctx context.Context, none error, collection string, filter bson.D) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	res, err := m.db.Collection(collection).DeleteMany(ctx, filter)
	if err == nil && res.DeletedCount == 0 {
		return none
	}
	return m.fail(err)
}
