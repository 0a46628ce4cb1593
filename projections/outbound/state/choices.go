package state

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// choicePage is how many entries of a catalog are read at a time.
const choicePage = 1000

// Choices reads what the systems offer to choose from, as it was told up to the cursor's place. It is not stored: the
// streams it is told in are short, and what was erased of a person is gone from there.
func (c *Cursor) Choices(ctx context.Context, log eventstore.Log) (*planner.Choices, error) {
	all := &planner.Choices{}
	if at := c.Control.Schemas[domain.HubSpot].Position; at > 0 {
		events, err := log.Get(ctx, at)
		if err == nil {
			err = c.take(all, events)
		}
		if err != nil {
			return nil, fmt.Errorf("read HubSpot's options: %w", err)
		}
	}
	for _, stream := range planner.ChoiceStreams {
		if err := c.stream(ctx, log, stream, all); err != nil {
			return nil, fmt.Errorf("read %s: %w", stream, err)
		}
	}
	return all, nil
}

func (c *Cursor) stream(ctx context.Context, log eventstore.Log, stream string, all *planner.Choices) error {
	for after := int64(0); ; {
		events, err := log.ReadStream(ctx, stream, after, choicePage)
		if err != nil || len(events) == 0 {
			return err
		}
		if err := c.take(all, events); err != nil {
			return err
		}
		after = events[len(events)-1].Position
	}
}

func (c *Cursor) take(all *planner.Choices, events []eventstore.Event) error {
	for _, e := range events {
		if e.Erased || e.Position > c.Position {
			continue
		}
		in, err := Input(e)
		if err != nil {
			return err
		}
		all.Take(in, c.Control.ChoicesAt)
	}
	return nil
}
