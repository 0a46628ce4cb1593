package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Bench is a rebuild's speed against that of storing as many rows of the events' sizes without reading, opening or
// folding anything, in transactions of the same size.
type Bench struct {
	Events                  int64   `json:"events"`
	EventsPerSecond         float64 `json:"events_per_second"`
	BaselineEventsPerSecond float64 `json:"baseline_events_per_second"`
	Ratio                   float64 `json:"ratio"`
}

var benchOp = eventstore.BulkOp{
	Mode: eventstore.Insert, Table: "projection_bench", Key: 3,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
		{Name: "position", Kind: eventstore.Int},
		{Name: "body", Kind: eventstore.Bytes},
	},
}

var benchTable = Table{Name: benchOp.Table, Columns: benchOp.Columns, Key: 3}

// BenchRebuild measures one rebuild of the projection and the baseline, one after the other.
func (r *Runner) BenchRebuild(ctx context.Context, name string, progress func(done, total int64)) (Bench, error) {
	p, err := r.named(name)
	if err != nil {
		return Bench{}, err
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var events int64
	began := time.Now()
	err = r.fill(ctx, p, func(done, total int64) {
		events = done
		progress(done, total)
	})
	took := time.Since(began)
	if err != nil {
		return Bench{}, fmt.Errorf("rebuild %s: %w", name, err)
	}
	if err := r.removeOld(ctx, p); err != nil {
		return Bench{}, fmt.Errorf("remove old rows of %s: %w", name, err)
	}
	baseline, err := r.baseline(ctx, events)
	if err != nil {
		return Bench{}, fmt.Errorf("measure baseline: %w", err)
	}
	b := Bench{Events: events, EventsPerSecond: rate(events, took), BaselineEventsPerSecond: rate(events, baseline)}
	if b.BaselineEventsPerSecond > 0 {
		b.Ratio = b.EventsPerSecond / b.BaselineEventsPerSecond
	}
	return b, nil
}

// baseline stores rows as large as the events' data up to the position, and returns how long the storing took.
func (r *Runner) baseline(ctx context.Context, until int64) (took time.Duration, err error) {
	const version = 0 // of no projection
	if err := r.removeRows(ctx, benchTable, version); err != nil {
		return 0, err
	}
	for at := int64(0); at < until; {
		events, err := r.log.Read(ctx, at, r.page)
		if err != nil || len(events) == 0 {
			return took, err
		}
		rows := make([][]any, len(events))
		for i, e := range events {
			rows[i] = []any{e.Connection, int64(version), e.Position, make([]byte, len(e.Data))}
		}
		began := time.Now()
		err = r.db.InTx(ctx, func(tx eventstore.Tx) error { return tx.Bulk(ctx, benchOp, rows) })
		took += time.Since(began)
		if err != nil {
			return 0, err
		}
		at = events[len(events)-1].Position
	}
	return took, r.removeRows(ctx, benchTable, version)
}

func rate(n int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}
