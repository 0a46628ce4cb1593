package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// baseline scans the events up to the position, and copies the live rows.
func (r *Runner) baseline(ctx context.Context, all []Projection, until int64, clock *benchClock) error {
	err := clock.timed(func() error {
		_, err := ScanEvents(ctx, r.db, r.log.Connection(), until)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range all {
		version, err := Live(ctx, r.db, r.log.Connection(), p.Name())
		if err != nil {
			return err
		}
		for _, t := range p.Tables() {
			if err := r.copyBare(ctx, t, version, clock); err != nil {
				return fmt.Errorf("copy %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// ScanEvents returns how long it takes to read the events up to the position in order, unopened: what benches compare with.
func ScanEvents(ctx context.Context, db eventstore.DB, connection string, until int64) (time.Duration, error) {
	began := time.Now()
	rows, err := db.Query(ctx, `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
		subject, data, hash FROM event WHERE connection = $1 AND position <= $2 ORDER BY connection, position`,
		connection, until)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var e eventstore.Event
	var id, hash []byte
	var schema int64
	for rows.Next() {
		if err := rows.Scan(&e.Position, &id, &e.Stream, &e.Type, &schema, &e.OccurredAt, &e.RecordedAt, &e.Actor,
			&e.Causation, &e.Subject, &e.Data, &hash); err != nil {
			return 0, err
		}
	}
	return time.Since(began), rows.Err()
}

// benchChunk is the number of rows copied at once.
const benchChunk = 5000

// copyBare copies a version's rows into a table like theirs without a key. The writing is what is timed: in the rebuild
// they came out of memory, so the reading of them does not count.
func (r *Runner) copyBare(ctx context.Context, t Table, version int64, clock *benchClock) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	list, bare := strings.Join(names, ", "), Table{Name: "bench_" + t.Name, Columns: t.Columns}
	for _, ddl := range []string{
		"DROP TABLE IF EXISTS " + bare.Name,
		"CREATE TABLE " + bare.Name + " AS SELECT " + list + " FROM " + t.Name + " WHERE 1 = 0",
	} {
		if _, err := r.db.Exec(ctx, ddl); err != nil {
			return err
		}
	}
	rows, err := r.db.Query(ctx, "SELECT "+list+" FROM "+t.Name+" WHERE connection = $1 AND version = $2",
		r.log.Connection(), version)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	whole, reading := benchClock{cpu: clock.cpu}, benchClock{cpu: clock.cpu}
	err = whole.timed(func() error { return r.copyRows(ctx, bare, rows, &reading) })
	clock.wall, clock.used = clock.wall+whole.wall-reading.wall, clock.used+whole.used-reading.used
	if err != nil {
		return err
	}
	_, err = r.db.Exec(ctx, "DROP TABLE "+bare.Name)
	return err
}

func (r *Runner) copyRows(ctx context.Context, to Table, rows eventstore.Rows, reading *benchClock) error {
	return r.db.InTx(ctx, func(tx eventstore.Tx) error {
		for more := true; more; {
			var chunk [][]any
			if err := reading.timed(func() (err error) {
				chunk, err = nextRows(rows, to.Columns, benchChunk)
				return err
			}); err != nil {
				return err
			}
			if err := tx.Bulk(ctx, to.Op(eventstore.Insert), chunk); err != nil {
				return err
			}
			more = len(chunk) == benchChunk
		}
		return nil
	})
}

// nextRows reads up to limit rows of the columns.
func nextRows(rows eventstore.Rows, columns []eventstore.Column, limit int) (all [][]any, err error) {
	for len(all) < limit && rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i, c := range columns {
			switch c.Kind {
			case eventstore.Int:
				into[i] = new(int64)
			case eventstore.Text:
				into[i] = new(string)
			case eventstore.Bytes:
				into[i] = new([]byte)
			}
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i := range into {
			switch v := into[i].(type) {
			case *int64:
				row[i] = *v
			case *string:
				row[i] = *v
			case *[]byte:
				row[i] = *v
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
