package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// States of a version.
const (
	stateLive      = "live"
	stateBuilding  = "building"
	stateKept      = "kept"      // was live until a rebuild was swapped in; may be so again
	stateReturning = "returning" // is to be live again, and caught up for that
	stateOld       = "old"       // to be removed
)

// errFenced: another process moved the checkpoint, or swapped the version, since it was read.
var errFenced = errors.New("checkpoint was moved by another process")

// checkpoint is a row of the table projection.
type checkpoint struct {
	connection string
	name       string
	version    int64
	fold       int64
	position   int64
	state      string
	updated    int64
	polled     int64
}

const checkpointColumns = `p.version, p.fold, p.position, p.state, p.updated_at, p.polled_at`

var checkpointOp = eventstore.BulkOp{
	Mode: eventstore.InsertNew, Table: "projection", Key: 3,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "name", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
		{Name: "fold", Kind: eventstore.Int},
		{Name: "position", Kind: eventstore.Int},
		{Name: "state", Kind: eventstore.Text},
		{Name: "started_at", Kind: eventstore.Int},
		{Name: "updated_at", Kind: eventstore.Int},
		{Name: "polled_at", Kind: eventstore.Int},
	},
}

var liveOp = eventstore.BulkOp{
	Mode: eventstore.InsertNew, Table: "projection_live", Key: 2,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "name", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
	},
}

// Live returns the version whose rows readers see, 0 while the projection never ran.
func Live(ctx context.Context, q eventstore.Querier, connection, name string) (int64, error) {
	rows, err := q.Query(ctx, `SELECT version FROM projection_live WHERE connection = $1 AND name = $2`,
		connection, name)
	versions, err := eventstore.Scan(rows, err, scanInt)
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return versions[0], nil
}

// Position returns how far the live version has folded the log.
func Position(ctx context.Context, q eventstore.Querier, connection, name string) (int64, error) {
	rows, err := q.Query(ctx, `SELECT p.position FROM projection_live l JOIN projection p
		ON p.connection = l.connection AND p.name = l.name AND p.version = l.version
		WHERE l.connection = $1 AND l.name = $2`, connection, name)
	positions, err := eventstore.Scan(rows, err, scanInt)
	if err != nil || len(positions) == 0 {
		return 0, err
	}
	return positions[0], nil
}

// versions lists every version of the projection there is, oldest first.
func (r *Runner) versions(ctx context.Context, q eventstore.Querier, name string) ([]checkpoint, error) {
	rows, err := q.Query(ctx, `SELECT `+checkpointColumns+` FROM projection p
		WHERE p.connection = $1 AND p.name = $2 ORDER BY p.connection, p.name, p.version`, r.log.Connection(), name)
	return eventstore.Scan(rows, err, func(rows eventstore.Rows) (checkpoint, error) {
		cp := checkpoint{connection: r.log.Connection(), name: name}
		err := rows.Scan(&cp.version, &cp.fold, &cp.position, &cp.state, &cp.updated, &cp.polled)
		return cp, err
	})
}

// live returns the live version's checkpoint, making version 1 the first time.
func (r *Runner) live(ctx context.Context, p Projection) (checkpoint, error) {
	cp, err := r.find(ctx, r.db, p.Name(), stateLive)
	if !errors.Is(err, errNone) {
		return cp, err
	}
	err = r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := tx.Bulk(ctx, liveOp, [][]any{{r.log.Connection(), p.Name(), int64(1)}}); err != nil {
			return err
		}
		return r.insert(ctx, tx, p, 1, stateLive)
	})
	if err != nil {
		return checkpoint{}, fmt.Errorf("open projection %s: %w", p.Name(), err)
	}
	return r.find(ctx, r.db, p.Name(), stateLive)
}

var errNone = errors.New("no such version")

func (r *Runner) find(ctx context.Context, q eventstore.Querier, name, state string) (checkpoint, error) {
	all, err := r.versions(ctx, q, name)
	if err != nil {
		return checkpoint{}, fmt.Errorf("read checkpoint of %s: %w", name, err)
	}
	for _, cp := range all {
		if cp.state == state {
			return cp, nil
		}
	}
	return checkpoint{}, errNone
}

func (r *Runner) insert(ctx context.Context, q eventstore.Querier, p Projection, version int64, state string) error {
	now := r.now()
	return q.Bulk(ctx, checkpointOp, [][]any{{
		r.log.Connection(), p.Name(), version, int64(p.Fold()), int64(0), state, now, now, now,
	}})
}

// advance moves the checkpoint, and by it locks the version until commit. It fails with errFenced unless the version
// still stands where and as what it was read.
func (r *Runner) advance(ctx context.Context, q eventstore.Querier, cp checkpoint, to int64) error {
	now := r.now()
	n, err := q.Exec(ctx, `UPDATE projection SET position = $1, updated_at = $2, polled_at = $3
		WHERE connection = $4 AND name = $5 AND version = $6 AND position = $7 AND state = $8`,
		to, now, now, cp.connection, cp.name, cp.version, cp.position, cp.state)
	if err == nil && n == 0 {
		return errFenced
	}
	return err
}

// setState moves a version from one state to another; errFenced when it was in a third.
func setState(ctx context.Context, q eventstore.Querier, cp checkpoint, from, to string) error {
	n, err := q.Exec(ctx, `UPDATE projection SET state = $1
		WHERE connection = $2 AND name = $3 AND version = $4 AND state = $5`,
		to, cp.connection, cp.name, cp.version, from)
	if err == nil && n == 0 {
		return errFenced
	}
	return err
}

func scanInt(rows eventstore.Rows) (int64, error) {
	var n int64
	err := rows.Scan(&n)
	return n, err
}
