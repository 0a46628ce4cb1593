package contacts

import (
	"encoding/json"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// input is an event with its payload read; at most one of the payloads is set.
type input struct {
	eventstore.Event
	fact     *domain.Fact
	outcome  *domain.Outcome
	decision *planner.Decision
	settings *domain.SettingsAct
}

// isFact reports the types that tell values of the record whose stream they lie on.
func isFact(kind string) bool {
	switch kind {
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordDeleted, domain.RecordRestored,
		domain.RecordMerged, domain.RecordObserved, domain.RecordSuppressed:
		return true
	}
	return false
}

func decode(e eventstore.Event) (input, error) {
	in := input{Event: e}
	var err error
	switch {
	case e.Erased:
	case isFact(e.Type) || e.Type == domain.RecordAbsent:
		in.fact, err = payload[domain.Fact](e)
	case e.Type == domain.CommandSettled:
		in.outcome, err = payload[domain.Outcome](e)
	case e.Type == domain.DecisionMade:
		in.decision, err = payload[planner.Decision](e)
	case e.Type == domain.SettingsChanged:
		in.settings, err = payload[domain.SettingsAct](e)
	}
	return in, err
}

func payload[T any](e eventstore.Event) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(e.Data, v); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return v, nil
}

// shows reports whether the event tells values of the record on whose stream it lies.
func (in input) shows() bool {
	switch {
	case isFact(in.Type):
		return true
	case in.Type == domain.CommandSettled:
		return in.Erased || in.outcome.Record.Stream() == in.Stream
	}
	return false
}

// read returns the records whose read by id the event answers, and the command that asked.
func (in input) read() (streams []string, command ulid.ULID) {
	switch {
	case in.fact != nil && in.fact.Answer != nil && in.fact.Answer.By == "id":
		streams = append(streams, in.Stream)
		for _, rec := range in.fact.Merged {
			streams = append(streams, rec.Stream())
		}
		return streams, in.fact.Answer.Command
	case in.outcome != nil && in.outcome.Kind == domain.KindRead && !in.outcome.Record.IsZero():
		return []string{in.outcome.Record.Stream()}, in.outcome.Command
	}
	return nil, ulid.ULID{}
}
