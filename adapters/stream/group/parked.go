package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// ErrNotParked: the event is not parked there.
var ErrNotParked = errors.New("not parked")

// Parked is an event that a consumer could not handle, put aside while its neighbours go on.
type Parked struct {
	Position  int64     `json:"position"`
	Partition int       `json:"partition"`
	Reason    string    `json:"reason"`
	Attempts  int       `json:"attempts"`
	Again     bool      `json:"again"` // it is to be delivered once more
	At        time.Time `json:"at"`
}

// Parked lists what is parked, in order.
func (g *Groups) Parked(ctx context.Context, name string) ([]Parked, error) {
	if _, err := g.Get(ctx, name); err != nil {
		return nil, err
	}
	return g.parked(ctx, name)
}

func (g *Groups) parked(ctx context.Context, name string) ([]Parked, error) {
	rows, err := g.db.Query(ctx, `SELECT position, partition, reason, attempts, again, parked_at FROM consumer_parked
		WHERE connection = $1 AND consumer = $2 ORDER BY connection, consumer, position`, g.log.Connection(), name)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (p Parked, err error) {
		var partition, attempts, again, at int64
		err = r.Scan(&p.Position, &partition, &p.Reason, &attempts, &again, &at)
		p.Partition, p.Attempts, p.Again, p.At = int(partition), int(attempts), again == 1, time.UnixMicro(at).UTC()
		return p, err
	})
	return all, readParked(name, err)
}

func readParked(name string, err error) error {
	if err != nil {
		return fmt.Errorf("read what %s parked: %w", name, err)
	}
	return nil
}

// Aside returns which of the positions are put aside, and of each whether it is to be delivered once more. It reads no
// other: who delivers asks often, and much may be put aside.
func (g *Groups) Aside(ctx context.Context, name string, positions ...int64) (map[int64]bool, error) {
	aside := map[int64]bool{}
	rows, err := g.db.QueryKeys(ctx, `SELECT position, again FROM consumer_parked
		WHERE connection = $1 AND consumer = $2 AND position IN ($keys)`, positions, g.log.Connection(), name)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (position int64, err error) {
		var again int64
		err = r.Scan(&position, &again)
		aside[position] = again == 1
		return position, err
	})
	return aside, readParked(name, err)
}

// Again returns the positions that were put aside and are to be delivered once more, in order.
func (g *Groups) Again(ctx context.Context, name string) ([]int64, error) {
	rows, err := g.db.Query(ctx, `SELECT position FROM consumer_parked WHERE connection = $1 AND consumer = $2 AND again = 1
		ORDER BY connection, consumer, position`, g.log.Connection(), name)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	return all, readParked(name, err)
}

// maxReason bounds what is stored of why an event is parked.
const maxReason = 500

// Park puts an event aside: it is not delivered to this consumer until it is retried, and the others go on. The reason
// must hold no personal value.
func (g *Groups) Park(ctx context.Context, name string, position int64, reason string) error {
	events, err := g.log.Get(ctx, position)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return fmt.Errorf("park %d: %w", position, ErrBeyond)
	}
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	all, err := g.rows(ctx, g.db, name)
	if err == nil && len(all) == 0 {
		err = unknown(name)
	}
	if err != nil {
		return err
	}
	partition := 0
	if all[0].Kind == KindGroup {
		partition = PartitionOf(events[0].Stream)
	}
	return g.db.InTx(ctx, func(tx eventstore.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE consumer_parked SET reason = $1, attempts = attempts + 1, again = 0, parked_at = $2
			WHERE connection = $3 AND consumer = $4 AND position = $5`, reason, g.now(), g.log.Connection(), name, position)
		if err != nil || n > 0 {
			return err
		}
		return tx.Bulk(ctx, parkedOp, [][]any{{
			g.log.Connection(), name, position, int64(partition), reason, int64(1), int64(0), g.now(),
		}})
	})
}

var parkedOp = eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "consumer_parked", Key: 3, Columns: []eventstore.Column{
	col("connection", eventstore.Text), col("consumer", eventstore.Text), col("position", eventstore.Int),
	col("partition", eventstore.Int), col("reason", eventstore.Text), col("attempts", eventstore.Int),
	col("again", eventstore.Int), col("parked_at", eventstore.Int),
}}

// Retry has parked events delivered once more: the one at the position, or all when that is 0.
func (g *Groups) Retry(ctx context.Context, name string, position int64) (int, error) {
	if _, err := g.Get(ctx, name); err != nil {
		return 0, err
	}
	n, err := g.db.Exec(ctx, `UPDATE consumer_parked SET again = 1 WHERE connection = $1 AND consumer = $2
		AND (position = $3 OR $4 = 0)`, g.log.Connection(), name, position, position)
	if err == nil && n == 0 && position != 0 {
		err = fmt.Errorf("event %d in %s: %w", position, name, ErrNotParked)
	}
	return int(n), err
}

// Drop forgets a parked event: it is never delivered.
func (g *Groups) Drop(ctx context.Context, name string, position int64) error {
	n, err := g.db.Exec(ctx, `DELETE FROM consumer_parked WHERE connection = $1 AND consumer = $2 AND position = $3`,
		g.log.Connection(), name, position)
	if err == nil && n == 0 {
		err = fmt.Errorf("event %d in %s: %w", position, name, ErrNotParked)
	}
	return err
}
