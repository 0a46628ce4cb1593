package app

import (
	"context"
	"time"

	"github.com/duolog/duolog/projections/operations"
)

// The rows of a plan that was carried out are kept for as long as somebody may compare them with what came of it. From
// then on they say nothing that the log does not: which contacts the operation was for, and what was decided for each.
const (
	planRowsKept = 90 * 24 * time.Hour
	tidyPlans    = time.Hour
)

// removeSpentRows removes the rows of plans whose operation ended before a time, in pieces. On SQLite nobody else writes
// meanwhile, so it rests as long as a piece took.
func (e *engine) removeSpentRows(ctx context.Context, ended time.Time) error {
	spent, err := e.Operations.Spent(ctx, ended)
	if err != nil {
		return err
	}
	for _, p := range spent {
		for ctx.Err() == nil {
			began := time.Now()
			n, err := operations.DeleteSpent(ctx, e.Store, e.Connection, p, planChunk)
			if err != nil {
				return err
			}
			if n < planChunk {
				break
			}
			sleep(ctx, time.Since(began))
		}
	}
	return ctx.Err()
}
