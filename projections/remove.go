package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// chunk is the number of rows after which a removal commits; rows of one key are not parted.
const chunk = 500

// keepFor is how long the version before the last swap is kept.
const keepFor = 24 * time.Hour

// removeKept removes what is old, and what was kept since before the time, µs.
func (r *Runner) removeKept(ctx context.Context, p Projection, before int64) error {
	_, err := r.db.Exec(ctx, `UPDATE projection SET state = $1
		WHERE connection = $2 AND name = $3 AND state = $4 AND polled_at <= $5`,
		stateOld, r.log.Connection(), p.Name(), stateKept, before)
	if err != nil {
		return err
	}
	return r.removeOld(ctx, p)
}

// removeOld deletes the rows of every retired version in chunks, then the version itself.
func (r *Runner) removeOld(ctx context.Context, p Projection) error {
	all, err := r.versions(ctx, r.db, p.Name())
	if err != nil {
		return err
	}
	for _, cp := range all {
		if cp.state != stateOld {
			continue
		}
		for _, table := range p.Tables() {
			if err := r.removeRows(ctx, table, cp.version); err != nil {
				return err
			}
		}
		if err := r.forget(ctx, cp); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) forget(ctx context.Context, cp checkpoint) error {
	return r.db.InTx(ctx, func(tx eventstore.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM parked WHERE connection = $1 AND projection = $2 AND version = $3`,
			cp.connection, cp.name, cp.version)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM projection
			WHERE connection = $1 AND name = $2 AND version = $3 AND state = $4`,
			cp.connection, cp.name, cp.version, stateOld)
		return err
	})
}

// removeRows walks the table by its key: starting at the first row again after each chunk would pass by all that was
// removed before.
func (r *Runner) removeRows(ctx context.Context, table Table, version int64) error {
	by := table.Columns[2]
	after := lowest(by.Kind)
	for {
		last, found, err := r.boundary(ctx, table.Name, by, version, after)
		if err != nil || !found {
			return err
		}
		_, err = r.db.Exec(ctx, fmt.Sprintf(`DELETE FROM %[1]s
			WHERE connection = $1 AND version = $2 AND %[2]s > $3 AND %[2]s <= $4`, table.Name, by.Name),
			r.log.Connection(), version, after, last)
		if err != nil {
			return err
		}
		after = last
	}
}

// boundary returns the key of the last of the next chunk of rows.
func (r *Runner) boundary(
	ctx context.Context, table string, by eventstore.Column, version int64, after any,
) (last any, found bool, err error) {
	rows, err := r.db.Query(ctx, fmt.Sprintf(`SELECT %[2]s FROM %[1]s
		WHERE connection = $1 AND version = $2 AND %[2]s > $3
		ORDER BY connection, version, %[2]s LIMIT %[3]d`, table, by.Name, chunk),
		r.log.Connection(), version, after)
	keys, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (any, error) { return scanKey(row, by.Kind) })
	if err != nil || len(keys) == 0 {
		return nil, false, err
	}
	return keys[len(keys)-1], true, nil
}

func lowest(kind eventstore.Kind) any {
	switch kind {
	case eventstore.Text:
		return ""
	case eventstore.Bytes:
		return []byte{}
	case eventstore.Int:
	}
	return int64(-1)
}

func scanKey(row eventstore.Rows, kind eventstore.Kind) (any, error) {
	switch kind {
	case eventstore.Text:
		var s string
		err := row.Scan(&s)
		return s, err
	case eventstore.Bytes:
		var b []byte
		err := row.Scan(&b)
		return b, err
	case eventstore.Int:
	}
	return scanInt(row)
}
