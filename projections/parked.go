package projections

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/duolog/duolog/eventstore"
)

// textBehind is the error of an event parked only because an earlier one of its key is.
const textBehind = "an earlier event of the same key is parked"

// Parked is an event a projection could not apply, or that waits behind one.
type Parked struct {
	Projection string `json:"projection"`
	Position   int64  `json:"position"`
	Key        string `json:"key"`
	Error      string `json:"error"`
	Attempts   int64  `json:"attempts"`
	ParkedAt   int64  `json:"parked_at"` // µs UTC
}

type parkedRow struct {
	position int64
	key      string
	text     string
	attempts int64
}

var parkedOp = eventstore.BulkOp{
	Mode: eventstore.Upsert, Table: "parked", Key: 4,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "projection", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
		{Name: "position", Kind: eventstore.Int},
		{Name: "key", Kind: eventstore.Text},
		{Name: "error", Kind: eventstore.Text},
		{Name: "attempts", Kind: eventstore.Int},
		{Name: "parked_at", Kind: eventstore.Int},
	},
}

func (r *Runner) insertParked(ctx context.Context, q eventstore.Querier, cp checkpoint, rows []parkedRow) error {
	if len(rows) == 0 {
		return nil
	}
	values, now := make([][]any, len(rows)), r.now()
	for i, p := range rows {
		values[i] = []any{cp.connection, cp.name, cp.version, p.position, p.key, p.text, p.attempts, now}
	}
	return q.Bulk(ctx, parkedOp, values)
}

// park records the event as one that cannot be applied and moves past it.
func (r *Runner) park(ctx context.Context, p Projection, cp *checkpoint, e eventstore.Event, cause error) error {
	row := parkedRow{e.Position, keyOf(p, e), safeText(cause), 1}
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := r.advance(ctx, tx, *cp, e.Position); err != nil {
			return err
		}
		return r.insertParked(ctx, tx, *cp, []parkedRow{row})
	})
	if err != nil {
		return err
	}
	cp.position = e.Position
	r.slog.LogAttrs(ctx, slog.LevelWarn, "event parked", slog.String("projection", p.Name()),
		slog.Int64("position", e.Position), slog.String("type", e.Type), slog.String("error", row.text))
	return nil
}

func parkedKeys(ctx context.Context, q eventstore.Querier, cp checkpoint) (map[string]bool, error) {
	rows, err := q.Query(ctx, `SELECT DISTINCT key FROM parked
		WHERE connection = $1 AND projection = $2 AND version = $3`, cp.connection, cp.name, cp.version)
	keys, err := eventstore.Scan(rows, err, func(rows eventstore.Rows) (string, error) {
		var key string
		err := rows.Scan(&key)
		return key, err
	})
	held := make(map[string]bool, len(keys))
	for _, key := range keys {
		held[key] = true
	}
	return held, err
}

// Parked lists the parked events of the live version, in position order.
func (r *Runner) Parked(ctx context.Context, name string) ([]Parked, error) {
	version, err := Live(ctx, r.db, r.log.Connection(), name)
	if err != nil {
		return nil, err
	}
	return r.listParked(ctx, name, version)
}

func (r *Runner) listParked(ctx context.Context, name string, version int64) ([]Parked, error) {
	rows, err := r.db.Query(ctx, `SELECT position, key, error, attempts, parked_at FROM parked
		WHERE connection = $1 AND projection = $2 AND version = $3
		ORDER BY connection, projection, version, position`, r.log.Connection(), name, version)
	return eventstore.Scan(rows, err, func(rows eventstore.Rows) (Parked, error) {
		p := Parked{Projection: name}
		err := rows.Scan(&p.Position, &p.Key, &p.Error, &p.Attempts, &p.ParkedAt)
		return p, err
	})
}

// RetryParked applies the parked events again, key by key in order; a key stops at its first event that fails again.
// It returns how many events were applied and how many stay parked.
func (r *Runner) RetryParked(ctx context.Context, name string) (applied, left int, err error) {
	p, err := r.named(name)
	if err != nil {
		return 0, 0, err
	}
	cp, err := r.live(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	rows, err := r.listParked(ctx, name, cp.version)
	if err != nil {
		return 0, 0, fmt.Errorf("list parked events: %w", err)
	}
	stuck := map[string]bool{}
	for _, row := range rows {
		if stuck[row.Key] {
			left++
			continue
		}
		ok, err := r.retryOne(ctx, p, cp, row)
		if err != nil {
			return applied, len(rows) - applied, err
		}
		if !ok {
			stuck[row.Key] = true
			left++
			continue
		}
		applied++
	}
	return applied, left, nil
}

// retryOne applies a parked event; false when it failed again, which is counted on its row.
func (r *Runner) retryOne(ctx context.Context, p Projection, cp checkpoint, row Parked) (bool, error) {
	events, err := r.log.Get(ctx, row.Position)
	if err != nil || len(events) != 1 {
		return false, fmt.Errorf("read event %d: %w", row.Position, err)
	}
	err = r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := setState(ctx, tx, cp, stateLive, stateLive); err != nil { // locks the version against its follower
			return err
		}
		gone, err := r.unpark(ctx, tx, cp, row)
		if err != nil || gone {
			return err
		}
		return r.foldNow(ctx, tx, p, cp, undecoded(events))
	})
	if err == nil || notTheirFault(ctx, err) {
		return err == nil, err
	}
	again := parkedRow{row.Position, row.Key, safeText(err), row.Attempts + 1}
	return false, r.insertParked(ctx, r.db, cp, []parkedRow{again})
}

// unpark removes the row; gone when another process did so before, and with it applied the event.
func (r *Runner) unpark(ctx context.Context, q eventstore.Querier, cp checkpoint, row Parked) (gone bool, err error) {
	n, err := q.Exec(ctx, `DELETE FROM parked
		WHERE connection = $1 AND projection = $2 AND version = $3 AND position = $4`,
		cp.connection, cp.name, cp.version, row.Position)
	return n == 0, err
}
