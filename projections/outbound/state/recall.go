package state

import (
	"context"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// recallPage is how many events are recalled at once.
const recallPage = 500

// Recall reads what an input refers to in the log before it, into the view. Of what was erased nothing is known.
func Recall(ctx context.Context, log eventstore.Log, v *planner.View, in planner.Input) error {
	for part := range slices.Chunk(planner.Recalls(in), recallPage) {
		if err := RecallAt(ctx, log, v, part...); err != nil {
			return err
		}
	}
	return nil
}

// RecallAt reads what the events at some positions told into the view.
func RecallAt(ctx context.Context, log eventstore.Log, v *planner.View, positions ...int64) error {
	events, err := log.Get(ctx, positions...)
	if err != nil {
		return fmt.Errorf("recall what was told before: %w", err)
	}
	for _, e := range events {
		if e.Erased {
			continue
		}
		in, err := Input(e)
		if err != nil {
			return err
		}
		v.Recall(in)
	}
	return nil
}
