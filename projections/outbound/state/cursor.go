package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// ErrMoved: another process wrote to this version, or swapped it, meanwhile; what was worked out is thrown away.
var ErrMoved = errors.New("planner state has moved on")

// Cursor is a place in one version: how far its inputs were taken, and the connection's own state there.
type Cursor struct {
	Store
	Position int64
	Control  planner.Control

	live  bool
	blind bool  // events were passed over that are erased
	stamp int64 // updated_at as read: rises with every commit, so two writers cannot both go on from one place
}

// Open reads the live version's place, making version 1 when there is none.
func Open(ctx context.Context, db eventstore.DB, log eventstore.Log) (*Cursor, error) {
	c := &Cursor{Store: Store{Connection: log.Connection(), Vault: log.Vault()}, live: true}
	found, err := c.read(ctx, db, "live = 1")
	if err != nil || found {
		return c, err
	}
	c.Version = 1
	if _, err := c.insert(ctx, db); err != nil {
		return nil, err
	}
	return c, nil
}

// read takes the place from the one row that fits.
func (c *Cursor) read(ctx context.Context, q eventstore.Querier, which string) (found bool, err error) {
	rows, err := q.Query(ctx, "SELECT version, position, control, updated_at FROM outbound WHERE connection = $1 AND "+which,
		c.Connection)
	texts, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var control string
		return control, r.Scan(&c.Version, &c.Position, &control, &c.stamp)
	})
	if err != nil {
		return false, fmt.Errorf("load the planner's place: %w", err)
	}
	if len(texts) == 0 {
		return false, nil
	}
	if err := json.Unmarshal([]byte(texts[0]), &c.Control); err != nil {
		return false, fmt.Errorf("planner state: %w", err)
	}
	return true, nil
}

// Still fails with ErrMoved once another version has taken this one's place: its rows are being removed then, and whoever
// read page after page of them may have read too few.
func (c *Cursor) Still(ctx context.Context, q eventstore.Querier) error {
	rows, err := q.Query(ctx, "SELECT version FROM outbound WHERE connection = $1 AND version = $2 AND live = 1", c.Connection, c.Version)
	there, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	switch {
	case err != nil:
		return fmt.Errorf("look at the planner's place: %w", err)
	case len(there) == 0:
		return fmt.Errorf("version %d: %w", c.Version, ErrMoved)
	}
	return nil
}

// insert makes the version's row, and false when it is there.
func (c *Cursor) insert(ctx context.Context, q eventstore.Querier) (bool, error) {
	n, err := q.Exec(ctx, `INSERT INTO outbound (connection, version, live, position, control, updated_at)
		VALUES ($1, $2, $3, 0, '{}', 0) ON CONFLICT (connection, version) DO NOTHING`, c.Connection, c.Version, flag(c.live))
	if err != nil {
		return false, fmt.Errorf("open planner state: %w", err)
	}
	return n > 0, nil
}

// Write moves the version to a position and saves the changes. ErrMoved unless it still stands as it was read. now is
// µs UTC. Advance must follow the commit.
func (c *Cursor) Write(ctx context.Context, tx eventstore.Tx, ch Changes, to, now int64) error {
	if err := c.move(ctx, tx, ch.text, to, now, c.live); err != nil {
		return err
	}
	if err := c.forget(ctx, tx, ch.forgotten); err != nil {
		return err
	}
	return ch.save(ctx, tx)
}

// Advance takes note that Write, called with the same values, was committed.
func (c *Cursor) Advance(ch Changes, to, now int64) {
	c.Position, c.Control, c.stamp = to, ch.control, c.next(now)
}

func (c *Cursor) move(ctx context.Context, tx eventstore.Tx, control string, to, now int64, live bool) error {
	n, err := tx.Exec(ctx, `UPDATE outbound SET position = $1, control = $2, updated_at = $3, live = $4
		WHERE connection = $5 AND version = $6 AND live = $7 AND position = $8 AND updated_at = $9`,
		to, control, c.next(now), flag(live), c.Connection, c.Version, flag(c.live), c.Position, c.stamp)
	switch {
	case err != nil:
		return fmt.Errorf("move the planner's checkpoint: %w", err)
	case n == 0:
		return fmt.Errorf("version %d at %d: %w", c.Version, c.Position, ErrMoved)
	}
	return nil
}

func (c *Cursor) next(now int64) int64 { return max(now, c.stamp+1) }
