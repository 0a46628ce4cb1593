package replay

import (
	"context"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// recall reads what events of a page refer to, before they are decided on.
func recall(ctx context.Context, log eventstore.Log, v *planner.View, events []eventstore.Event) error {
	for _, e := range events {
		if e.Type != domain.PlanApplied || e.Erased {
			continue
		}
		in, err := state.Input(e)
		if err != nil {
			return err
		}
		if err := state.Recall(ctx, log, v, in); err != nil {
			return err
		}
	}
	return nil
}
