package app

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// InForce is Control with the modes and pauses that were said since it was planned, so that an act shows at once, and
// with no process running.
func (a *App) InForce(ctx context.Context) (planner.Control, int64, error) {
	control, position, err := a.Control(ctx)
	if err != nil {
		return control, position, err
	}
	for after := position; ; {
		events, err := a.Log.ReadStream(ctx, streamConnection, after, 500)
		if err != nil || len(events) == 0 {
			return control, position, err
		}
		for _, e := range events {
			after = e.Position
			if err := ahead(&control, e); err != nil {
				return control, position, err
			}
		}
	}
}

// ahead takes what an act says of mode and pause.
func ahead(c *planner.Control, e eventstore.Event) error {
	switch e.Type {
	case domain.SyncPaused:
		c.Paused = true
		var act domain.Act
		if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
			return fmt.Errorf("%s at %d: %w", e.Type, e.Position, err)
		}
		if act.Guard != nil {
			c.Guard.Trip, c.Guard.PausedAt = act.Guard, e.Position
		}
	case domain.SyncResumed:
		c.Paused, c.Guard.Trip = false, nil
	case domain.ModeChanged:
		var act domain.Act
		if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
			return fmt.Errorf("%s at %d: %w", e.Type, e.Position, err)
		}
		c.Mode, c.Pilot = act.Mode, settings.Pilot{Filter: act.Filter, MaxWritesPerHour: act.MaxWrites}
	}
	return nil
}
