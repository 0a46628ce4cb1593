package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Rebuilder folds the log from its beginning into a new version beside the live one, and swaps. It may run while the
// planner works, in its process or in another: the planner finds its version gone and goes on with the new one. It needs
// no lease, for whoever writes to a version, planner or rebuild, moves its row from where it read it to be, in the same
// transaction, and of two only one can.
type Rebuilder struct {
	DB   eventstore.DB
	Log  eventstore.Log
	Page int // events in a transaction; 0: 200
	// Progress, when set, hears the position reached and the log's end after each page.
	Progress func(done, total int64)
}

// Run rebuilds. One that was stopped leaves the live version as it was, and the next one begins anew.
func (r Rebuilder) Run(ctx context.Context) error {
	if r.Page <= 0 {
		r.Page = 200
	}
	next, err := r.begin(ctx)
	if err != nil {
		return fmt.Errorf("rebuild planner state: %w", err)
	}
	if err := r.fill(ctx, next); err != nil {
		return fmt.Errorf("rebuild planner state: %w", err)
	}
	if err := r.removeOld(ctx, next.Version); err != nil {
		return fmt.Errorf("remove old planner state: %w", err)
	}
	return nil
}

// begin makes the new version and stops every rebuild begun before; what they left is removed.
func (r Rebuilder) begin(ctx context.Context) (*Cursor, error) {
	if _, err := Open(ctx, r.DB, r.Log); err != nil {
		return nil, err
	}
	next := &Cursor{Store: Store{Connection: r.Log.Connection(), Vault: r.Log.Vault()}}
	for mine := false; !mine; { // another that began at the same moment may have taken the number
		err := r.DB.InTx(ctx, func(tx eventstore.Tx) (err error) {
			mine, err = r.take(ctx, tx, next)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return next, r.removeOld(ctx, next.Version)
}

// take makes the row of the next version, and false when there is one of it by now. Only what is behind it is stopped: of
// those that run at once, the last goes on.
func (r Rebuilder) take(ctx context.Context, tx eventstore.Tx, next *Cursor) (bool, error) {
	rows, err := tx.Query(ctx, "SELECT MAX(version) FROM outbound WHERE connection = $1", next.Connection)
	last, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil {
		return false, err
	}
	next.Version = last[0] + 1
	mine, err := next.insert(ctx, tx)
	if err != nil || !mine {
		return false, err
	}
	_, err = tx.Exec(ctx, "UPDATE outbound SET position = -1 WHERE connection = $1 AND live = 0 AND version < $2",
		next.Connection, next.Version)
	return true, err
}

// fill brings the new version to where the live one stands, and swaps.
func (r Rebuilder) fill(ctx context.Context, next *Cursor) error {
	var before int64
	for {
		live, err := Open(ctx, r.DB, r.Log)
		if err != nil {
			return err
		}
		began := time.Now()
		if next.Position < live.Position {
			err = r.page(ctx, next, live.Position)
		} else {
			err = r.swap(ctx, next, live)
		}
		done := err == nil && next.live
		if err != nil && !errors.Is(err, errBehind) {
			return err
		}
		head, err := r.Log.Head(ctx)
		if err != nil {
			return err
		}
		if r.Progress != nil {
			r.Progress(next.Position, head.Position)
		}
		if done {
			return nil
		}
		r.yield(ctx, time.Since(began), before != 0 && head.Position != before)
		before = head.Position
	}
}

// yield gives a SQLite database's only writer's place to others for as long as it was held, while anyone appends.
func (r Rebuilder) yield(ctx context.Context, held time.Duration, appending bool) {
	if !appending || r.DB.Backend() != "sqlite" {
		return
	}
	t := time.NewTimer(held)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// page folds the next events, none behind the live version's position.
func (r Rebuilder) page(ctx context.Context, next *Cursor, until int64) error {
	events, err := r.Log.Read(ctx, next.Position, r.Page)
	if err != nil {
		return err
	}
	if events, err = r.cut(ctx, next, events, until); err != nil {
		return err
	}
	if len(events) == 0 {
		return fmt.Errorf("the log ends at %d, before the planner's position %d", next.Position, until)
	}
	v, err := next.folded(ctx, r.DB, events)
	if err != nil {
		return err
	}
	ch, err := next.Seal(ctx, v)
	if err != nil {
		return err
	}
	return r.commit(ctx, next, ch, events[len(events)-1].Position)
}

func (r Rebuilder) commit(ctx context.Context, next *Cursor, ch Changes, to int64) error {
	now := time.Now().UnixMicro()
	err := r.DB.InTx(ctx, func(tx eventstore.Tx) error { return next.Write(ctx, tx, ch, to, now) })
	if err == nil {
		next.Advance(ch, to, now)
	}
	return err
}
