package replay

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Baseline scans a log's events in order and decodes their payloads: what anything that reads the log does at least.
// Reading them opened is not part of it. timed is handed what counts, piece by piece, one after the other.
func Baseline(ctx context.Context, db eventstore.DB, log eventstore.Log, end int64, timed func(func() error) error) error {
	if err := timed(func() error {
		_, err := projections.ScanEvents(ctx, db, log.Connection(), end)
		return err
	}); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	for at := int64(0); at < end; {
		events, err := log.Read(ctx, at, int(min(20*pageSize, end-at)))
		if err != nil || len(events) == 0 {
			return err
		}
		at = events[len(events)-1].Position
		if err := timed(func() error { return decodeAll(events) }); err != nil {
			return err
		}
	}
	return nil
}

func decodeAll(events []eventstore.Event) error {
	for _, e := range events {
		if err := decode(e); err != nil {
			return fmt.Errorf("decode %d: %w", e.Position, err)
		}
	}
	return nil
}

func decode(e eventstore.Event) error {
	var into any
	switch e.Type {
	case domain.DecisionMade:
		into = &planner.Decision{}
	case domain.CommandSettled:
		into = &domain.Outcome{}
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordObserved:
		into = &domain.Fact{}
	default:
		into = new(any)
	}
	return json.Unmarshal(e.Data, &into)
}
