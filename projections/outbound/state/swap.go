package state

import (
	"context"
	"errors"
	"time"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// errBehind: the planner wrote to the live version while the new one was about to take its place.
var errBehind = errors.New("live version is ahead")

// swap makes the new version the live one, at the position the live one stands. The planner may have written decisions
// behind that position, on inputs up to it: they count too.
func (r Rebuilder) swap(ctx context.Context, next, live *Cursor) error {
	v, err := r.tail(ctx, next, live)
	if err != nil {
		return err
	}
	if next.blind {
		v.Remember(live.Control)
	}
	ch, err := next.Seal(ctx, v)
	if err != nil {
		return err
	}
	now := time.Now().UnixMicro()
	err = r.DB.InTx(ctx, func(tx eventstore.Tx) error {
		err := live.move(ctx, tx, "{}", live.Position, now, false)
		switch {
		case errors.Is(err, ErrMoved):
			return errBehind
		case err != nil:
			return err
		}
		if err := next.move(ctx, tx, ch.text, live.Position, now, true); err != nil {
			return err
		}
		if err := next.forget(ctx, tx, ch.forgotten); err != nil {
			return err
		}
		return ch.save(ctx, tx)
	})
	if err == nil {
		next.Advance(ch, live.Position, now)
		next.live = true
	}
	return err
}

// tail folds what the live version holds beyond its position: decisions on inputs up to there, and, when the planner
// is in the midst of planning the contacts that waited for an act, that act and the decisions on it.
func (r Rebuilder) tail(ctx context.Context, next, live *Cursor) (*planner.View, error) {
	until := max(live.Position, live.Control.Opening)
	v := planner.NewView(next.Control, planner.NewDigester(nil))
	for at := live.Position; ; {
		events, err := r.Log.Read(ctx, at, r.Page)
		if err != nil || len(events) == 0 {
			return v, err
		}
		at = events[len(events)-1].Position
		counted, err := counting(events, until)
		if err != nil {
			return nil, err
		}
		if err := next.foldInto(ctx, r.DB, v, counted); err != nil {
			return nil, err
		}
	}
}
