package store

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// How many connections to a server there may be, how many wait for work, and for
// how long.
const (
	maxConns  = 8
	idleConns = 4
	idleTime  = 5 * time.Minute
	lifeTime  = 30 * time.Minute
)

// pool bounds the connections, and has q asked for the version. Its answer has
// rows of so many columns.
func (s *sqlDatabase) pool(q statement, columns int, exact bool) {
	s.db.SetMaxOpenConns(maxConns)
	s.db.SetMaxIdleConns(idleConns)
	s.db.SetConnMaxIdleTime(idleTime)
	s.db.SetConnMaxLifetime(lifeTime)
	s.watch = watch{exact: exact, state: func(ctx context.Context) (string, error) { return s.state(ctx, q, columns) }}
}

// state puts what q answers into one text.
func (s *sqlDatabase) state(ctx context.Context, q statement, columns int) (string, error) {
	var all strings.Builder
	err := s.query(ctx, q, func(scan func(...any) error) error {
		row := make([]sql.NullString, columns)
		into := make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		err := scan(into...)
		for _, column := range row {
			all.WriteString(column.String + "\n")
		}
		return err
	})
	return all.String(), err
}
