package state

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/internal/inputs"
)

// Input makes of an event what the planner reads, at today's schema. A payload that cannot be brought there is left
// out, so that folding the input fails and says so. It is an error only when a newer program wrote the event: then
// this one must not go on.
func Input(e eventstore.Event) (planner.Input, error) {
	in := planner.Input{Position: e.Position, ID: e.ID, Type: e.Type, Stream: e.Stream, RecordedAt: e.RecordedAt}
	data, _, err := domain.Upcast(e.Type, e.Schema, e.Data)
	if errors.Is(err, domain.ErrNewerSchema) || errors.Is(err, domain.ErrUnknownEvent) {
		return in, fmt.Errorf("event %d: %w", e.Position, err)
	}
	if err == nil {
		in.Data = data
	}
	return in, nil
}

// Decision reads the payload of a decision.made.
func Decision(e eventstore.Event) (planner.Decision, error) { return decision(e, inputs.Decision) }

// Gist reads as much of the payload of a decision.made as people are told of. It is nothing to go on from.
func Gist(e eventstore.Event) (planner.Decision, error) { return decision(e, inputs.Gist) }

func decision(e eventstore.Event, read func([]byte) (*planner.Decision, bool)) (planner.Decision, error) {
	var d planner.Decision
	data, _, err := domain.Upcast(e.Type, e.Schema, e.Data)
	if err == nil {
		if got, ok := read(data); ok {
			return *got, nil
		}
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		return d, fmt.Errorf("decision at %d: %w", e.Position, err)
	}
	return d, nil
}

// Digester makes the digests of a connection's planner.
func Digester(v eventstore.Vault) planner.Digester {
	return planner.NewDigester(v.Secret("planner digest"))
}

// Fold folds an input; a panic is an error like any other. What was folded before it stays, here as in a rebuild.
func Fold(v *planner.View, in planner.Input) (e planner.Effect, err error) {
	defer Recovered(&err)
	return v.Fold(in)
}

// Recovered makes an error of a panic. It names the panic's type only: its text could hold a value.
func Recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic of type %T", r)
	}
}

// Settings reads what a settings.changed makes count, for a look ahead; false when it cannot be read.
func Settings(in planner.Input) (settings.Settings, bool) {
	v := planner.NewView(planner.Control{}, planner.NewDigester(nil))
	_, err := Fold(v, in)
	return v.Control.Settings, err == nil
}
