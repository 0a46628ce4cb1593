package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Bench is a rebuild's speed against that of scanning the same events in order, unopened, and copying the rows that
// result into tables without an index.
type Bench struct {
	Events                  int64   `json:"events"`
	EventsPerSecond         float64 `json:"events_per_second"`
	BaselineEventsPerSecond float64 `json:"baseline_events_per_second"`
	Ratio                   float64 `json:"ratio"`
	PeakResident            int64   `json:"peak_resident"` // bytes
}

// BenchOptions of a measurement.
type BenchOptions struct {
	Runs     int                               // rebuilds, and baselines, in turns; the median counts
	Progress func(done, total int64)           // of each rebuild; may be nil
	Watch    func(func() error) (int64, error) // runs what it is given and returns the most memory held, bytes; may be nil
}

// BenchRebuild measures rebuilds of the projection, each followed by a run of the baseline.
func (r *Runner) BenchRebuild(ctx context.Context, name string, o BenchOptions) (Bench, error) {
	p, err := r.named(name)
	if err != nil {
		return Bench{}, err
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Watch == nil {
		o.Watch = func(do func() error) (int64, error) { return 0, do() }
	}
	var b Bench
	var ours, theirs []float64
	r.settle(ctx, "event")
	for range max(o.Runs, 1) {
		took, err := r.benchRun(ctx, p, o, &b)
		if err != nil {
			return b, fmt.Errorf("rebuild %s: %w", name, err)
		}
		bare, err := r.baseline(ctx, p, b.Events)
		if err != nil {
			return b, fmt.Errorf("measure baseline: %w", err)
		}
		ours, theirs = append(ours, rate(b.Events, took)), append(theirs, rate(b.Events, bare))
	}
	b.EventsPerSecond, b.BaselineEventsPerSecond = median(ours), median(theirs)
	if b.BaselineEventsPerSecond > 0 {
		b.Ratio = b.EventsPerSecond / b.BaselineEventsPerSecond
	}
	return b, nil
}

// benchRun rebuilds once. What is left of the version before is removed first, out of the measured time.
func (r *Runner) benchRun(ctx context.Context, p Projection, o BenchOptions, b *Bench) (time.Duration, error) {
	if err := r.removeKept(ctx, p, r.now()); err != nil {
		return 0, err
	}
	for _, t := range p.Tables() {
		r.settle(ctx, t.Name)
	}
	began := time.Now()
	peak, err := o.Watch(func() error {
		began = time.Now()
		return r.fill(ctx, p, func(done, total int64) {
			b.Events = done
			o.Progress(done, total)
		})
	})
	took := time.Since(began)
	b.PeakResident = max(b.PeakResident, peak)
	return took, err
}

// settle leaves a table as if nobody had been there a moment ago. PostgreSQL may refuse the second to some users,
// who then measure a little of what came before.
func (r *Runner) settle(ctx context.Context, table string) {
	if r.db.Backend() == "postgres" {
		_, _ = r.db.Exec(ctx, "VACUUM (ANALYZE) "+table)
		_, _ = r.db.Exec(ctx, "CHECKPOINT")
	}
}

// baseline returns how long it takes to scan the events up to the position and to copy the live rows.
func (r *Runner) baseline(ctx context.Context, p Projection, until int64) (time.Duration, error) {
	took, err := ScanEvents(ctx, r.db, r.log.Connection(), until)
	if err != nil {
		return took, err
	}
	version, err := Live(ctx, r.db, r.log.Connection(), p.Name())
	if err != nil {
		return took, err
	}
	for _, t := range p.Tables() {
		one, err := r.copyBare(ctx, t, version)
		if err != nil {
			return took, fmt.Errorf("copy %s: %w", t.Name, err)
		}
		took += one
	}
	return took, nil
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

// copyBare copies a version's rows into a table like theirs without a key, and returns how long the writing took: in
// the rebuild they came out of memory, so the reading of them does not count.
func (r *Runner) copyBare(ctx context.Context, t Table, version int64) (took time.Duration, err error) {
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
			return 0, err
		}
	}
	rows, err := r.db.Query(ctx, "SELECT "+list+" FROM "+t.Name+" WHERE connection = $1 AND version = $2",
		r.log.Connection(), version)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var reading time.Duration
	began := time.Now()
	err = r.db.InTx(ctx, func(tx eventstore.Tx) error {
		for more := true; more; {
			read := time.Now()
			chunk, err := nextRows(rows, t.Columns, benchChunk)
			reading += time.Since(read)
			if err != nil {
				return err
			}
			if err := tx.Bulk(ctx, bare.Op(eventstore.Insert), chunk); err != nil {
				return err
			}
			more = len(chunk) == benchChunk
		}
		return nil
	})
	took = time.Since(began) - reading
	if err != nil {
		return 0, err
	}
	_, err = r.db.Exec(ctx, "DROP TABLE "+bare.Name)
	return took, err
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

func rate(n int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}

func median(rates []float64) float64 {
	slices.Sort(rates)
	return rates[len(rates)/2]
}
