package outbound

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// Lists reads what the systems offer to choose from, as far as it was planned with.
func Lists(ctx context.Context, db eventstore.DB, log eventstore.Log) (settings.Lists, error) {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return settings.Lists{}, err
	}
	all, err := c.Choices(ctx, log)
	if err != nil {
		return settings.Lists{}, err
	}
	return all.Lists(), nil
}

// ListsThen is Lists as they were at a moment: was tells which events, the first ones of the log, there were by then.
func ListsThen(ctx context.Context, log eventstore.Log, was func(eventstore.Event) bool) (settings.Lists, error) {
	t := then{log: log, was: was}
	counted, err := t.counted(ctx)
	if err != nil {
		return settings.Lists{}, err
	}
	all := &planner.Choices{}
	for _, stream := range append([]string{domain.StreamSchema + string(domain.HubSpot)}, planner.ChoiceStreams...) {
		err := t.each(ctx, stream, func(in planner.Input) { all.Take(in, counted) })
		if err != nil {
			return settings.Lists{}, err
		}
	}
	return all.Lists(), nil
}

// then is a log as it was at a moment.
type then struct {
	log eventstore.Log
	was func(eventstore.Event) bool
}

// counted returns the position up to which what was told counted: the end of the last pull, or what a person declared last.
func (t then) counted(ctx context.Context) (last int64, err error) {
	err = t.each(ctx, "connection", func(in planner.Input) {
		if pulled(in) {
			last = in.Position
		}
	})
	for _, stream := range planner.ChoiceStreams {
		if err != nil {
			break
		}
		err = t.each(ctx, stream, func(in planner.Input) {
			if declaredBy(in) {
				last = max(last, in.Position)
			}
		})
	}
	return last, err
}

// pulled reports the end of a pull.
func pulled(in planner.Input) bool {
	var a domain.Act
	return in.Type == domain.OperationFinished && json.Unmarshal(in.Data, &a) == nil && strings.HasPrefix(a.Name, domain.PullOperation)
}

// declaredBy reports what a person said of a choice.
func declaredBy(in planner.Input) bool {
	var f domain.CatalogFact
	return json.Unmarshal(in.Data, &f) == nil && f.Via == domain.ViaDeclared
}

const thenPage = 500

func (t then) each(ctx context.Context, stream string, take func(planner.Input)) error {
	for after := int64(0); ; {
		events, err := t.log.ReadStream(ctx, stream, after, thenPage)
		if err != nil {
			return fmt.Errorf("choices as they were: %w", err)
		}
		for _, e := range events {
			if after = e.Position; !t.was(e) {
				return nil
			}
			if e.Erased {
				continue
			}
			in, err := state.Input(e)
			if err != nil {
				return err
			}
			take(in)
		}
		if len(events) < thenPage {
			return nil
		}
	}
}
