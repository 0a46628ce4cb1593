package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Baseline returns how long it takes to scan a log's events in order and to decode their payloads, one after the other:
// what anything that reads the log does at least. Reading them opened is not part of it.
func Baseline(ctx context.Context, db eventstore.DB, log eventstore.Log, end int64) (time.Duration, error) {
	took, err := projections.ScanEvents(ctx, db, log.Connection(), end)
	if err != nil {
		return 0, fmt.Errorf("scan: %w", err)
	}
	for p := range pages(ctx, log, end) {
		if p.err != nil {
			return 0, p.err
		}
		began := time.Now()
		for _, e := range p.events {
			if err := decode(e); err != nil {
				return 0, fmt.Errorf("decode %d: %w", e.Position, err)
			}
		}
		took += time.Since(began)
	}
	return took, nil
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
