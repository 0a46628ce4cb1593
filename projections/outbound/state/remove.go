package state

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// tables are a version's, each with the column after connection and version in its primary key.
var tables = []struct {
	name, key string
	lowest    any
}{
	{"outbound_record", "record", ""}, {"outbound_contact", "contact", ""}, {"outbound_key", "key", []byte{}},
}

// chunk is the number of rows after which a removal commits.
const chunk = 500

// removeOld deletes every version before one that is not live, rows first.
func (r Rebuilder) removeOld(ctx context.Context, before int64) error {
	rows, err := r.DB.Query(ctx, `SELECT version FROM outbound WHERE connection = $1 AND live = 0 AND version < $2
		ORDER BY connection, version`, r.Log.Connection(), before)
	versions, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (int64, error) {
		var v int64
		return v, r.Scan(&v)
	})
	if err != nil {
		return err
	}
	for _, v := range versions {
		for _, t := range tables {
			if err := r.removeRows(ctx, t.name, t.key, t.lowest, v); err != nil {
				return fmt.Errorf("version %d: %w", v, err)
			}
		}
		if _, err := r.DB.Exec(ctx, "DELETE FROM outbound WHERE connection = $1 AND version = $2 AND live = 0",
			r.Log.Connection(), v); err != nil {
			return fmt.Errorf("version %d: %w", v, err)
		}
	}
	return nil
}

// removeRows walks the table by its key: starting at the first row again after each chunk would pass by all that was
// removed before.
func (r Rebuilder) removeRows(ctx context.Context, table, key string, after any, version int64) error {
	for {
		rows, err := r.DB.Query(ctx, fmt.Sprintf(`SELECT %[2]s FROM %[1]s WHERE connection = $1 AND version = $2
			AND %[2]s > $3 ORDER BY connection, version, %[2]s LIMIT %[3]d`, table, key, chunk),
			r.Log.Connection(), version, after)
		keys, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (any, error) { return scanLike(row, after) })
		if err != nil || len(keys) == 0 {
			return err
		}
		last := keys[len(keys)-1]
		if _, err := r.DB.Exec(ctx, fmt.Sprintf(`DELETE FROM %[1]s WHERE connection = $1 AND version = $2
			AND %[2]s > $3 AND %[2]s <= $4`, table, key), r.Log.Connection(), version, after, last); err != nil {
			return err
		}
		after = last
	}
}

// scanLike reads a key of the same type as another.
func scanLike(row eventstore.Rows, other any) (any, error) {
	if _, text := other.(string); text {
		var s string
		err := row.Scan(&s)
		return s, err
	}
	var b []byte
	err := row.Scan(&b)
	return b, err
}
